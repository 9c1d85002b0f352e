#include "transform/unified_diff.hpp"

#include <git2.h>
#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>

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
  const auto parts = split(path, '/');
  return std::none_of(parts.begin(), parts.end(), [](const std::string& part) {
    return part.empty() || part == "." || part == ".." || part == ".git";
  });
}

// "--- a/nvidia/nv.c<tab>2024-01-01" -> "nvidia/nv.c"; empty for /dev/null.
std::string header_path(std::string_view line) {
  line = trimmed(line.substr(0, line.find('\t')).substr(4));
  if (line == "/dev/null") return "";
  const std::size_t slash = line.find('/');
  return std::string(slash == std::string_view::npos ? line : line.substr(slash + 1));
}

// The numbers of lines in a hunk's header: "@@ -3,7 +3,8 @@" has 7 and 8.
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

// libgit2 reads only files that begin with "diff --git". The output of diff -u gets that line.
std::string with_git_headers(std::string_view diff) {
  std::string result;
  std::size_t old_left = 0, new_left = 0;
  bool has_header = false;
  for (std::size_t at = 0; at < diff.size();) {
    const std::size_t end = next_line(diff, at);
    const std::string_view line = diff.substr(at, end - at);
    const std::string_view following = diff.substr(end, next_line(diff, end) - end);
    if (old_left + new_left > 0) {  // in a hunk, "--- x" is a removed line
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

Lines lines_with_ends(std::string_view text) {
  Lines lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = next_line(text, at);
    lines.push_back(text.substr(at, end - at));
    at = end;
  }
  return lines;
}

// The number of wanted lines that are there, from `at` on.
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

// The position of `wanted`, from `from` on, that is nearest to `expected`.
std::optional<std::size_t> find_lines(const Lines& lines, const std::vector<std::string>& wanted, std::size_t from,
                                      std::size_t expected) {
  std::optional<std::size_t> best;
  for (std::size_t i = from; i + wanted.size() <= lines.size(); ++i)
    if ((!best || distance(i, expected) < distance(*best, expected)) && common(lines, i, wanted) == wanted.size())
      best = i;
  return best;
}

// "-5,0" inserts after line 5. Any other start is the first line itself.
std::size_t index_of_line(std::size_t number, const std::vector<std::string>& side) {
  return number > 0 && !side.empty() ? number - 1 : number;
}

// The reason for a hunk without a place. It is about the position where most of the hunk's first lines are; of several,
// the nearest to the expected one.
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
    return "hunk " + hunk.header + " belongs after line " + std::to_string(best) + ", and the hunk before it is there";
  const std::string there = at < lines.size() ? quoted(trimmed(lines[at])) : "the end of the file";
  return "hunk " + hunk.header + " needs " + quoted(trimmed(hunk.before[most])) + " in line " + std::to_string(at + 1) +
         ", and " + there + " is there";
}

}  // namespace

Result<std::vector<FileDiff>> read_diff(const std::string& diff, const std::string& name) {
  // libgit2 measures a line with strlen(), and takes as many bytes as that is short of from behind the text.
  if (const auto zero = diff.find('\0'); zero != std::string::npos)
    return bad_diff(
        name, "line " +
                  std::to_string(std::count(diff.begin(), diff.begin() + static_cast<std::ptrdiff_t>(zero), '\n') + 1) +
                  " has a zero byte: it is a binary file");
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
      return bad_diff(name, "it renames " + old_path + " to " + new_path + ": write it as a removed and an added file");
    if (!is_inside(file.path))
      return bad_diff(name, "it names `" + file.path + "`, which is not a path inside the driver");
    for (std::size_t h = 0; h < git_patch_num_hunks(patch.get()); ++h) file.hunks.push_back(read_hunk(patch.get(), h));
    files.push_back(std::move(file));
  }
  if (files.empty()) return bad_diff(name, "it has no change");
  return files;
}

std::string path_in_sources(const std::string& path) {
  for (const std::string_view folder : {"kernel/", "kernel-open/"})
    if (path.starts_with(folder)) return path.substr(folder.size());
  return path;
}

bool is_applied(const FileDiff& diff, std::string_view text) {
  const Lines lines = lines_with_ends(text);
  std::size_t from = 0;
  std::ptrdiff_t drift = 0;
  for (const Hunk& hunk : diff.hunks) {
    const std::size_t start = index_of_line(hunk.new_start, hunk.after);
    const std::size_t expected = moved(start, drift);
    const auto place = find_lines(lines, hunk.after, from, expected);
    if (!place) return false;
    // The lines around removed lines may also be elsewhere in the text: the side that is nearer counts.
    const auto old_place = hunk.adds ? std::nullopt : find_lines(lines, hunk.before, from, expected);
    if (old_place && distance(*old_place, expected) <= distance(*place, expected)) return false;
    drift = static_cast<std::ptrdiff_t>(*place) - static_cast<std::ptrdiff_t>(start);
    from = *place + hunk.after.size();
  }
  return true;
}

