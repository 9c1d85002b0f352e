#include "authoring/kernel_history.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "authoring/commit_draft.hpp"
#include "authoring/release_tags.hpp"
#include "support/interrupt.hpp"
#include "support/libgit2.hpp"
#include "support/text.hpp"
#include "support/version.hpp"

namespace vgpukit::authoring {
namespace {

using diagnostics::Declaration;
using diagnostics::NameKind;
using GitCommit = std::unique_ptr<git_commit, GitFree<git_commit_free>>;
using GitEntry = std::unique_ptr<git_tree_entry, GitFree<git_tree_entry_free>>;

// Mainline has some 15000 commits for each release. Without its tags a walk may have to see many releases.
constexpr std::size_t most_commits = 50000;

// The tags of a release, the nearest first: "7.3.4-1-amd64" -> v7.3.4, v7.3; "7.4-rc2-amd64" -> v7.4-rc2, v7.4.
std::vector<std::string> tags_of(const std::string& release) {
  const auto version = Version::leading(release);
  if (!version) return {};
  std::vector<std::string> tags;
  const auto rest = release.substr(version->text.size());
  if (rest.starts_with("-rc"))
    tags.push_back("v" + version->text +
                   rest.substr(0, std::min(rest.find_first_not_of("0123456789", 3), rest.size())));
  tags.push_back("v" + version->text);
  if (version->parts.size() > 2)
    tags.push_back("v" + std::to_string(version->parts[0]) + "." + std::to_string(version->parts[1]));
  return tags;
}

std::string full_id(const git_oid& id) {
  char text[GIT_OID_HEXSZ + 1];
  git_oid_tostr(text, sizeof text, &id);
  return text;
}

std::string short_id(const git_oid& id) {
  return full_id(id).substr(0, 12);
}

// Whether commits have the old form of a declaration in a header; of a header, whether they have the file.
class OldForm {
 public:
  OldForm(git_repository* repository, const diagnostics::Subject& subject, const Declaration* before,
          const std::string& header)
      : repository_(repository),
        subject_(subject),
        before_(before),
        paths_{"include/" + header, "arch/x86/include/" + header} {}

  // Error: usage, libgit2's reason: a shallow or partial clone.
  Result<bool> in(const git_oid& id) {
    git_commit* found = nullptr;
    if (git_commit_lookup(&found, repository_, &id) != 0) return failure();
    const GitCommit commit(found);
    git_tree* root = nullptr;
    if (git_commit_tree(&root, commit.get()) != 0) return failure();
    const GitTree tree(root);
    for (const auto& path : paths_) {
      // Most commits change no file of the first folder.
      const auto* first = git_tree_entry_byname(tree.get(), path.substr(0, path.find('/')).c_str());
      if (!first) continue;
      const auto key = key_of(*git_tree_entry_id(first)) + path;
      auto known = known_.find(key);
      if (known == known_.end()) {
        TRY_ASSIGN(const bool has, in_tree(tree.get(), path));
        known = known_.emplace(key, has).first;
      }
      if (known->second) return true;
    }
    return false;
  }

 private:
  static std::string key_of(const git_oid& id) { return {reinterpret_cast<const char*>(id.id), sizeof id.id}; }

  Result<bool> in_tree(const git_tree* tree, const std::string& path) {
    git_tree_entry* at = nullptr;
    const int bad = git_tree_entry_bypath(&at, tree, path.c_str());
    if (bad == GIT_ENOTFOUND) return false;
    if (bad != 0) return failure();
    const GitEntry entry(at);
    if (git_tree_entry_type(entry.get()) != GIT_OBJECT_BLOB) return false;
    return before_ ? in_blob(*git_tree_entry_id(entry.get())) : Result<bool>(true);
  }

  Result<bool> in_blob(const git_oid& id) {
    const auto key = key_of(id);
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
    git_blob* found = nullptr;
    if (git_blob_lookup(&found, repository_, &id) != 0) return failure();
    const GitBlob blob(found);
    const std::string_view text(static_cast<const char*>(git_blob_rawcontent(blob.get())),
                                static_cast<std::size_t>(git_blob_rawsize(blob.get())));
    bool has = false;
    if (find_word(text, subject_.name) != std::string_view::npos)
      for (const auto& one : diagnostics::declarations_in(text))
        has = has || (one.name == subject_.name && (subject_.of.empty() || one.of == subject_.of) &&
                      (subject_.gone || same_for_users(one, *before_)));
    return known_[key] = has;
  }
  static Error failure() { return {ErrorKind::usage, "read the clone", git_reason(), ""}; }

