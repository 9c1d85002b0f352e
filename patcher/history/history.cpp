#include "history/history.hpp"

#include <git2.h>
#include <git2/sys/mempack.h>
#include <git2/sys/odb_backend.h>
#include <git2/sys/repository.h>

#include <cctype>
#include <map>

#include "support/atomic_file.hpp"
#include "support/libgit2.hpp"

namespace vgpukit::history {

namespace {

using GitCommit = std::unique_ptr<git_commit, GitFree<git_commit_free>>;
using GitSignature = std::unique_ptr<git_signature, GitFree<git_signature_free>>;

Error git_error(const std::string& tried) {
  return Error{ErrorKind::missing, tried, git_reason(), "is the disk full, or the folder read-only?"};
}

// A constant, so that the same package and recipes give the same ids.
constexpr git_time_t fixed_time = 1735689600;  // 2025-01-01T00:00:00Z

GitSignature signature() {
  git_signature* made = nullptr;
  git_signature_new(&made, "vgpukit", "vgpukit@localhost", fixed_time, 0);
  return GitSignature(made);
}

std::string slug(const std::string& subject) {
  std::string text;
  for (const char c : subject) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_')
      text += c;
    else if (!text.empty() && text.back() != '-')
      text += '-';
  }
  text = text.substr(0, 52);
  while (!text.empty() && (text.back() == '-' || text.back() == '.')) text.pop_back();
  return text;
}

}  // namespace

struct History::State {
  GitLibrary library;
  fs::path folder;
  GitRepository repository;
  GitDatabase odb;
  GitIndex baseline;  // commit 0 as an index in memory
  std::vector<HistoryCommit> commits;
  std::vector<std::string> messages;
  std::vector<GitCommit> commits_raw;
  // The modes of executable files on disk.
  std::map<std::string, unsigned, std::less<>> modes;

  Result<GitIndex> index_with(const transform::SourceTree::Edits& edits) {
    // libgit2 cannot copy an index: the entries of commit 0 are added to a new one.
    git_index* made = nullptr;
    if (git_index_new(&made) != 0) return git_error("make a git index");
    GitIndex index(made);
    const auto count = git_index_entrycount(baseline.get());
    for (std::size_t i = 0; i < count; ++i) {
      const auto* entry = git_index_get_byindex(baseline.get(), i);
      if (edits.contains(entry->path)) continue;
      if (git_index_add(index.get(), entry) != 0) return git_error("copy the git index");
    }
    for (const auto& [path, text] : edits) {
      if (!text) continue;
      TRY(add(index.get(), path, *text));
    }
    return index;
  }

  Status add(git_index* index, const std::string& path, std::string_view text) {
    git_index_entry entry{};
    if (git_odb_write(&entry.id, odb.get(), text.data(), text.size(), GIT_OBJECT_BLOB) != 0)
      return git_error("store " + path + " in git");
    const auto mode = modes.find(path);
    entry.mode = mode == modes.end() ? unsigned{GIT_FILEMODE_BLOB} : mode->second;
    entry.path = path.c_str();
    entry.file_size = static_cast<std::uint32_t>(text.size());
    if (git_index_add(index, &entry) != 0) return git_error("add " + path + " to git");
    return {};
  }

  Result<HistoryCommit> commit(git_index* index, const std::string& message) {
    git_oid tree_id;
    if (git_index_write_tree_to(&tree_id, index, repository.get()) != 0) return git_error("write a git tree");
    git_tree* tree_raw = nullptr;
    if (git_tree_lookup(&tree_raw, repository.get(), &tree_id) != 0) return git_error("read back a git tree");
    const GitTree tree(tree_raw);
    const auto who = signature();
    const git_commit* parents[1] = {commits_raw.empty() ? nullptr : commits_raw.back().get()};
    // The variadic function, because the constness of the array of parents differs between releases of libgit2 1.8.
    git_oid id;
    const int bad = parents[0] ? git_commit_create_v(&id, repository.get(), nullptr, who.get(), who.get(), nullptr,
                                                     message.c_str(), tree.get(), 1, parents[0])
                               : git_commit_create_v(&id, repository.get(), nullptr, who.get(), who.get(), nullptr,
                                                     message.c_str(), tree.get(), 0);
    if (bad != 0) return git_error("write a git commit");
    git_commit* raw = nullptr;
    if (git_commit_lookup(&raw, repository.get(), &id) != 0) return git_error("read back a git commit");
    commits_raw.emplace_back(raw);
    char hex[GIT_OID_HEXSZ + 1] = {};
    git_oid_tostr(hex, sizeof hex, &id);
    messages.push_back(message);
    commits.push_back({hex, message.substr(0, message.find('\n'))});
    return commits.back();
  }

