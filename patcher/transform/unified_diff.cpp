#include "transform/unified_diff.hpp"

#include <git2.h>

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

#include "support/libgit2.hpp"
#include "transform/source_text.hpp"

namespace vgpukit::transform {
namespace {

Error bad_diff(const std::string& name, std::string why) {
  return {ErrorKind::usage, "read the patch " + name, std::move(why), ""};
}

bool is_inside(std::string_view path) {
  if (path.empty() || path.front() == '/') return false;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    if (part.empty() || part == "." || part == ".." || part == ".git") return false;
    at = end + 1;
  }
  return true;
}

// "--- a/nvidia/nv.c<tab>2024-01-01" -> "nvidia/nv.c"; empty for /dev/null.
std::string header_path(std::string_view line) {
  line =
      trimmed(line.substr(4, line.find('\t') == std::string_view::npos ? std::string_view::npos : line.find('\t') - 4));
  if (line == "/dev/null") return "";
  const std::size_t slash = line.find('/');
  return std::string(slash == std::string_view::npos ? line : line.substr(slash + 1));
}

// The lines that a hunk's header announces: "@@ -3,7 +3,8 @@" has 7 and 8.
std::pair<std::size_t, std::size_t> hunk_lengths(std::string_view header) {
  const auto length = [&](char sign) -> std::size_t {
    const std::size_t at = header.find(sign, 2);
    if (at == std::string_view::npos) return 0;
    const std::size_t end = std::min(header.find(' ', at), header.size());
    const std::size_t comma = header.substr(0, end).find(',', at);
    if (comma == std::string_view::npos) return 1;
    std::size_t value = 0;
    std::from_chars(header.data() + comma + 1, header.data() + end, value);
    return value;
  };
  return {length('-'), length('+')};
}

// libgit2 reads only what begins with "diff --git"; what diff -u wrote gets that line.
std::string with_git_headers(std::string_view diff) {
  std::string result;
  std::size_t old_left = 0, new_left = 0;
  bool has_header = false;
  for (std::size_t at = 0; at < diff.size();) {
    const std::size_t end = next_line(diff, at);
    const std::string_view line = diff.substr(at, end - at);
    const std::string_view following = diff.substr(end, next_line(diff, end) - end);
    if (old_left + new_left > 0) {  // "--- x" in here is a removed line
      if (old_left > 0 && !line.starts_with('+') && !line.starts_with('\\')) --old_left;
      if (new_left > 0 && !line.starts_with('-') && !line.starts_with('\\')) --new_left;
    } else if (line.starts_with("@@ -")) {
      std::tie(old_left, new_left) = hunk_lengths(line);
      has_header = false;
    } else if (line.starts_with("diff --git ")) {
      has_header = true;
    } else if (!has_header && line.starts_with("--- ") && following.starts_with("+++ ")) {
      const std::string before = header_path(line), after = header_path(following);
      const std::string path = after.empty() ? before : after;
      result += "diff --git a/" + path + " b/" + path + "\n";
      if (before.empty()) result += "new file mode 100644\n";
      if (after.empty()) result += "deleted file mode 100644\n";
      result += (before.empty() ? "--- /dev/null" : "--- a/" + path) + "\n" +
                (after.empty() ? "+++ /dev/null" : "+++ b/" + path) + "\n";
      at = next_line(diff, end);
      continue;
    }
    result += line;
    at = end;
  }
  return result;
}

Hunk read_hunk(git_patch* patch, std::size_t number) {
  Hunk made;
  const git_diff_hunk* hunk = nullptr;
  std::size_t lines = 0;
  if (git_patch_get_hunk(&hunk, &lines, patch, number) != 0) return made;
  made.header = trimmed_copy({hunk->header, hunk->header_len});
  made.old_start = static_cast<std::size_t>(std::max(hunk->old_start, 0));
  made.new_start = static_cast<std::size_t>(std::max(hunk->new_start, 0));
  for (std::size_t i = 0; i < lines; ++i) {
    const git_diff_line* line = nullptr;
    if (git_patch_get_line_in_hunk(&line, patch, number, i) != 0) continue;
    if (line->origin == GIT_DIFF_LINE_CONTEXT_EOFNL || line->origin == GIT_DIFF_LINE_ADD_EOFNL ||
        line->origin == GIT_DIFF_LINE_DEL_EOFNL) {
      if (!made.lines.empty() && made.lines.back().text.ends_with('\n')) made.lines.back().text.pop_back();
      continue;
    }
    made.lines.push_back({line->origin, {line->content, line->content_len}});
  }
  for (const Hunk::Line& line : made.lines) {
    if (line.origin != GIT_DIFF_LINE_ADDITION) made.before.push_back(line.text);
    if (line.origin != GIT_DIFF_LINE_DELETION) made.after.push_back(line.text);
    made.adds = made.adds || line.origin == GIT_DIFF_LINE_ADDITION;
  }
  return made;
}

using Lines = std::vector<std::string_view>;

Lines lines_of(std::string_view text) {
  Lines lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = next_line(text, at);
    lines.push_back(text.substr(at, end - at));
    at = end;
  }
  return lines;
}

// How many of the wanted lines are there, from `at` on.
std::size_t common(const Lines& lines, std::size_t at, const std::vector<std::string>& wanted) {
  std::size_t n = 0;
  while (n < wanted.size() && at + n < lines.size() && lines[at + n] == wanted[n]) ++n;
  return n;
}

std::size_t distance(std::size_t a, std::size_t b) {
  return a > b ? a - b : b - a;
}

