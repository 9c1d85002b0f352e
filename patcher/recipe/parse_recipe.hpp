#pragma once

#include <filesystem>
#include <string>

#include "recipe/recipe.hpp"

namespace vgpukit {
class YamlCache;
}

namespace vgpukit::recipe {

// Parses one recipe file. `patches`: the folder for `file:` of the `patch` transform. `cache` may be null; otherwise
// YAML that it contains is not scanned again. Error: usage, with file, line, column and what was expected.
Result<Recipe> parse_recipe(const std::string& yaml, const std::string& file, const std::filesystem::path& patches,
                            YamlCache* cache = nullptr);

}  // namespace vgpukit::recipe
