#include "transform/source_tree.hpp"

#include <algorithm>
#include <mutex>

#include "driver/source_files.hpp"
#include "support/atomic_file.hpp"
#include "transform/glob.hpp"
#include "transform/token_match.hpp"

namespace vgpukit::transform {
namespace {

Error no_such_file(std::string_view path) {
  return {ErrorKind::usage, "read " + std::string(path), "the driver has no such source file", ""};
}

}  // namespace

struct SourceTree::Cache {
  std::mutex mutex;
  std::map<std::string, std::string, std::less<>> texts;
  std::map<std::string, std::shared_ptr<const std::vector<Token>>, std::less<>> tokens;
  std::map<std::string, std::vector<std::string>, std::less<>> matching;  // by glob
};

Result<SourceTree> SourceTree::open(const std::filesystem::path& folder) {
  SourceTree tree;
  tree.folder_ = folder;
  tree.cache_ = std::make_shared<Cache>();
  std::error_code failure;
  std::filesystem::recursive_directory_iterator entry(folder, failure);
  const std::filesystem::recursive_directory_iterator end;
  for (; !failure && entry != end; entry.increment(failure)) {
    const std::string name = entry->path().filename().string();
    const auto status = entry->symlink_status(failure);
    if (failure) break;
    if (std::filesystem::is_directory(status)) {
      if (name.starts_with('.') || driver::is_build_output(name, true)) entry.disable_recursion_pending();
      continue;
    }
    if (!std::filesystem::is_regular_file(status)) continue;
    // Binary objects are part of the package, but not sources.
    if (driver::is_build_output(name, false) || name.ends_with(".o_binary")) continue;
    if (name.starts_with('.') && name != ".manifest") continue;
    tree.on_disk_.push_back(entry->path().lexically_relative(folder).generic_string());
  }
  if (failure) return Error{ErrorKind::usage, "list the driver sources in " + folder.string(), failure.message(), ""};
  std::sort(tree.on_disk_.begin(), tree.on_disk_.end());
  return tree;
}

SourceTree SourceTree::of(std::map<std::string, std::string> files) {
  SourceTree tree;
  tree.cache_ = std::make_shared<Cache>();
  for (auto& file : files) {
    tree.on_disk_.push_back(file.first);
    tree.cache_->texts.emplace(file.first, std::move(file.second));
  }
  return tree;
}

std::vector<std::string> SourceTree::files() const {
  std::vector<std::string> paths;
  for (const std::string& path : on_disk_)
    if (!edits_.contains(path)) paths.push_back(path);
  for (const auto& [path, text] : edits_)
    if (text) paths.push_back(path);
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::vector<std::string> SourceTree::matching(std::string_view glob) const {
  std::vector<std::string> paths;
  {
    const std::lock_guard lock(cache_->mutex);
    auto known = cache_->matching.find(glob);
    if (known == cache_->matching.end()) {
      known = cache_->matching.emplace(std::string(glob), std::vector<std::string>()).first;
      std::copy_if(on_disk_.begin(), on_disk_.end(), std::back_inserter(known->second),
                   [&](const std::string& path) { return glob_matches(glob, path); });
    }
    paths = known->second;
  }
  if (edits_.empty()) return paths;
  std::erase_if(paths, [&](const std::string& path) { return !has(path); });
  for (const auto& [path, text] : edits_)
    if (text && !std::binary_search(on_disk_.begin(), on_disk_.end(), path) && glob_matches(glob, path))
      paths.push_back(path);
  std::sort(paths.begin(), paths.end());
  return paths;
}

bool SourceTree::has(std::string_view path) const {
  if (const auto edit = edits_.find(path); edit != edits_.end()) return edit->second.has_value();
  return std::binary_search(on_disk_.begin(), on_disk_.end(), path);
}

Result<std::string_view> SourceTree::original(std::string_view path) const {
  if (!std::binary_search(on_disk_.begin(), on_disk_.end(), path)) return no_such_file(path);
  const std::lock_guard lock(cache_->mutex);
  if (const auto found = cache_->texts.find(path); found != cache_->texts.end()) return std::string_view(found->second);
  TRY_ASSIGN(std::string text, read_file(folder_ / path));
  return std::string_view(cache_->texts.emplace(std::string(path), std::move(text)).first->second);
}

Result<std::string_view> SourceTree::read(std::string_view path) const {
  const auto edit = edits_.find(path);
  if (edit == edits_.end()) return original(path);
  if (!edit->second) return no_such_file(path);
  return std::string_view(*edit->second);
}

std::shared_ptr<const std::vector<Token>> SourceTree::tokens(std::string_view path) const {
  const auto text = read(path);
  if (!text) return std::make_shared<const std::vector<Token>>();
  if (edits_.contains(path)) return std::make_shared<const std::vector<Token>>(flat_tokens(*text));
  const std::lock_guard lock(cache_->mutex);
  auto& known = cache_->tokens[std::string(path)];
  if (!known) known = std::make_shared<const std::vector<Token>>(flat_tokens(*text));
  return known;
}

void SourceTree::write(std::string_view path, std::string text) {
  if (const auto disk = original(path); disk && *disk == text) {
    if (const auto edit = edits_.find(path); edit != edits_.end()) edits_.erase(edit);
    return;
  }
  edits_.insert_or_assign(std::string(path), std::move(text));
}

void SourceTree::remove(std::string_view path) {
  if (std::binary_search(on_disk_.begin(), on_disk_.end(), path)) {
    edits_.insert_or_assign(std::string(path), std::nullopt);
  } else if (const auto edit = edits_.find(path); edit != edits_.end()) {
    edits_.erase(edit);
  }
}

}  // namespace vgpukit::transform
