// Where the driver's files match conditions. Tokens in code that the kernel does not compile (transform/dead_code) are
// no match. Searching 20 MB of sources for each recipe takes most of the time of a plan. The matches in the files on
// disk are cached, for all kernels; only edited files and those that may have dead code are searched again.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "recipe/recipe.hpp"
#include "support/version.hpp"
#include "transform/source_tree.hpp"

namespace vgpukit::recipe {

class ConditionMatches {
 public:
  // `file`: the cache; its name must identify the content of the sources. Empty: no cache.
  explicit ConditionMatches(Version kernel, std::filesystem::path file = {});

  // The first match in the edited tree: globs in the condition's order, paths sorted ("nvidia/os-mlock.c:46"). There is
  // no line number for a file condition.
  std::optional<std::string> first(const FileCondition& condition, const transform::SourceTree& tree);

  // The files of the edited tree that match, each with the line of its first match (0 for a file condition).
  std::map<std::string, int> places(const FileCondition& condition, const transform::SourceTree& tree);

  // Writes the cache if it changed. A failure to write is ignored.
  void save() const;

 private:
  using Places = std::vector<std::pair<std::string, int>>;  // path, line
  const Places& on_disk(const FileCondition& condition, const transform::SourceTree& tree);

  Version kernel_;
  std::filesystem::path file_;
  std::map<std::string, Places> cached_;
  bool changed_ = false;
};

}  // namespace vgpukit::recipe
