// Globs that name files of a source tree.
#pragma once

#include <string_view>

namespace vgpukit::transform {

// Whether a path relative to the tree matches. "**/" is any number of folders, also none; "*" and "?" do not match a
// slash; "{a,b}" are alternatives.
bool glob_matches(std::string_view pattern, std::string_view path);

}  // namespace vgpukit::transform
