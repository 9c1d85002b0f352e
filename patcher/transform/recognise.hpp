// Finds the transforms that make the edits of a unified diff.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::transform {

struct RecognisedStep {
  std::string kind;                                             // "rename-call"
  std::vector<std::string> files;                               // the diff's files with this edit
  std::vector<std::pair<std::string, std::string>> parameters;  // without `files`, in the order of a recipe
  std::string construct;  // code that the driver has before the edit: "follow_pfn("; may be empty
};

struct RecognisedDiff {
  std::vector<RecognisedStep> steps;  // without duplicates
  std::string rest;                   // a diff of the hunks that no transform makes; may be empty
  std::vector<std::string> rest_files;
  std::vector<std::string> gone;   // identifiers of C code that only removed lines have, in their order
  std::vector<std::string> fresh;  // and those that only added lines have
  std::vector<std::string> calls;  // functions whose calls get other arguments
  std::string version;             // "6.12", from KERNEL_VERSION(6, 12, 0) in an added line; may be empty
};

// Recognises renames, removed initializers, added #includes, exports that become GPL-only, and calls with other
// arguments, in hunks that have only such edits. The transforms make the same edits in places that the diff does not
// name. `name` is for messages. Error: usage if this is not a unified diff.
Result<RecognisedDiff> recognise_diff(const std::string& diff, const std::string& name);

}  // namespace vgpukit::transform
