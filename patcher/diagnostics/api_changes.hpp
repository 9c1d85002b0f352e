// Unknown territory: an error that no recipe knows. Where an older kernel of this machine declared the name that it is
// about, whether the new one still does, and which names of the new one are near. Headers and the driver's own
// conftest.sh are read; nothing is compiled, and what they do not say is not said.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "diagnostics/error_subject.hpp"
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
  bool likely_rename =
      false;  // takes the same arguments, and the older kernel's header names it or it is new: a rename, most likely
  std::string why;  // "del_timer_sync() was only another name for it in 6.12.1"; may be empty
};

struct ApiChange {
  Subject subject;                    // with the structure of a field where the headers tell it
  std::optional<HeaderPlace> before;  // in the newest of the older kernels that declares it
  std::optional<HeaderPlace> now;     // in this kernel
  std::vector<NearName> nearest;      // at most three, the nearest first
  std::string follows;                // another subject's text: with that one's new name it is what it was
  std::string conftest;               // what the driver's own conftest.sh says of the name
};

// One finding for each subject, in their order. `headers`: list_headers(); `release`: the kernel that was built for.
// `driver`: the driver's sources, may be empty.
std::vector<ApiChange> find_api_changes(const std::vector<kernel::KernelHeaders>& headers, const std::string& release,
                                        const std::vector<Subject>& subjects, const std::filesystem::path& driver);

}  // namespace vgpukit::diagnostics
