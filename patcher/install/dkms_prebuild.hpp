// The PRE_BUILD of our dkms.conf: patches the copy of the sources that dkms has made for one build, and writes the make
// command for it.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::install {

struct PrebuildRequest {
  std::filesystem::path folder;   // dkms's copy of what write_dkms_tree() wrote
  std::string release;            // the kernel that dkms builds for
  std::filesystem::path headers;  // the headers that dkms will use; empty: not checked
  std::map<std::string, bool> assumptions;
};

// Plans and patches in place, answers the driver's conftest, and writes `vgpukit-make`, a shell script that builds as
// `vgpukit build` does. That file is written last: without it dkms builds nothing. Gives a line about what was done,
// for dkms's make.log. Errors: usage for a folder that write_dkms_tree() has not filled, and if dkms would use other
// headers; missing headers or compiler; consent for a notice that was not accepted; failed if a necessary recipe cannot
// be applied.
Result<std::string> dkms_prebuild(const HostPaths& host, const PrebuildRequest& request);

// Runs vgpukit-make in the folder, in the sandbox. Gives make's exit status. Errors: those of run().
Result<int> dkms_make(const HostPaths& host, const fs::path& folder,
                      const std::function<void(std::string_view)>& on_line);

}  // namespace vgpukit::install
