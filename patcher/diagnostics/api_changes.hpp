// What changed in the kernel's headers, for errors that no recipe explains: where an older kernel of this machine
// declares the subject of the error, whether this kernel declares it, and which names of this kernel are similar. Only
// headers and the driver's conftest.sh are read; nothing is compiled.
#pragma once

#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "diagnostics/error_subject.hpp"
#include "diagnostics/header_texts.hpp"
#include "kernel/kernel_headers.hpp"

namespace vgpukit::diagnostics {

struct HeaderPlace {
  std::string kernel;  // the release
  std::string header;  // "linux/mm.h"
  int line = 0;
  std::string text;  // the declaration on one line
};

struct NearName {
  std::string name;
  HeaderPlace place;
  // The same arguments, and it is new or named beside the old name in the older kernel's header.
  bool likely_rename = false;
  std::string why;  // "it has the same members"; may be empty
};

struct ApiChange {
  Subject subject;  // with the structure of a field if the headers tell it
  // In the newest of the older kernels that declares it, for a subject that is not gone: in another form.
  std::optional<HeaderPlace> before;
  std::optional<HeaderPlace> now;  // in this kernel
  std::vector<NearName> nearest;   // at most three, the nearest first
  std::string follows;             // the text of another subject, if only the name of that one changed
  std::string conftest;            // the comment on the name in the driver's conftest.sh
};

// One result for each subject, in their order. `headers`: list_headers(); `release`: the kernel of the build.
// `driver`: the driver's sources, may be empty.
std::vector<ApiChange> find_api_changes(const std::vector<kernel::KernelHeaders>& headers, const std::string& release,
                                        const std::vector<Subject>& subjects, const std::filesystem::path& driver);
// The same, for a caller that asks several times: in the order of list_headers(), each kernel once.
std::vector<ApiChange> find_api_changes(std::deque<HeaderTexts>& kernels, const std::string& release,
                                        const std::vector<Subject>& subjects, const std::filesystem::path& driver);

}  // namespace vgpukit::diagnostics
