#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "recipe/recipe.hpp"

namespace vgpukit::recipe {

// The recipe files of a folder, sorted: its *.yaml and *.yml. Folders below it (tests/, patches/) are not searched.
// Error: usage if the folder cannot be read.
Result<std::vector<std::filesystem::path>> recipe_files(const std::filesystem::path& folder);

// All recipes, in the order in which they are applied: `after` first, then by id in version order (5.19 before 6.1
// before 6.12).
class Catalogue {
 public:
  // Loads the recipe files of each folder. A recipe in a later folder replaces one with the same id.
  // Errors: usage if a file does not parse, if one folder has an id twice, if an `after` names no recipe, or if the
  // order has a cycle.
  static Result<Catalogue> load(const std::vector<std::filesystem::path>& folders,
                                const std::filesystem::path& patches);
  static Result<Catalogue> of(std::vector<Recipe> recipes);

  // Removes these recipes; the others keep their order. Error: usage if no recipe has one of the ids. Nothing is
  // removed then.
  Status leave_out(const std::vector<std::string>& ids);

  [[nodiscard]] const std::vector<Recipe>& recipes() const { return recipes_; }
  [[nodiscard]] const Recipe* find(std::string_view id) const;

 private:
  std::vector<Recipe> recipes_;
};

}  // namespace vgpukit::recipe
