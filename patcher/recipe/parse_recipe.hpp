#pragma once

#include <filesystem>
#include <string>

#include "recipe/recipe.hpp"

namespace vgpukit::recipe {

// Parses one recipe file. `patches`: the folder for `file:` of the `patch` transform.
// Error: usage, with file, line, column and what was expected.
Result<Recipe> parse_recipe(const std::string& yaml, const std::string& file, const std::filesystem::path& patches);

}  // namespace vgpukit::recipe
