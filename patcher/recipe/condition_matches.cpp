#include "recipe/condition_matches.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "support/checksummed_file.hpp"
#include "support/hash.hpp"
#include "support/json_file.hpp"
#include "transform/dead_code.hpp"
#include "transform/token_match.hpp"

namespace vgpukit::recipe {

namespace {

using Json = nlohmann::json;

std::string key_of(const FileCondition& condition) {
  Hasher hasher;
  hasher.add("vgpukit findings 2");  // increase it if the search changes
  hasher.add(condition.what == FileCondition::What::token ? "token" : "text");
  for (const auto& pattern : condition.patterns) hasher.add(pattern);
  hasher.add("in");
  for (const auto& glob : condition.globs) hasher.add(glob);
  return hasher.hex();
}

int line_of(std::string_view text, std::size_t offset) {
  return 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

std::string place_text(const std::string& path, int line) {
  return path + ":" + std::to_string(line);
}

// Searches files for one condition.
class Search {
 public:
  explicit Search(const FileCondition& condition) : condition_(condition) {
    if (condition.what != FileCondition::What::token) return;
    for (const auto& pattern : condition.patterns) tokens_.emplace_back(pattern);
  }

  // The line of the first match in this file, with a kernel only in what it compiles; nothing if there is none.
  [[nodiscard]] std::optional<int> in(const transform::SourceTree& tree, const std::string& path,
                                      const Version* kernel) const {
    for (const auto& tokens : tokens_)
      if (const auto line = kernel ? tokens.in(tree, path, *kernel) : tokens.in(tree, path)) return line;
    if (condition_.what == FileCondition::What::token) return std::nullopt;
    const auto text = tree.read(path);
    if (!text) return std::nullopt;
    for (const auto& pattern : condition_.patterns)
      if (const auto offset = text->find(pattern); offset != std::string_view::npos) return line_of(*text, offset);
    return std::nullopt;
  }

  // The same for an unedited file that has `line` for some kernel.
  [[nodiscard]] std::optional<int> compiled(const transform::SourceTree& tree, const std::string& path, int line,
                                            const Version& kernel) const {
    const auto text = tree.read(path);
    return text && transform::may_have_dead_code(*text) ? in(tree, path, &kernel) : std::optional(line);
  }

 private:
  const FileCondition& condition_;
  std::vector<transform::TokenSearch> tokens_;
};

}  // namespace

ConditionMatches::ConditionMatches(Version kernel, std::filesystem::path file)
    : kernel_(std::move(kernel)), file_(std::move(file)) {
  const auto body = file_.empty() ? std::nullopt : read_checksummed(file_);
  if (!body) return;
  const Json json = parse_json(*body);
  try {
    if (!json.is_discarded()) cached_ = json.get<std::map<std::string, Places>>();
  } catch (const Json::exception&) {  // not a map of places
    cached_.clear();
  }
}

const ConditionMatches::Places& ConditionMatches::on_disk(const FileCondition& condition,
                                                          const transform::SourceTree& tree) {
  const auto [found, fresh] = cached_.try_emplace(key_of(condition));
  if (!fresh) return found->second;
  changed_ = true;
  transform::SourceTree original = tree;
  original.restore({});
  const Search search(condition);
  for (const auto& glob : condition.globs)
    for (const auto& path : original.matching(glob))
      if (const auto line = search.in(original, path, nullptr)) found->second.emplace_back(path, *line);
  return found->second;
}

std::optional<std::string> ConditionMatches::first(const FileCondition& condition, const transform::SourceTree& tree) {
  if (condition.what == FileCondition::What::file) {
    for (const auto& glob : condition.globs)
      if (const auto paths = tree.matching(glob); !paths.empty()) return paths.front();
    return std::nullopt;
  }
  const auto& places = on_disk(condition, tree);
  const Search search(condition);
  if (tree.edits().empty()) {
    for (const auto& [path, any] : places)
      if (const auto line = search.compiled(tree, path, any, kernel_)) return place_text(path, *line);
    return std::nullopt;
  }
  for (const auto& glob : condition.globs) {
    for (const auto& path : tree.matching(glob)) {
      if (tree.edits().contains(path)) {
        if (const auto line = search.in(tree, path, &kernel_)) return place_text(path, *line);
        continue;
      }
      const auto cached =
          std::find_if(places.begin(), places.end(), [&](const auto& place) { return place.first == path; });
      if (cached == places.end()) continue;
      if (const auto line = search.compiled(tree, path, cached->second, kernel_)) return place_text(path, *line);
    }
  }
  return std::nullopt;
}

std::map<std::string, int> ConditionMatches::places(const FileCondition& condition, const transform::SourceTree& tree) {
  const bool file = condition.what == FileCondition::What::file;
  std::map<std::string, int> places;
  const Search search(condition);
  if (!file)
    for (const auto& [path, any] : on_disk(condition, tree))
      if (!tree.edits().contains(path))
        if (const auto line = search.compiled(tree, path, any, kernel_)) places[path] = *line;
  for (const auto& glob : condition.globs)
    for (const auto& path : tree.matching(glob)) {
      if (!file && !tree.edits().contains(path)) continue;
      if (const auto line = file ? std::optional(0) : search.in(tree, path, &kernel_)) places[path] = *line;
    }
  return places;
}

void ConditionMatches::save() const {
  if (file_.empty() || !changed_) return;
  try {
    write_checksummed(file_, Json(cached_).dump());
  } catch (const Json::exception&) {  // a file's name is not UTF-8: JSON cannot hold it, so it is searched for again
  }
}

}  // namespace vgpukit::recipe
