// From a unified diff back to transforms: which structural edits do what its hunks do.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::transform {

struct RecognisedStep {
  std::string kind;                                             // "rename-call"
  std::vector<std::string> files;                               // the diff's files in which it was seen
  std::vector<std::pair<std::string, std::string>> parameters;  // but `files`, in the order in which a recipe has them
  std::string construct;  // a token that the driver has before: "follow_pfn("; may be empty
};

struct RecognisedDiff {
  std::vector<RecognisedStep> steps;  // each once
  std::string rest;                   // a diff of the hunks that no transform describes; may be empty
  std::vector<std::string> rest_files;
  std::vector<std::string> gone;   // identifiers of C code that only the removed lines have, in their order
  std::vector<std::string> fresh;  // and those that only the added lines have
  std::vector<std::string> calls;  // functions whose calls get other arguments
  std::string version;             // "6.12", from KERNEL_VERSION(6, 12, 0) in an added line; may be empty
};

// `name` is for messages. A rename, an initializer that goes, an #include that comes, an export that becomes GPL-only
// and a call whose arguments change are recognised where a hunk has nothing else; such a step does the same in places
// that the diff does not name. Error: usage - no unified diff.
Result<RecognisedDiff> recognise_diff(const std::string& diff, const std::string& name);

}  // namespace vgpukit::transform
