// A JSON schema of recipe files, for editors that complete and check YAML while it is written. The loader (parse.cpp)
// is the judge; a test holds the schema against every recipe, and against files that the loader refuses.
#pragma once

#include <nlohmann/json.hpp>

namespace vgpukit::recipe {

// Draft 2020-12. Transforms and their parameters come from transform_kinds().
nlohmann::ordered_json recipe_schema();

}  // namespace vgpukit::recipe
