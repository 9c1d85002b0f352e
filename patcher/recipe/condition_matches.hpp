// Where the driver's files have what conditions look for. Looking through 20 MB of sources for each recipe is most of
// what a plan costs: what was found in the files on disk is kept under their content, and only edited files are looked
// through again.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "recipe/recipe.hpp"
#include "transform/source_tree.hpp"

namespace vgpukit::recipe {

class ConditionMatches {
 public:
  // `file` keeps findings from one run to the next; its name must tell one content of the sources from another. Empty:
  // none are kept.
  explicit ConditionMatches(std::filesystem::path file = {});

  // The first place in the tree as it is now: globs in the condition's order, paths sorted ("nvidia/os-mlock.c:46";
  // without a line for a file, and where the tokens stand apart).
  std::optional<std::string> first(const FileCondition& condition, const transform::SourceTree& tree);

  // Keeps what was found since. A cache that cannot be written is left out.
  void save() const;

 private:
  using Places = std::vector<std::pair<std::string, int>>;  // path, line; 0: none
  const Places& on_disk(const FileCondition& condition, const transform::SourceTree& tree);

  std::filesystem::path file_;
  std::map<std::string, Places> cached_;
  bool changed_ = false;
};

}  // namespace vgpukit::recipe
