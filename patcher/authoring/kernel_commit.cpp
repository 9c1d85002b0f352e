#include "authoring/kernel_commit.hpp"

#include <algorithm>
#include <optional>

#include "authoring/draft_text.hpp"
#include "authoring/release_tags.hpp"
#include "support/atomic_file.hpp"
#include "support/libgit2.hpp"
#include "support/text.hpp"
#include "transform/unified_diff.hpp"

namespace vgpukit::authoring {
namespace {

using GitObject = std::unique_ptr<git_object, GitFree<git_object_free>>;
using GitCommit = std::unique_ptr<git_commit, GitFree<git_commit_free>>;

// "include/linux/mm.h" -> "linux/mm.h"; nothing for a file that no module includes. The only architecture is x86, as
// for NVIDIA's vGPU host driver.
std::optional<std::string> as_included(const std::string& path) {
  if (!path.ends_with(".h")) return std::nullopt;
  for (const std::string_view folder : {"include/", "arch/x86/include/"})
    if (path.starts_with(folder)) return path.substr(folder.size());
  return std::nullopt;
}

Error git_failure(const std::string& tried) {
  return {ErrorKind::usage, tried, git_reason(), "name a clone with the commit and its parent: --repository DIR"};
}

Result<std::string> text_of(git_repository* repository, const git_diff_file& file, bool there,
                            const std::string& tried) {
  if (!there) return std::string();
  git_blob* found = nullptr;
  if (git_blob_lookup(&found, repository, &file.id) != 0) return git_failure(tried);
  const GitBlob blob(found);
  return std::string(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                     static_cast<std::size_t>(git_blob_rawsize(blob.get())));
}

// One side of a hunk. If it begins inside a structure, the text after @@ has the structure's name.
std::string side_of(const transform::Hunk& hunk, char left_out) {
  std::string text;
  if (const auto at = hunk.header.find("@@ ", 3); at != std::string::npos) {
    const std::string words(trimmed(std::string_view(hunk.header).substr(at + 3)));
    if ((words.starts_with("struct ") || words.starts_with("union ") || words.starts_with("enum ")) &&
        words.ends_with('{'))
      text = words + "\n";
  }
  for (const auto& line : hunk.lines)
    if (line.origin != left_out) text += line.text + (line.text.ends_with('\n') ? "" : "\n");
  return text;
}

// A draft of a recipe is about one change. A commit with more headers is a clean-up of the whole tree.
constexpr std::size_t most_headers = 500;

std::optional<Error> too_many_headers(const std::string& tried, const KernelCommit& commit) {
  if (commit.headers.size() < most_headers) return std::nullopt;
  return Error{ErrorKind::usage, tried, "it changes more than " + std::to_string(most_headers) + " headers",
               "name the commit that made the one change that the driver does not compile with"};
}

}  // namespace

Result<KernelCommit> commit_of_repository(const std::filesystem::path& path, const std::string& revision,
                                          const std::optional<std::string>& release) {
  const GitLibrary library;
  const std::string tried = "read the commit " + revision + " of " + path.string();
  git_repository* opened = nullptr;
  if (git_repository_open_ext(&opened, path.c_str(), 0, nullptr) != 0) return git_failure(tried);
  const GitRepository repository(opened);
  git_object* found = nullptr;
  if (git_revparse_single(&found, repository.get(), (revision + "^{commit}").c_str()) != 0) return git_failure(tried);
  const GitObject object(found);
  auto* const commit = reinterpret_cast<git_commit*>(object.get());
  if (git_commit_parentcount(commit) > 1)
    return Error{ErrorKind::usage, tried, "it is a merge", "name the commit that made the change"};

  const auto tree_of = [&](git_commit* of) -> Result<GitTree> {
    git_tree* tree = nullptr;
    if (git_commit_tree(&tree, of) != 0) return git_failure(tried);
    return GitTree(tree);
  };
  GitTree before;
  if (git_commit_parentcount(commit) == 1) {
    git_commit* found_parent = nullptr;
    if (git_commit_parent(&found_parent, commit, 0) != 0) return git_failure(tried);
    const GitCommit parent(found_parent);
    TRY_ASSIGN(before, tree_of(parent.get()));
  }
  TRY_ASSIGN(const auto after, tree_of(commit));
  git_diff* made = nullptr;
  if (git_diff_tree_to_tree(&made, repository.get(), before.get(), after.get(), nullptr) != 0)
    return git_failure(tried);
  const GitDiff diff(made);
  git_buf text{};
  if (git_diff_to_buf(&text, diff.get(), GIT_DIFF_FORMAT_PATCH) != 0) return git_failure(tried);

  KernelCommit result;
  result.diff.assign(text.ptr, text.size);
  git_buf_dispose(&text);
  char id[GIT_OID_HEXSZ + 1];
  git_oid_tostr(id, sizeof id, git_commit_id(commit));
  result.id = id;
  const char* const summary = git_commit_summary(commit);
  result.subject = summary ? summary : "";
  const char* const message = git_commit_message(commit);
  result.message = message ? message : "";
  result.release = release ? *release : release_of(repository.get(), *git_commit_id(commit));
  for (std::size_t i = 0; i < git_diff_num_deltas(diff.get()); ++i) {
    const auto* delta = git_diff_get_delta(diff.get(), i);
    const auto name = as_included(delta->old_file.path);
    if (!name) continue;
    const bool gone = delta->status == GIT_DELTA_DELETED;
    if (auto many = too_many_headers(tried, result)) return std::move(*many);
    KernelCommit::Header header{*name, "", "", gone};
    TRY_ASSIGN(header.before, text_of(repository.get(), delta->old_file, delta->status != GIT_DELTA_ADDED, tried));
    TRY_ASSIGN(header.after, text_of(repository.get(), delta->new_file, !gone, tried));
    result.headers.push_back(std::move(header));
  }
  return result;
}

Result<KernelCommit> commit_of_mail(const std::filesystem::path& file) {
  KernelCommit result;
  TRY_ASSIGN(result.diff, read_file(file, limits::document_bytes));
  TRY_ASSIGN(const auto files, transform::read_diff(result.diff, file.string()));
  result.subject = subject_of_mail(result.diff);
  result.message = result.diff.substr(0, result.diff.find("\n---"));
  // "From 3652117f854819a148ff0fbe4492587d3520b5e5 Mon Sep 17 00:00:00 2001"
  if (const auto id = result.diff.substr(5, 40); result.diff.starts_with("From ") && id.size() == 40 &&
                                                 id.find_first_not_of("0123456789abcdef") == std::string::npos)
    result.id = id;
  for (const auto& one : files) {
    const auto name = as_included(one.path);
    if (!name) continue;
    if (auto many = too_many_headers("read the commit " + file.string(), result)) return std::move(*many);
    KernelCommit::Header header{*name, "", "", one.what == transform::FileDiff::What::remove};
    for (const auto& hunk : one.hunks) {
      header.before += side_of(hunk, '+');
      header.after += side_of(hunk, '-');
    }
    result.headers.push_back(std::move(header));
  }
  return result;
}

}  // namespace vgpukit::authoring
