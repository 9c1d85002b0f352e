// The difference of two texts, and the merge of two changes of one text, both with libgit2.
#pragma once

#include <optional>
#include <string>

namespace vgpukit::passthrough {

// A unified diff as `diff -u` writes it, with a/ and b/ in front of the path. No text: the file does not exist. Empty:
// no difference.
std::string text_diff(const std::string& path, const std::optional<std::string>& before,
                      const std::optional<std::string>& after);

// `mine` with the change from `base` to `theirs` applied. Nothing if both change the same lines.
std::optional<std::string> merge_texts(const std::string& base, const std::string& mine, const std::string& theirs);

}  // namespace vgpukit::passthrough
