// What differs between two texts, and what two changes of one text come to together. libgit2 does both.
#pragma once

#include <optional>
#include <string>

namespace vgpukit::passthrough {

// A unified diff as `diff -u` writes it, with a/ and b/ in front of the path; nothing: the file is not there. Empty: no
// difference.
std::string text_diff(const std::string& path, const std::optional<std::string>& before,
                      const std::optional<std::string>& after);

// `mine` with the change from `base` to `theirs` in it; nothing where both changed the same lines.
std::optional<std::string> merge_texts(const std::string& base, const std::string& mine, const std::string& theirs);

}  // namespace vgpukit::passthrough
