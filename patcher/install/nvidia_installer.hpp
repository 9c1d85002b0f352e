// Runs NVIDIA's own installer: unattended, with the options that its version has, on a package whose kernel modules are
// built already. Its exit status is not enough: it is 0 even if the registration with dkms has failed (misc.c of
// github.com/NVIDIA/nvidia-installer).
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "driver/driver.hpp"
#include "driver/run_file_repack.hpp"
#include "kernel/kernel.hpp"
#include "support/result.hpp"

namespace vgpukit::install {

// The options for the installer of this version, without those that only later versions know (option_table.h of its
// tags). `sources`: "kernel" or "kernel-open". `log`, `tmpdir`: as the root knows them; an empty `tmpdir` is left out.
std::vector<std::string> installer_options(const Version& version, const std::string& release,
                                           const std::string& sources, const std::string& log,
                                           const std::string& tmpdir);
// Whether the installer of this version installs although a driver is loaded and in use.
bool installer_ignores_loaded_modules(const Version& version);

// Unpacks the package below kernel.host.work() and runs the installer there, with the variables of accepted notices
// about the kernel and with the kernel's compiler. The installer's `make` gets the modules in `modules`, which are
// built, verified and signed: nothing is compiled. So of `edits` only that of conftest.sh is written: the installer
// runs its checks of the kernel. The folder is removed in the end. Gives the installer's exit status. Errors: no_space;
// usage for a package without an installer; failed when interrupted.
Result<int> run_nvidia_installer(const driver::Driver& driver, const driver::SourceEdits& edits,
                                 const std::vector<std::filesystem::path>& modules, const kernel::Kernel& kernel,
                                 const std::set<std::string>& accepted, const std::string& log,
                                 const std::function<void(std::string_view)>& on_line);

}  // namespace vgpukit::install
