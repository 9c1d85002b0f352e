// Alternatives: the forms that NVIDIA gave one construct in different releases.
#pragma once

#include <memory>
#include <vector>

#include "transform/transform.hpp"

namespace vgpukit::transform {

using Alternative = std::vector<std::unique_ptr<Transform>>;

// Tries the alternatives in order, each on the tree as it was, and keeps the first that changes the tree. An
// alternative fails at its first failing transform. If none changes anything, it is done already if one of them says
// so; otherwise it fails with the reasons of all.
std::unique_ptr<Transform> first_of(std::vector<Alternative> alternatives);

}  // namespace vgpukit::transform
