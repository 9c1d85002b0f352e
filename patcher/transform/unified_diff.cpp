#include "transform/unified_diff.hpp"

#include <git2.h>
#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>

#include <algorithm>
#include <memory>

#include "transform/text.hpp"

namespace vgpukit::transform_detail {
namespace {

struct Library {  // libgit2 counts these
  Library() { git_libgit2_init(); }
  ~Library() { git_libgit2_shutdown(); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};

template <auto free>
struct Free {
  template <class T>
  void operator()(T* pointer) const { free(pointer); }
};
template <class T, auto free>
using Owned = std::unique_ptr<T, Free<free>>;
using Diff = Owned<git_diff, git_diff_free>;
using Patch = Owned<git_patch, git_patch_free>;
using Repository = Owned<git_repository, git_repository_free>;
using Database = Owned<git_odb, git_odb_free>;
using Index = Owned<git_index, git_index_free>;
using Tree = Owned<git_tree, git_tree_free>;
using Blob = Owned<git_blob, git_blob_free>;

std::string git_reason() {
  const git_error* error = git_error_last();
  return error != nullptr && error->message != nullptr ? error->message : "libgit2 gives no reason";
}

Error bad_diff(const std::string& name, std::string why) { return {Exit::usage, "read the patch " + name, std::move(why), ""}; }
Error failed(const std::string& name, std::string_view doing) {
  return {Exit::failed, "apply the patch " + name, std::string(doing) + ": " + git_reason(), ""};
}

Result<Diff> parse(const std::string& diff, const std::string& name) {
  git_diff* parsed = nullptr;
  if (git_diff_from_buffer(&parsed, diff.data(), diff.size()) != 0) return bad_diff(name, git_reason());
  return Diff(parsed);
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
    const std::string text(line->content, line->content_len);
    const bool context = line->origin == GIT_DIFF_LINE_CONTEXT;
    if (context || line->origin == GIT_DIFF_LINE_DELETION) made.before.push_back(text);
    if (context || line->origin == GIT_DIFF_LINE_ADDITION) made.after.push_back(text);
    made.adds = made.adds || line->origin == GIT_DIFF_LINE_ADDITION;
  }
  return made;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = next_line(text, at);
    lines.push_back(text.substr(at, end - at));
    at = end;
  }
  return lines;
}

using Lines = std::vector<std::string_view>;

std::size_t common(const Lines& lines, std::size_t at, const std::vector<std::string>& wanted) {
  std::size_t n = 0;
  while (n < wanted.size() && at + n < lines.size() && lines[at + n] == wanted[n]) ++n;
  return n;
}

// The place of `wanted` at or behind `from` that is nearest to `expected`.
std::optional<std::size_t> find_lines(const Lines& lines, const std::vector<std::string>& wanted, std::size_t from, std::size_t expected) {
  std::optional<std::size_t> best;
  const auto distance = [&](std::size_t i) { return i > expected ? i - expected : expected - i; };
  for (std::size_t i = from; i + wanted.size() <= lines.size(); ++i)
    if (common(lines, i, wanted) == wanted.size() && (!best || distance(i) < distance(*best))) best = i;
  return best;
}

std::size_t index_of_line(std::size_t number) { return number > 0 ? number - 1 : 0; }

}  // namespace

Result<std::vector<FileDiff>> read_diff(const std::string& diff, const std::string& name) {
  const Library library;
  TRY_ASSIGN(const Diff parsed, parse(diff, name));
  std::vector<FileDiff> files;
  for (std::size_t i = 0; i < git_diff_num_deltas(parsed.get()); ++i) {
    git_patch* raw = nullptr;
    if (git_patch_from_diff(&raw, parsed.get(), i) != 0) return bad_diff(name, git_reason());
    const Patch patch(raw);
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
      return bad_diff(name, "it renames " + old_path + " to " + new_path + "; write it as one file less and one file more");
    if (!is_inside(file.path)) return bad_diff(name, "it names `" + file.path + "`, which is not a path inside of the driver");
    for (std::size_t h = 0; h < git_patch_num_hunks(patch.get()); ++h) file.hunks.push_back(read_hunk(patch.get(), h));
    files.push_back(std::move(file));
  }
  if (files.empty()) return bad_diff(name, "there is no change in it");
  return files;
}