  Result<GitDiff> diff(std::size_t from, std::size_t to) const {
    git_tree* a = nullptr;
    git_tree* b = nullptr;
    git_commit_tree(&a, commits_raw[from].get());
    git_commit_tree(&b, commits_raw[to].get());
    const GitTree old_tree(a);
    const GitTree new_tree(b);
    git_diff_options options = GIT_DIFF_OPTIONS_INIT;
    git_diff* made = nullptr;
    if (git_diff_tree_to_tree(&made, repository.get(), a, b, &options) != 0)
      return git_error("compare two versions of the tree");
    return GitDiff(made);
  }
};

History::History(std::unique_ptr<State> state) : state_(std::move(state)) {}
History::History(History&&) noexcept = default;
History::~History() = default;

Result<History> History::create(const fs::path& folder, const transform::SourceTree& tree, const std::string& message) {
  auto state = std::make_unique<State>();
  state->folder = folder;
  git_repository* repository = nullptr;
  if (folder.empty()) {
    git_odb* odb = nullptr;
    git_odb_backend* backend = nullptr;
    if (git_odb_new(&odb) != 0) return git_error("make a git object store in memory");
    state->odb.reset(odb);
    if (git_mempack_new(&backend) != 0 || git_odb_add_backend(odb, backend, 1) != 0 ||
        git_repository_wrap_odb(&repository, odb) != 0)
      return git_error("make a git repository in memory");
    state->repository.reset(repository);
  } else {
    git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
    // Without the user's template, so that there are no hooks and settings.
    options.flags = GIT_REPOSITORY_INIT_MKPATH | GIT_REPOSITORY_INIT_NO_REINIT;
    options.initial_head = "main";
    if (git_repository_init_ext(&repository, folder.c_str(), &options) != 0)
      return git_error("make a git repository in " + folder.string());
    state->repository.reset(repository);
    TRY(write_file(
        folder / ".git" / "info" / "exclude",
        "# Files that a build makes, and binary objects\n"
        "*.o_binary\n*.o\n*.ko\n*.mod\n*.mod.c\n.*.cmd\n*.order\nModule.symvers\n/conftest/\nconftest[0-9]*\n"
        "nv_compiler.h\n.tmp_*\n.module-common.*\n"));
    git_odb* odb = nullptr;
    if (git_repository_odb(&odb, repository) != 0) return git_error("open the git object store");
    state->odb.reset(odb);
  }
  git_index* index = nullptr;
  if (git_index_new(&index) != 0) return git_error("make a git index");
  state->baseline.reset(index);
  for (const auto& path : tree.files()) {
    // The files on disk: edits of the tree in memory belong to later commits.
    std::error_code bad;
    std::string text;
    if (tree.folder().empty()) {
      TRY_ASSIGN(const auto view, tree.read(path));
      text = view;
    } else {
      const auto file = tree.folder() / path;
      if (!fs::exists(file, bad)) continue;
      TRY_ASSIGN(text, read_file(file));
      if ((fs::status(file, bad).permissions() & fs::perms::owner_exec) != fs::perms::none)
        state->modes[path] = GIT_FILEMODE_BLOB_EXECUTABLE;
    }
    TRY(state->add(index, path, text));
  }
  TRY(state->commit(index, message));
  return History(std::move(state));
}

