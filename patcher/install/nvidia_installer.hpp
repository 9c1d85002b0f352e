// Running NVIDIA's own installer: unattended, with the options that its version has, on a package whose kernel sources
// are patched. Its exit status is not believed: a failed registration with dkms leaves it at 0 (misc.c of
// github.com/NVIDIA/nvidia-installer).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "driver/driver.hpp"
#include "driver/run_file_repack.hpp"
#include "kernel/kernel.hpp"
#include "support/process.hpp"
#include "support/result.hpp"
#include "support/snapshot.hpp"

namespace vgpukit::install {

// What is asked of the installer of this version; options that it does not know yet are left out (option_table.h, by
// tags). `sources`: "kernel" or "kernel-open". `log`: as the root knows it.
std::vector<std::string> installer_options(const Version& version, const std::string& release,
                                           const std::string& sources, const std::string& log, unsigned jobs);

// The package's unpacked folder with the kernel sources changed and .manifest telling of new files, below
// kernel.host.work(). It is removed when the function ends. Gives the installer's exit status. Error: missing for a
// full disk; usage for a package without an installer in it; failed when interrupted.
Result<int> run_nvidia_installer(const driver::Driver& driver, const driver::SourceEdits& edits,
                                 const kernel::Kernel& kernel, const std::string& log, unsigned jobs,
                                 const std::function<void(std::string_view)>& on_line);

// The files and links that the installer has put into the system, from its log /var/lib/nvidia/log: "0: LINK", a line
// with its target; "1: FILE", a line with its sum (backup.c). Backed-up files ("2: ", "100: " and more) were there
// before.
std::vector<std::string> files_of_installer_log(std::string_view log);

// What the installer has moved out of the way: "2: LINK", its target, its mode and owner; "100: FILE" and more, sum,
// mode and owner, with the file itself at /var/lib/nvidia/100.
struct InstallerBackup {
  std::string path;
  std::string target;  // of a link; empty: a file
  int number = 0;
  unsigned mode = 0, uid = 0, gid = 0;
};
std::vector<InstallerBackup> backups_of_installer_log(std::string_view log);

// Takes away what the installer has put into the system since `kept` was made (/var/lib/nvidia in it, or known not to
// have been there), and puts back what it had moved out of the way. What `kept` has itself is left to its restore().
// True where there was something to do. `cut_short`: nobody else has changed anything since then, so what lies where
// something was moved away is a file that the installer has not written down any more; otherwise it is somebody's, and
// stays. Safe to be cut short and done again. Error: missing for a full disk.
Result<bool> remove_new_user_space(const HostPaths& host, const Snapshot& snapshot, bool cut_short);

// What is wrong with the services that the installer has put into the system, as sentences with what to do: a unit that
// is not there, one that nothing starts.
std::vector<std::string> service_warnings(const HostPaths& host, const driver::Driver& driver);

// The files and links of the user space that the installer has put here; none where it has not.
std::vector<std::string> installed_user_space(const HostPaths& host);
// After parts of it were put back: the linker's cache and systemd's knowledge are made anew, where they can be.
void refresh_user_space(const HostPaths& host);

}  // namespace vgpukit::install
