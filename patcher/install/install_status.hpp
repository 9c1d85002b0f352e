// `vgpukit status`: the installed driver, and whether each kernel has working modules of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "install/signing_state.hpp"
#include "install/transaction.hpp"
#include "kernel/modules_folder.hpp"

namespace vgpukit::install {

// Who has built a kernel's modules.
enum class ModuleOwner {
  none,        // the kernel has no modules of the driver
  vgpukit,     // they are those that `vgpukit install` has verified
  dkms,        // for a kernel that came after `vgpukit install`
  dkms_again,  // built again after `vgpukit install`
  other,       // "somebody else"
};
// As `vgpukit status --format json` has it; empty for none.
[[nodiscard]] std::string_view owner_name(ModuleOwner owner);

struct KernelStatus {
  std::string release;
  bool running = false;
  bool next = false;                 // the newest that is installed: it boots next
  std::vector<std::string> modules;  // paths, as the root knows them
  ModuleOwner owner = ModuleOwner::none;
  std::string problem;  // why the kernel has no working driver; empty if it has one
};

struct InstallStatus {
  std::optional<InstallRecord> record;
  std::optional<std::string> unfinished;  // an interrupted command: "install 535.247.02"
  std::vector<KernelStatus> kernels;
  std::string previous;                     // the version that rollback installs; empty if there is none
  std::optional<nlohmann::json> last_hook;  // last_hook_run()
  SigningState signing;
};
Result<InstallStatus> install_status(const HostPaths& host);

// Why the kernel has no working driver of this record, according to the modules' own information; empty if it has one.
// `there`: installed_module_files() of this kernel.
std::string module_problem(const HostPaths& host, const std::string& release, const InstallRecord& record,
                           const std::vector<kernel::InstalledModuleFile>& there);

}  // namespace vgpukit::install
