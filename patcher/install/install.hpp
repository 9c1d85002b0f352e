// `vgpukit install`, `uninstall`, `rollback`, `status`: from a driver to modules that dkms looks after, and the way
// back.
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
  std::vector<std::string> warnings;          // what a user should know about what was installed, as sentences
  std::vector<std::string> hooks;             // the hooks of package managers that were written
  std::vector<Conflict> conflicts;            // with `blocks` where nothing was done because of them
  std::optional<build::BuildReport> refused;  // the build that failed, or waits for consent: nothing was done
};

// Builds and verifies for each kernel before the system is touched; then registers with dkms, has dkms build and
// install, and looks whether that is so. What was there before is back when anything fails. Errors: missing (no dkms,
// no vgpukit in another root, headers, space); failed, with what dkms said.
Result<InstallOutcome> install_driver(const HostPaths& host, InstallRequest request);

// What Secure Boot makes of the installed modules.
struct SigningState {
  bool secure_boot = false;  // it is on
  bool enforced = false;     // the running kernel refuses what nobody it knows has signed
  std::string key, from;     // what modules are signed with, and whose key that is; empty: there is none
  std::string certificate;
  std::string enrolled;                       // yes | pending | no | unknown; empty without a certificate
  std::vector<std::string> unsigned_modules;  // paths, as the root knows them
  std::vector<std::string> steps;             // what to do until such a kernel loads them; empty: nothing
};
// Error: usage, for a configuration that is wrong.
Result<SigningState> signing_state(const HostPaths& host);

struct UninstallOutcome {
  std::string version;            // empty: nothing was installed
  std::vector<std::string> left;  // what of NVIDIA's or dkms's is still there, as sentences
};
Result<UninstallOutcome> uninstall_driver(const HostPaths& host, const OnStep& at = {});

struct RollbackOutcome {
  std::string from, to;                // versions; `to` may be empty: no driver was installed before
  std::vector<std::string> releases;   // kernels that have modules of it now
  std::vector<std::string> built_now;  // of these, kernels that are newer than it, for which it was built now
};
// Error: usage when there is no way back.
Result<RollbackOutcome> rollback_driver(const HostPaths& host,
                                        const std::function<void(std::string_view)>& on_step = {},
                                        const OnStep& at = {});

// One kernel's line of `vgpukit status`.
struct KernelStatus {
  std::string release;
  bool running = false;
  bool next = false;                 // the newest that is installed: it boots next
  std::vector<std::string> modules;  // paths, as the root knows them
  std::string by;                    // "dkms", "vgpukit" (recorded), "somebody else"; empty without modules
  std::string problem;               // why it has no working driver; empty when it has
};
struct InstallStatus {
  std::optional<InstallRecord> record;
  std::optional<std::string> unfinished;
  std::vector<KernelStatus> kernels;
  std::string previous;                     // the version of rollback; empty when there is no way back
  std::optional<nlohmann::json> last_hook;  // what the last run of a hook has left
  SigningState signing;
};
Result<InstallStatus> install_status(const HostPaths& host);

}  // namespace vgpukit::install
