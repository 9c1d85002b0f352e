// What dkms's PRE_BUILD does: patches the copy of the sources that dkms has made for one build, and leaves the make
// command for it.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::install {

struct PrebuildRequest {
  std::filesystem::path folder;   // dkms's copy of what write_dkms_tree() wrote
  std::string release;            // the kernel that dkms builds for
  std::filesystem::path headers;  // where dkms thinks that its headers are; empty: does not matter
  std::map<std::string, bool> assumptions;
};

// Plans and patches in place, answers the driver's conftest, and writes `vgpukit-make`, a shell script that builds as
// `vgpukit build` does. That file comes last: without it nothing is built. Gives one or two lines that say what was
// done, for dkms's make.log. Errors: usage for a folder that is none of ours, or dkms and we would use other headers;
// missing headers or compiler; consent for a notice that nobody has accepted; failed when a recipe that is needed
// cannot be applied.
Result<std::string> dkms_prebuild(const HostPaths& host, const PrebuildRequest& request);

}  // namespace vgpukit::install
