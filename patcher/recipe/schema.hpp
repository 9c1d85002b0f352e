// A JSON schema of recipe files, for editors that complete and check YAML. parse_recipe() decides what a valid recipe
// is; a test compares the schema with it.
#pragma once

#include <nlohmann/json.hpp>

namespace vgpukit::recipe {

// Draft 2020-12. Transforms and their parameters come from transform_kinds().
nlohmann::ordered_json recipe_schema();

}  // namespace vgpukit::recipe
