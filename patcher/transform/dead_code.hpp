// The branches of #if that a kernel's compiler does not see.
#pragma once

#include <string_view>
#include <vector>

#include "support/version.hpp"
#include "transform/token_match.hpp"

namespace vgpukit::transform {

// The parts of a source that a kernel of this version does not compile: branches of an #if whose condition is a
// constant or compares LINUX_VERSION_CODE. Any other condition (a conftest macro, CONFIG_X) may hold or not, and its
// branches are not dead. `row` is from flat_tokens(). A kernel without a version decides only constants.
std::vector<Span> dead_code(const std::vector<Token>& row, const Version& kernel);

// Whether dead_code() can find something there. Much faster than dead_code(), which needs tokens.
bool may_have_dead_code(std::string_view source);

}  // namespace vgpukit::transform
