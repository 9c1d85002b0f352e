#include "transform/kinds.hpp"

#include <algorithm>

#include "support/text.hpp"
#include "transform/glob.hpp"

namespace vgpukit::transform {

bool has(const Parameters& parameters, std::string_view name) {
  return parameters.contains(name);
}

Result<Places> places_of(const Parameters& parameters, std::string_view fallback) {
  return Places::parse(text_or(parameters, "places", std::string(fallback)));
}

Result<std::vector<std::string>> select_files(std::string_view kind, const SourceTree& tree,
                                              const std::vector<std::string>& globs) {
  std::vector<std::string> selected = tree.files();
  std::erase_if(selected, [&](const std::string& path) {
    return std::none_of(globs.begin(), globs.end(), [&](const std::string& glob) { return glob_matches(glob, path); });
  });
  if (!selected.empty()) return selected;
  return Error{ErrorKind::failed, "apply " + std::string(kind), "no file of the driver matches " + join(globs, ", "),
               ""};
}

Result<Applied> conclude(std::string_view kind, const Places& wanted, SearchResult findings, SourceTree& tree) {
  Applied applied;
  if (findings.places.empty()) {
    applied.already = findings.already;
    if (applied.already || wanted.least == 0) return applied;
    Error error = unexpected_places(kind, findings.what, wanted, {}, findings.searched);
    error.next = std::move(findings.hint);
    return error;
  }
  const std::size_t count = findings.places.size();
  if (count < wanted.least || (wanted.most && count > *wanted.most))
    return unexpected_places(kind, findings.what, wanted, findings.places, findings.searched);
  for (SearchResult::Change& change : findings.changes) {
    tree.write(change.path, std::move(change.text));
    applied.files.push_back({change.path, change.places});
  }
  return applied;
}

Error other_shape(std::string_view kind, const Place& place, std::string why, std::string next) {
  return {ErrorKind::failed, "apply " + std::string(kind),
          place.file + ":" + std::to_string(place.line) + ": " + std::move(why), std::move(next)};
}

Error usage_error(std::string_view kind, std::string why, std::string next) {
  return {ErrorKind::usage, "use " + std::string(kind), std::move(why), std::move(next)};
}

}  // namespace vgpukit::transform
