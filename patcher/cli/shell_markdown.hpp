// docs/reference: a page for each command, and one that lists them, as `vgpukit shell markdown` writes them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/command_tree.hpp"

namespace vgpukit::cli {

// File names and texts. The lines have at most 120 characters.
std::vector<std::pair<std::string, std::string>> reference_pages(const std::vector<Node>& nodes);

}  // namespace vgpukit::cli