bool is_applied(const FileDiff& diff, std::string_view text) {
  const Lines lines = lines_of(text);
  std::size_t from = 0;
  for (const Hunk& hunk : diff.hunks) {
    const auto place = find_lines(lines, hunk.after, from, index_of_line(hunk.new_start));
    if (!place) return false;
    if (!hunk.adds && find_lines(lines, hunk.before, from, index_of_line(hunk.old_start))) return false;
    from = *place + hunk.after.size();
  }
  return true;
}

std::string obstacle(const FileDiff& diff, std::string_view text) {
  const Lines lines = lines_of(text);
  std::size_t from = 0;
  std::size_t drift_from = 0, drift_to = 0;
  for (const Hunk& hunk : diff.hunks) {
    const std::size_t expected = index_of_line(hunk.old_start) + drift_to - std::min(drift_from, index_of_line(hunk.old_start) + drift_to);
    if (const auto place = find_lines(lines, hunk.before, from, expected)) {
      drift_to = *place;
      drift_from = index_of_line(hunk.old_start);
      from = *place + hunk.before.size();
      continue;
    }
    // Where most of its beginning fits, and of these the nearest to where it should be.
    std::size_t best = std::min(expected, lines.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::size_t n = common(lines, i, hunk.before);
      const std::size_t most = common(lines, best, hunk.before);
      const auto distance = [&](std::size_t at) { return at > expected ? at - expected : expected - at; };
      if (n > most || (n == most && n > 0 && distance(i) < distance(best))) best = i;
    }
    const std::size_t fits = common(lines, best, hunk.before);
    const std::string there = best + fits < lines.size() ? quoted(trimmed(lines[best + fits])) : "the end of the file";
    return "hunk " + hunk.header + " wants " + quoted(trimmed(hunk.before[fits])) + " in line " + std::to_string(best + fits + 1) +
           ", where " + there + " is";
  }
  return "";
}

Result<Texts> apply_diff(const std::string& diff, const std::string& name, const Texts& texts) {
  const Library library;
  // A repository that is nowhere: an object database in memory, and nothing else.
  git_odb* raw_database = nullptr;
  git_odb_backend* memory = nullptr;
  git_repository* raw_repository = nullptr;
  if (git_odb_new(&raw_database) != 0) return failed(name, "make an object database");
  const Database database(raw_database);
  if (git_mempack_new(&memory) != 0) return failed(name, "make an object database");
  if (git_odb_add_backend(database.get(), memory, 1) != 0) {
    memory->free(memory);
    return failed(name, "make an object database");
  }
  if (git_repository_wrap_odb(&raw_repository, database.get()) != 0) return failed(name, "make a repository in memory");
  const Repository repository(raw_repository);

  git_index* raw_index = nullptr;
  if (git_index_new(&raw_index) != 0) return failed(name, "make an index");
  const Index before(raw_index);
  for (const auto& [path, text] : texts) {
    if (!text) continue;
    git_index_entry entry = {};
    entry.mode = GIT_FILEMODE_BLOB;
    entry.path = path.c_str();
    if (git_blob_create_from_buffer(&entry.id, repository.get(), text->data(), text->size()) != 0 ||
        git_index_add(before.get(), &entry) != 0)
      return failed(name, "take in " + path);
  }
  git_oid tree_id;
  git_tree* raw_tree = nullptr;
  if (git_index_write_tree_to(&tree_id, before.get(), repository.get()) != 0 ||
      git_tree_lookup(&raw_tree, repository.get(), &tree_id) != 0)
    return failed(name, "make a tree");
  const Tree tree(raw_tree);

  TRY_ASSIGN(const Diff parsed, parse(diff, name));
  git_apply_options options;
  git_apply_options_init(&options, GIT_APPLY_OPTIONS_VERSION);
  git_index* raw_after = nullptr;
  if (git_apply_to_tree(&raw_after, repository.get(), tree.get(), parsed.get(), &options) != 0) return failed(name, "git");
  const Index after(raw_after);

  Texts result;
  for (const auto& [path, text] : texts) {
    const git_index_entry* entry = git_index_get_bypath(after.get(), path.c_str(), 0);
    if (entry == nullptr) {
      result.emplace(path, std::nullopt);
      continue;
    }
    git_blob* raw_blob = nullptr;
    if (git_blob_lookup(&raw_blob, repository.get(), &entry->id) != 0) return failed(name, "read " + path);
    const Blob blob(raw_blob);
    result.emplace(path, std::string(static_cast<const char*>(git_blob_rawcontent(blob.get())), static_cast<std::size_t>(git_blob_rawsize(blob.get()))));
  }
  return result;
}

}  // namespace vgpukit::transform_detail