Placement place_hunks(const FileDiff& diff, std::string_view text) {
  const Lines lines = lines_with_ends(text);
  Placement placement;
  std::size_t from = 0;
  std::ptrdiff_t drift = 0;  // of the hunk before; the next one has probably moved as far
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

// ---- applying, in a repository that exists in memory only ----

namespace {

Error failed(const std::string& name, std::string_view doing) {
  return {ErrorKind::failed, "apply the patch " + name, std::string(doing) + ": " + git_reason(), ""};
}

std::string range(std::size_t index, std::size_t count) {
  return std::to_string(count == 0 ? index : index + 1) + "," + std::to_string(count);
}

// The diff as git writes it, with the line numbers of these texts: git_apply_to_tree() accepts no offset.
std::string placed_diff(const std::vector<FileDiff>& diffs, const Texts& texts) {
  std::string result;
  for (const FileDiff& file : diffs) {
    const bool adds = file.what == FileDiff::What::add;
    const bool removes = file.what == FileDiff::What::remove;
    result += "diff --git a/" + file.path + " b/" + file.path + "\n";
    if (adds) result += "new file mode 100644\n";
    if (removes) result += "deleted file mode 100644\n";
    if (file.hunks.empty()) continue;
    result += (adds ? "--- /dev/null" : "--- a/" + file.path) + "\n" +
              (removes ? "+++ /dev/null" : "+++ b/" + file.path) + "\n";
    const auto text = texts.find(file.path);
    const Placement placement =
        place_hunks(file, adds || text == texts.end() || !text->second ? std::string_view() : *text->second);
    std::size_t added = 0, removed = 0;
    for (std::size_t i = 0; i < file.hunks.size() && i < placement.lines.size(); ++i) {
      const Hunk& hunk = file.hunks[i];
      const std::size_t old_line = placement.lines[i];
      result += "@@ -" + range(old_line, hunk.before.size()) + " +" +
                range(old_line + added - removed, hunk.after.size()) + " @@\n";
      for (const Hunk::Line& line : hunk.lines) {
        result += line.origin + line.text;
        if (!line.text.ends_with('\n')) result += "\n\\ No newline at end of file\n";
      }
      added += hunk.after.size();
      removed += hunk.before.size();
    }
  }
  return result;
}

Result<GitRepository> memory_repository(const std::string& name) {
  git_odb* raw_database = nullptr;
  git_odb_backend* memory = nullptr;
  git_repository* raw_repository = nullptr;
  if (git_odb_new(&raw_database) != 0) return failed(name, "make an object database");
  const GitDatabase database(raw_database);
  if (git_mempack_new(&memory) != 0) return failed(name, "make an object database");
  if (git_odb_add_backend(database.get(), memory, 1) != 0) {
    memory->free(memory);
    return failed(name, "make an object database");
  }
  if (git_repository_wrap_odb(&raw_repository, database.get()) != 0) return failed(name, "make a repository in memory");
  return GitRepository(raw_repository);
}

Result<GitTree> tree_of(const Texts& texts, git_repository* repository, const std::string& name) {
  git_index* raw_index = nullptr;
  if (git_index_new(&raw_index) != 0) return failed(name, "make an index");
  const GitIndex index(raw_index);
  for (const auto& [path, text] : texts) {
    if (!text) continue;
    git_index_entry entry = {};
    entry.mode = GIT_FILEMODE_BLOB;
    entry.path = path.c_str();
    if (git_blob_create_from_buffer(&entry.id, repository, text->data(), text->size()) != 0 ||
        git_index_add(index.get(), &entry) != 0)
      return failed(name, "add " + path);
  }
  git_oid id;
  git_tree* raw_tree = nullptr;
  if (git_index_write_tree_to(&id, index.get(), repository) != 0 || git_tree_lookup(&raw_tree, repository, &id) != 0)
    return failed(name, "make a tree");
  return GitTree(raw_tree);
}

}  // namespace

Result<Texts> apply_diffs(const std::vector<FileDiff>& diffs, const std::string& name, const Texts& texts) {
  const GitLibrary library;
  TRY_ASSIGN(const GitRepository repository, memory_repository(name));
  TRY_ASSIGN(const GitTree tree, tree_of(texts, repository.get(), name));
  const std::string placed = placed_diff(diffs, texts);
  git_diff* raw_diff = nullptr;
  if (git_diff_from_buffer(&raw_diff, placed.data(), placed.size()) != 0) return failed(name, "git");
  const GitDiff diff(raw_diff);
  git_apply_options options;
  git_apply_options_init(&options, GIT_APPLY_OPTIONS_VERSION);
  git_index* raw_after = nullptr;
  if (git_apply_to_tree(&raw_after, repository.get(), tree.get(), diff.get(), &options) != 0)
    return failed(name, "git");
  const GitIndex after(raw_after);

  Texts result;
  for (const auto& [path, text] : texts) {
    const git_index_entry* entry = git_index_get_bypath(after.get(), path.c_str(), 0);
    if (entry == nullptr) {
      result.emplace(path, std::nullopt);
      continue;
    }
    git_blob* raw_blob = nullptr;
    if (git_blob_lookup(&raw_blob, repository.get(), &entry->id) != 0) return failed(name, "read " + path);
    const GitBlob blob(raw_blob);
    const auto size = static_cast<std::size_t>(git_blob_rawsize(blob.get()));
    result.emplace(path, std::string(static_cast<const char*>(git_blob_rawcontent(blob.get())), size));
  }
  return result;
}

}  // namespace vgpukit::transform
