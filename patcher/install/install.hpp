// Installs a driver so that dkms builds it for later kernels, and undoes that: nvidia-installer, dkms, hooks of package
// managers, packages, and the journal around them. install/ may use build/ and what that uses. This header: `vgpukit
// install`.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "build/job.hpp"
#include "driver/driver.hpp"
#include "install/conflicts.hpp"
#include "install/dkms_tree.hpp"
#include "install/transaction.hpp"
#include "kernel/kernel.hpp"
#include "support/result.hpp"

namespace vgpukit::install {

struct InstallRequest {
  const driver::Driver* driver = nullptr;
  const recipe::Catalogue* catalogue = nullptr;
  const recipe::Catalogue* explanations = nullptr;
  std::vector<kernel::Kernel> kernels;  // at least one
  std::map<std::string, bool> assumptions;
  DkmsChoices choices;
  bool with_nvidia_installer = false;  // the whole driver, by the installer in Driver::package
  unsigned jobs = 1;
  std::function<void(std::string_view)> on_step;  // a line for people
  std::function<void(const build::BuildProgress&)> on_progress;
  OnStep at;  // for tests
};

struct InstallOutcome {
  bool installed = false;
  InstallRecord record;
  std::vector<std::string> warnings;          // about the build and what was installed, as sentences for the user
  std::vector<std::string> hooks;             // the hooks of package managers that were written
  std::vector<Conflict> conflicts;            // if one of them blocks, nothing was done
  std::optional<build::BuildReport> refused;  // the build that failed or needs consent: nothing was done
};

// Builds and verifies for each kernel before it changes the system. Then it registers the driver with dkms, has dkms
// build and install it, and checks the result. After any failure the previous state is back. Errors: missing (no dkms,
// no vgpukit in another root, no headers); no_space; failed, with the output of dkms.
Result<InstallOutcome> install_driver(const HostPaths& host, InstallRequest request);

}  // namespace vgpukit::install