Result<HistoryCommit> History::commit(const transform::SourceTree::Edits& edits, const std::string& message) {
  TRY_ASSIGN(const auto index, state_->index_with(edits));
  return state_->commit(index.get(), message);
}

const std::vector<HistoryCommit>& History::commits() const {
  return state_->commits;
}

Result<std::string> History::diff(std::size_t from, std::size_t to) const {
  TRY_ASSIGN(const auto diff, state_->diff(from, to));
  git_buf text = GIT_BUF_INIT;
  if (git_diff_to_buf(&text, diff.get(), GIT_DIFF_FORMAT_PATCH) != 0) return git_error("print a diff");
  std::string copy(text.ptr ? text.ptr : "", text.size);
  git_buf_dispose(&text);
  return copy;
}

Result<std::vector<std::pair<std::string, std::string>>> History::series() const {
  std::vector<std::pair<std::string, std::string>> mails;
  const auto total = state_->commits.size() - 1;
  for (std::size_t i = 1; i <= total; ++i) {
    const auto& message = state_->messages[i];
    const auto subject = message.substr(0, message.find('\n'));
    const auto body_at = message.find_first_not_of('\n', subject.size());
    const std::string body = body_at == std::string::npos ? "" : message.substr(body_at);
    TRY_ASSIGN(const auto patch, diff(i - 1, i));
    std::string number = std::to_string(i);
    number.insert(0, number.size() < 4 ? 4 - number.size() : 0, '0');
    std::string mail =
        "From " + state_->commits[i].id + " Mon Sep 17 00:00:00 2001\nFrom: vgpukit <vgpukit@localhost>\n" +
        "Date: Wed, 1 Jan 2025 00:00:00 +0000\nSubject: [PATCH " + std::to_string(i) + "/" + std::to_string(total) +
        "] " + subject +
        "\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n" + body +
        (body.empty() || body.back() == '\n' ? "" : "\n") + "---\n" + patch + "-- \nvgpukit\n\n";
    mails.emplace_back(number + "-" + slug(subject) + ".patch", std::move(mail));
  }
  return mails;
}

Status History::finish() {
  if (state_->folder.empty()) return {};
  git_reference* reference = nullptr;
  const auto* last = git_commit_id(state_->commits_raw.back().get());
  if (git_reference_create(&reference, state_->repository.get(), "refs/heads/main", last, 1, "vgpukit") != 0)
    return git_error("set the branch of the history");
  git_reference_free(reference);
  git_tree* tree = nullptr;
  git_commit_tree(&tree, state_->commits_raw.back().get());
  const GitTree owned_tree(tree);
  git_index* index = nullptr;
  if (git_repository_index(&index, state_->repository.get()) != 0) return git_error("open the index of the history");
  const GitIndex owned_index(index);
  if (git_index_read_tree(index, tree) != 0 || git_index_write(index) != 0)
    return git_error("write the index of the history");
  return {};
}

Result<History> record_history(const fs::path& folder, const driver::Driver& driver, const kernel::Kernel& kernel,
                               const transform::SourceTree& tree, const recipe::Plan& plan) {
  TRY_ASSIGN(auto history, History::create(folder, tree,
                                           "NVIDIA " + driver.version.text + " (" +
                                               std::string(driver::flavour_name(driver.flavour)) +
                                               ") as it came\n\nFrom " + driver.path.filename().string() + ".\n"));
  for (const auto* line : plan.applied()) {
    const auto& recipe = *line->recipe;
    std::string message = recipe.id + ": " + recipe.summary + "\n\nFor " + kernel.release + ": " + line->reason + "\n";
    for (const auto& upstream : recipe.upstream)
      message += "\nUpstream: " + upstream.release + " \"" + upstream.subject + "\"" +
                 (upstream.commit.empty() ? "" : " (" + upstream.commit + ")");
    if (!recipe.upstream.empty()) message += "\n";
    TRY(history.commit(line->after, message));
  }
  return history;
}

}  // namespace vgpukit::history
