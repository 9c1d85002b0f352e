// A unified diff, read and applied with libgit2, and what libgit2 does not tell: whether it is applied already, and what is in its way.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::transform_detail {

struct Hunk {
  std::string header;                // "@@ -27,10 +27,7 @@ static inline int ..."
  std::size_t old_start = 0;         // line numbers from 1
  std::size_t new_start = 0;
  std::vector<std::string> before;   // the lines of the old side with their newlines
  std::vector<std::string> after;
  bool adds = false;
};

struct FileDiff {
  enum class What { change, add, remove };
  What what = What::change;
  std::string path;                  // as in the diff, without its first component (a/, b/)
  std::vector<Hunk> hunks;
};

// Error: usage - it does not parse, has no change, is binary, renames or copies, or names a path outside of the tree.
Result<std::vector<FileDiff>> read_diff(const std::string& diff, const std::string& name);

// Whether the new sides of all hunks are in the text, each behind the one before. A hunk that only removes lines counts when its old
// side is not there.
bool is_applied(const FileDiff& diff, std::string_view text);

// What is in the way of the first hunk whose old side is not in the text: "hunk @@ -27,10 +27,7 @@ wants `x` in line 30, where `y` is".
// Empty when there is none.
std::string obstacle(const FileDiff& diff, std::string_view text);

// Path -> text; nullopt: the file is not there.
using Texts = std::map<std::string, std::optional<std::string>, std::less<>>;
// Applies the whole diff in memory. `texts` holds every file that the diff names, by the diff's paths; so does what is returned.
// Error: failed, with libgit2's reason.
Result<Texts> apply_diff(const std::string& diff, const std::string& name, const Texts& texts);

}  // namespace vgpukit::transform_detail