std::size_t moved(std::size_t line, std::ptrdiff_t drift) {
  return static_cast<std::size_t>(std::max<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(line) + drift, 0));
}

// The place of `wanted` at or behind `from` that is nearest to `expected`.
std::optional<std::size_t> find_lines(const Lines& lines, const std::vector<std::string>& wanted, std::size_t from,
                                      std::size_t expected) {
  std::optional<std::size_t> best;
  for (std::size_t i = from; i + wanted.size() <= lines.size(); ++i)
    if ((!best || distance(i, expected) < distance(*best, expected)) && common(lines, i, wanted) == wanted.size())
      best = i;
  return best;
}

// "-5,0" inserts behind line 5, every other start is the first line itself.
std::size_t index_of_line(std::size_t number, const std::vector<std::string>& side) {
  return number > 0 && !side.empty() ? number - 1 : number;
}

// Where most of the hunk's beginning fits, and of these places the nearest to the expected one.
std::string obstacle(const Hunk& hunk, const Lines& lines, std::size_t expected) {
  std::size_t best = std::min(expected, lines.size());
  std::size_t most = common(lines, best, hunk.before);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t n = common(lines, i, hunk.before);
    if (n < most || (n == most && (n == 0 || distance(i, expected) >= distance(best, expected)))) continue;
    best = i;
    most = n;
  }
  const std::size_t at = best + most;
  if (most == hunk.before.size())
    return "hunk " + hunk.header + " belongs behind line " + std::to_string(best) + ", where the hunk before it is";
  const std::string there = at < lines.size() ? quoted(trimmed(lines[at])) : "the end of the file";
  return "hunk " + hunk.header + " wants " + quoted(trimmed(hunk.before[most])) + " in line " + std::to_string(at + 1) +
         ", where " + there + " is";
}

}  // namespace

Result<std::vector<FileDiff>> read_diff(const std::string& diff, const std::string& name) {
  const GitLibrary library;
  const std::string text = with_git_headers(diff);
  git_diff* raw_diff = nullptr;
  if (git_diff_from_buffer(&raw_diff, text.data(), text.size()) != 0) return bad_diff(name, git_reason());
  const GitDiff parsed(raw_diff);
  std::vector<FileDiff> files;
  for (std::size_t i = 0; i < git_diff_num_deltas(parsed.get()); ++i) {
    git_patch* raw_patch = nullptr;
    if (git_patch_from_diff(&raw_patch, parsed.get(), i) != 0) return bad_diff(name, git_reason());
    const GitPatch patch(raw_patch);
    const git_diff_delta* delta = git_patch_get_delta(patch.get());
    FileDiff file;
    const std::string old_path = delta->old_file.path == nullptr ? "" : delta->old_file.path;
    const std::string new_path = delta->new_file.path == nullptr ? "" : delta->new_file.path;
    file.what = delta->status == GIT_DELTA_ADDED     ? FileDiff::What::add
                : delta->status == GIT_DELTA_DELETED ? FileDiff::What::remove
                                                     : FileDiff::What::change;
    file.path = file.what == FileDiff::What::remove ? old_path : new_path;
    if ((delta->flags & GIT_DIFF_FLAG_BINARY) != 0) return bad_diff(name, "it has a binary change of " + file.path);
    if (file.what == FileDiff::What::change && old_path != new_path)
      return bad_diff(name,
                      "it renames " + old_path + " to " + new_path + "; write it as one file less and one file more");
    if (!is_inside(file.path))
      return bad_diff(name, "it names `" + file.path + "`, which is not a path inside of the driver");
    for (std::size_t h = 0; h < git_patch_num_hunks(patch.get()); ++h) file.hunks.push_back(read_hunk(patch.get(), h));
    files.push_back(std::move(file));
  }
  if (files.empty()) return bad_diff(name, "there is no change in it");
  return files;
}

bool is_applied(const FileDiff& diff, std::string_view text) {
  const Lines lines = lines_of(text);
  std::size_t from = 0;
  std::ptrdiff_t drift = 0;
  for (const Hunk& hunk : diff.hunks) {
    const std::size_t start = index_of_line(hunk.new_start, hunk.after);
    const std::size_t expected = moved(start, drift);
    const auto place = find_lines(lines, hunk.after, from, expected);
    if (!place) return false;
    // A few lines without the ones in their middle can be anywhere: the nearer side is the one that is meant.
    const auto old_place = hunk.adds ? std::nullopt : find_lines(lines, hunk.before, from, expected);
    if (old_place && distance(*old_place, expected) <= distance(*place, expected)) return false;
    drift = static_cast<std::ptrdiff_t>(*place) - static_cast<std::ptrdiff_t>(start);
    from = *place + hunk.after.size();
  }
  return true;
}

Placement place_hunks(const FileDiff& diff, std::string_view text) {
  const Lines lines = lines_of(text);
  Placement placement;
  std::size_t from = 0;
  std::ptrdiff_t drift = 0;  // of the hunk before: the next one is likely to have moved as far
  for (const Hunk& hunk : diff.hunks) {
    const std::size_t start = index_of_line(hunk.old_start, hunk.before);
    const std::size_t expected = moved(start, drift);
    const auto place = find_lines(lines, hunk.before, from, expected);
    if (!place) {
      placement.obstacle = obstacle(hunk, lines, expected);
      return placement;
    }
    placement.lines.push_back(*place);
    drift = static_cast<std::ptrdiff_t>(*place) - static_cast<std::ptrdiff_t>(start);
    from = *place + hunk.before.size();
  }
  return placement;
}

}  // namespace vgpukit::transform
