// The files that nvidia-installer has put into the system outside of dkms and /lib/modules, according to its own log
// /var/lib/nvidia/log (backup.c).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "driver/driver.hpp"
#include "support/snapshot.hpp"

namespace vgpukit::install {

// The files and links of such a log: "0: LINK", a line with its target; "1: FILE", a line with its sum. Files that the
// installer has moved away ("2: ", "100: " and more) are not among them.
std::vector<std::string> files_of_installer_log(std::string_view log);

// What the installer has moved away: "2: LINK", its target, its mode and owner; "100: FILE" and more, sum, mode and
// owner, with the file itself at /var/lib/nvidia/100.
struct InstallerBackup {
  std::string path;
  std::string target;  // of a link; empty: a file
  int number = 0;
  unsigned mode = 0, uid = 0, gid = 0;
};
std::vector<InstallerBackup> backups_of_installer_log(std::string_view log);

// Removes what the installer has put into the system since the snapshot was taken, and restores what it had moved away.
// /var/lib/nvidia must be in the snapshot, or have been absent. Paths of the snapshot are left to its restore(). True
// if there was something to do. `cut_short`: nothing else has changed since then, so a file in the place of a moved one
// is the installer's, although its log does not name it; otherwise such a file stays. It may be interrupted and run
// again. Error: no_space.
Result<bool> remove_new_user_space(const HostPaths& host, const Snapshot& snapshot, bool cut_short);

// What is wrong with the installer's systemd units, as sentences with what to do: a unit that is absent, one that
// nothing starts.
std::vector<std::string> service_warnings(const HostPaths& host, const driver::Driver& driver);

// The files and links of the installed user space; none if the installer was not used.
std::vector<std::string> installed_user_space(const HostPaths& host);
// Runs ldconfig and systemctl daemon-reload, after parts of the user space were restored.
void refresh_user_space(const HostPaths& host);

}  // namespace vgpukit::install
