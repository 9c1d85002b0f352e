// Reads and applies unified diffs with libgit2. Beyond what libgit2 does, it finds the places of hunks at any offset,
// whether they are applied already, and why one cannot be applied.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::transform {

struct Hunk {
  std::string header;         // "@@ -27,10 +27,7 @@ static inline int ..."
  std::size_t old_start = 0;  // line numbers from 1
  std::size_t new_start = 0;
  struct Line {
    char origin;       // ' ', '-' or '+'
    std::string text;  // with its newline, if it has one
  };
  std::vector<Line> lines;
  std::vector<std::string> before;  // the old side
  std::vector<std::string> after;   // the new side
  bool adds = false;
};

struct FileDiff {
  enum class What { change, add, remove };
  What what = What::change;
  std::string path;  // without its first component (a/, b/)
  std::vector<Hunk> hunks;
};

// Reads the output of git and of diff -u, also inside a mail. Error: usage if it does not parse, has no change, is
// binary, renames or copies a file, or names a path outside of the tree.
Result<std::vector<FileDiff>> read_diff(const std::string& diff, const std::string& name);

// The path below the driver's source folder: nvidia/nv.c. A diff that was made in an unpacked package names
// kernel/nvidia/nv.c or kernel-open/nvidia/nv.c.
std::string path_in_sources(const std::string& path);

// Whether the new sides of all hunks are in the text, in their order. For a hunk that only removes lines, its old side
// must also be farther away than its new side.
bool is_applied(const FileDiff& diff, std::string_view text);

struct Placement {
  std::vector<std::size_t> lines;  // where each hunk's old side is: index of its first line
  // Why the first hunk without a place has none: "hunk @@ -27,10 +27,7 @@ needs `x` in line 30, and `y` is there".
  std::string obstacle;
};
Placement place_hunks(const FileDiff& diff, std::string_view text);

// Path -> text; nullopt: the file is not there.
using Texts = std::map<std::string, std::optional<std::string>, std::less<>>;
// Applies the diffs in memory with git_apply_to_tree(). `texts` and the result have every file that the diffs name. All
// hunks must have a place. Error: failed, with libgit2's reason.
Result<Texts> apply_diffs(const std::vector<FileDiff>& diffs, const std::string& name, const Texts& texts);

}  // namespace vgpukit::transform
