// What nvidia-installer did to the system outside of dkms and /lib/modules, by its own log (backup.c).
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "install/nvidia_installer.hpp"
#include "support/atomic_file.hpp"
#include "support/log.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit {

namespace {

constexpr const char* kFolder = "/var/lib/nvidia";

bool holds(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

void put_back(const HostPaths& host, const InstallerBackup& backup, bool cut_short) {
  std::error_code ignored;
  const auto path = host.in_root(backup.path);
  const auto copy = host.in_root(kFolder) / std::to_string(backup.number);
  if (backup.target.empty() && !fs::exists(copy, ignored)) return;
  if (cut_short && !fs::is_directory(fs::symlink_status(path, ignored))) fs::remove(path, ignored);
  if (fs::exists(fs::symlink_status(path, ignored))) return;
  if (!backup.target.empty()) {
    fs::create_symlink(backup.target, path, ignored);
    return;
  }
  if (!clone_file(copy, path)) return;
  if (::chown(path.c_str(), backup.uid, backup.gid) == 0) ::chmod(path.c_str(), backup.mode & 07777U);
}

// Is it started at boot, by a link in /etc/systemd/system/TARGET.wants?
bool is_enabled(const HostPaths& host, const std::string& unit) {
  std::error_code bad;
  const auto folder = host.in_root("/etc/systemd/system");
  for (auto entry = fs::directory_iterator(folder, bad); !bad && entry != fs::directory_iterator(); entry.increment(bad)) {
    const auto suffix = entry->path().extension();
    if (suffix != ".wants" && suffix != ".requires") continue;
    std::error_code gone;
    if (fs::exists(fs::symlink_status(entry->path() / unit, gone))) return true;
  }
  return false;
}

}  // namespace

std::vector<InstallerBackup> backups_of_installer_log(std::string_view log) {
  std::vector<InstallerBackup> backups;
  const auto lines = lines_of(log);
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    InstallerBackup backup;
    char slash = 0;
    if (std::sscanf(lines[i].c_str(), "%d: %c", &backup.number, &slash) != 2 || slash != '/') continue;
    backup.path = lines[i].substr(lines[i].find('/'));
    if (fs::path(backup.path).lexically_normal() != backup.path) continue;
    unsigned long sum = 0;
    if (backup.number == 2) {
      backup.target = lines[i + 1];
      if (!backup.target.empty()) backups.push_back(std::move(backup));
    } else if (backup.number >= 100 &&
               std::sscanf(lines[i + 1].c_str(), "%lu %o %u %u", &sum, &backup.mode, &backup.uid, &backup.gid) == 4) {
      backups.push_back(std::move(backup));
    }
  }
  return backups;
}

bool remove_new_user_space(const HostPaths& host, const Kept& kept, bool cut_short) {
  const auto names = kept.names();
  if (!holds(names, kFolder)) return false;
  const auto now = read_file(host.in_root(kFolder) / "log");
  const auto then = read_file(kept.copy_of(kFolder) / "log");
  if (!now || (then && *then == *now)) return false;
  const auto old = then ? files_of_installer_log(*then) : std::vector<std::string>{};
  std::error_code ignored;
  for (const auto& file : files_of_installer_log(*now))
    if (!holds(old, file)) fs::remove(host.in_root(file), ignored);
  for (const auto& backup : backups_of_installer_log(*now))
    if (!holds(old, backup.path)) put_back(host, backup, cut_short);
  return true;
}

std::vector<std::string> service_warnings(const HostPaths& host, const Driver& driver) {
  std::vector<std::string> warnings;
  const auto log = read_file(host.in_root(kFolder) / "log");
  if (!log) return warnings;
  std::vector<std::string> units;
  for (const auto& file : files_of_installer_log(*log)) {
    if (!file.ends_with(".service")) continue;
    const auto text = read_file(host.in_root(file));
    const auto unit = fs::path(file).filename().string();
    units.push_back(unit);
    if (!text)
      warnings.push_back(file + ", which the installer says it has installed, is not there");
    else if (text->find("WantedBy=") != std::string::npos && !is_enabled(host, unit))
      warnings.push_back(unit + " is not started at boot: systemctl enable " + unit);
  }
  if (driver.flavour == Flavour::vgpu_kvm)
    for (const std::string unit : {"nvidia-vgpud.service", "nvidia-vgpu-mgr.service"})
      if (!holds(units, unit))
        warnings.push_back("the installer did not install " + unit +
                           ", without which there are no vGPUs: see /var/log/nvidia-installer.log");
  return warnings;
}

std::vector<std::string> installed_user_space(const HostPaths& host) {
  const auto log = read_file(host.in_root("/var/lib/nvidia/log"));
  return log ? files_of_installer_log(*log) : std::vector<std::string>{};
}

// Other packages may have changed since the copies of the linker's cache and of systemd's links were made.
void refresh_user_space(const HostPaths& host) {
  for (const auto& words : {std::vector<std::string>{"ldconfig"}, std::vector<std::string>{"systemctl", "daemon-reload"}}) {
    std::error_code bad;
    if (words.front() == "systemctl" && !fs::is_directory(host.in_root("/run/systemd/system"), bad)) continue;
    Command command;
    command.root = host.root;
    command.argv = words;
    const auto said = run(command);
    if (!said || !said->ok()) log::warning(words.front() + " failed after the user space was put back: run it by hand");
  }
}

}  // namespace vgpukit