  git_repository* repository_;
  const diagnostics::Subject& subject_;
  const Declaration* before_;
  std::vector<std::string> paths_;
  std::map<std::string, bool> known_;  // by the blob's id, or that of the first folder and the path
};

// The commit that lacks the old form, with only parents that have it, on the way back from `tip`, which lacks it. The
// side branch of a merge is followed if the main branch has the old form. Error: usage, the reason a clause.
Result<git_oid> last_change(git_repository* repository, git_oid at, OldForm& form) {
  const auto nothing = [](const std::string& why) { return Error{ErrorKind::usage, "search the clone", why, ""}; };
  const auto lacking = [&](const std::string& why) {
    return nothing("the clone lacks something before " + short_id(at) + " (is it shallow or partial?): " + why);
  };
  for (std::size_t seen = 0; seen < most_commits; ++seen) {
    if (Interrupt::caught() != 0) return Error{ErrorKind::interrupted, "search the clone", "interrupted", ""};
    git_commit* found = nullptr;
    if (git_commit_lookup(&found, repository, &at) != 0) return lacking(git_reason());
    const GitCommit commit(found);
    const auto parents = git_commit_parentcount(commit.get());
    if (parents == 0 && git_repository_is_shallow(repository) == 1) return lacking("its history ends there");
    if (parents == 0) return nothing("no commit back to " + short_id(at) + " has it in that header");
    std::optional<git_oid> next;
    for (unsigned i = 0; i < parents && !next; ++i) {
      const git_oid parent = *git_commit_parent_id(commit.get(), i);
      const auto has = form.in(parent);
      if (!has) return lacking(has.error().why);
      if (!*has) next = parent;
    }
    if (!next && parents > 1) return nothing("the merge " + short_id(at) + " itself changed it");
    if (!next) return at;
    at = *next;
  }
  return nothing("the last " + std::to_string(most_commits) + " commits do not change it");
}

// Where the walk back begins: `tip`, or the oldest of mainline's tags up to its release that lack the old form without
// a gap. Reading one tree for each tag saves the walk through the releases after the change.
struct Start {
  git_oid id;
  std::string release;  // of the tag: the first one with the change; empty: none has it
};
Result<Start> start_of(git_repository* repository, const git_oid& tip, const std::string& release, OldForm& form) {
  Start start{tip, ""};
  const auto version = Version::leading(release);
  auto tags = release_tags(repository);
  std::reverse(tags.begin(), tags.end());
  for (const auto& tag : tags) {
    if (!version || *version < *Version::leading(tag.release())) continue;
    TRY_ASSIGN(const bool has, form.in(tag.commit));
    if (has) break;
    start = {tag.commit, tag.release()};
  }
  return start;
}

// Another header in which the commit declares the same name: it only moved.
std::string moved_to(const KernelCommit& commit, const diagnostics::Subject& subject, const std::string& from) {
  for (const auto& header : commit.headers)
    if (header.name != from && find_word(header.after, subject.name) != std::string::npos)
      for (const auto& one : diagnostics::declarations_in(header.after))
        if (one.name == subject.name && one.kind == subject.kind && (subject.of.empty() || one.of == subject.of))
          return header.name;
  return {};
}

struct Tip {
  std::string name;
  git_oid id;
};

struct Clone {
  GitRepository repository;
  std::vector<Tip> tips;  // the nearest to the release first
};

Result<Clone> open_clone(const std::filesystem::path& path, const std::string& release) {
  const GitLibrary library;
  const std::string tried = "read the kernel's repository " + path.string();
  git_repository* opened = nullptr;
  if (git_repository_open_ext(&opened, path.c_str(), 0, nullptr) != 0)
    return Error{ErrorKind::usage, tried, git_reason(), "name a clone of the kernel's repository: --repository DIR"};
  Clone clone{GitRepository(opened), {}};
  const auto add = [&](const std::string& name, const std::string& revision) {
    git_object* found = nullptr;
    if (git_revparse_single(&found, clone.repository.get(), (revision + "^{commit}").c_str()) != 0) return;
    clone.tips.push_back({name, *git_object_id(found)});
    git_object_free(found);
  };
  for (const auto& tag : tags_of(release)) add(tag, "refs/tags/" + tag);
  add("HEAD", "HEAD");
  if (clone.tips.empty())
    return Error{ErrorKind::usage, tried, "it has no commit", "name another clone: --repository DIR"};
  return clone;
}

}  // namespace

Status check_clone(const std::filesystem::path& repository) {
  TRY(open_clone(repository, ""));
  return {};
}

Result<KernelCommit> commit_that_changed(const std::filesystem::path& repository, const std::string& release,
                                         const diagnostics::ApiChange& api, const Declaration* before) {
  const auto& subject = api.subject;
  const auto nothing = [&](const std::string& why) {
    return Error{ErrorKind::usage, "find the commit that changed " + subject.text() + " in " + repository.string(), why,
                 ""};
  };
  const bool is_header = subject.kind == NameKind::header;
  if (!is_header && (!before || !api.before)) return nothing("no older headers on this machine declare it");
  TRY_ASSIGN(const auto clone, open_clone(repository, release));
  std::string header = is_header ? subject.name : api.before->header;
  std::set<std::string> seen;
  for (;;) {
    seen.insert(header);
    OldForm form(clone.repository.get(), subject, is_header ? nullptr : before, header);
    std::optional<git_oid> tip;
    std::string names;
    for (const auto& each : clone.tips) {
      const auto has = form.in(each.id);
      if (!has) return nothing(has.error().why);
      append(names, each.name);
      if (*has) continue;
      tip = each.id;
      break;
    }
    if (!tip)
      return nothing(names + (clone.tips.size() == 1 ? " has" : " have") + " the old form in include/" + header +
                     ": the clone may be older than the change");
    const auto start = start_of(clone.repository.get(), *tip, release, form);
    if (!start) return nothing(start.error().why);
    const auto found = last_change(clone.repository.get(), start->id, form);
    if (!found) return found.error().kind == ErrorKind::interrupted ? found.error() : nothing(found.error().why);
    TRY_ASSIGN(auto commit, commit_of_repository(repository, full_id(*found), start->release));
    const auto next = subject.gone && !is_header ? moved_to(commit, subject, header) : std::string();
    if (next.empty() || seen.contains(next)) return commit;
    header = next;
  }
}

}  // namespace vgpukit::authoring
