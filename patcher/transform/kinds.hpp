// For the kinds of transforms only: a function for each kind, and what their make() and apply() share.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transform/transform.hpp"

namespace vgpukit::transform {

TransformKind rename_call_kind();
TransformKind rename_token_kind();
TransformKind replace_function_body_kind();
TransformKind remove_initializer_kind();
TransformKind export_gpl_kind();
TransformKind add_include_kind();
TransformKind kbuild_variable_kind();
TransformKind replace_kind();
TransformKind patch_kind();

bool has(const Parameters& parameters, std::string_view name);
// The `places` parameter, or the kind's default.
Result<Places> places_of(const Parameters& parameters, std::string_view fallback);

// The files that match one of the globs, sorted. Error: failed if there are none.
Result<std::vector<std::string>> select_files(std::string_view kind, const SourceTree& tree,
                                              const std::vector<std::string>& globs);

// What apply() has found, and the changes that it would make.
struct SearchResult {
  std::string what;  // "calls of follow_pfn"
  std::vector<std::string> searched;
  std::vector<Place> places;  // to be edited
  struct Change {
    std::string path;
    std::string text;
    std::size_t places;
  };
  std::vector<Change> changes;
  bool already = false;  // the files show that the edit was made before
  std::string hint;      // for the error "found no ...": what would have set `already`

  void change(const std::string& path, std::string text, std::size_t count) {
    changes.push_back({path, std::move(text), count});
  }
};
// Writes the changes if their number is the wanted one. If nothing was found: `already`, or an error.
Result<Applied> conclude(std::string_view kind, const Places& wanted, SearchResult found, SourceTree& tree);

// The error for a construct that cannot be edited: "nvidia/nv.c:12: WHY".
Error other_shape(std::string_view kind, const Place& place, std::string why, std::string next = "");
Error usage_error(std::string_view kind, std::string why, std::string next = "");

}  // namespace vgpukit::transform
