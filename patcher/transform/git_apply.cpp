// A unified diff's application by libgit2, in a repository that exists in memory only.
#include <git2.h>
#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>

#include "support/libgit2.hpp"
#include "transform/unified_diff.hpp"

namespace vgpukit::transform {
namespace {

Error failed(const std::string& name, std::string_view doing) {
  return {ErrorKind::failed, "apply the patch " + name, std::string(doing) + ": " + git_reason(), ""};
}

std::string range(std::size_t index, std::size_t count) {
  return std::to_string(count == 0 ? index : index + 1) + "," + std::to_string(count);
}

// The diff as git writes it, with each hunk where it belongs in these texts: git_apply_to_tree() looks nowhere else.
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
      return failed(name, "take in " + path);
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
