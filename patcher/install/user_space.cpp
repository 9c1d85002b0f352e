#include "install/user_space.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "support/atomic_file.hpp"
#include "support/log.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::install {

namespace {

constexpr const char* kFolder = "/var/lib/nvidia";

bool holds(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_there(const fs::path& path) {
  std::error_code bad;
  return fs::exists(fs::symlink_status(path, bad));
}

// Moves a file over another one, also to another file system. On an error both are as they were.
Status move_over(const fs::path& from, const fs::path& to) {
  const auto cannot = [&](const std::string& why) {
    return Error{ErrorKind::missing, "put back " + to.string(), why,
                 "make sure that this file system is writable and has free space, then run the command again"};
  };
  std::error_code bad;
  fs::create_directories(to.parent_path(), bad);
  fs::rename(from, to, bad);
  if (!bad) return {};
  if (bad != std::errc::cross_device_link) return cannot(bad.message());
  const fs::path fresh = to.parent_path() / ("." + to.filename().string() + ".vgpukit-back");
  fs::remove(fresh, bad);
  if (const auto copied = clone_file(from, fresh); !copied) return cannot(copied.error().why);
  fs::rename(fresh, to, bad);
  if (bad) return cannot(bad.message());
  fs::remove(from, bad);
  return {};
}

// `replace`: the file at that path is NVIDIA's.
Status put_back(const HostPaths& host, const InstallerBackup& backup, bool replace) {
  std::error_code ignored;
  const auto path = host.reach(backup.path);
  if (is_there(path) && (!replace || fs::is_directory(fs::symlink_status(path, ignored)))) return {};
  if (!backup.target.empty()) {
    fs::remove(path, ignored);
    fs::create_symlink(backup.target, path, ignored);
    return {};
  }
  const auto copy = host.in_root(kFolder) / std::to_string(backup.number);
  if (!fs::exists(copy, ignored)) return {};  // it was restored already
  TRY(move_over(copy, path));
  if (::chown(path.c_str(), backup.uid, backup.gid) == 0) ::chmod(path.c_str(), backup.mode & 07777U);
  return {};
}

// Moves files out of /var/lib/nvidia that the installer has moved there without a line in its log (a full disk, a
// crash). They belong to some package and must not be removed with the rest.
void save_unknown(const HostPaths& host, const Snapshot& snapshot, const std::vector<InstallerBackup>& backups) {
  std::error_code bad;
  std::vector<std::string> names;
  for (auto entry = fs::directory_iterator(host.in_root(kFolder), bad); !bad && entry != fs::directory_iterator();
       entry.increment(bad))
    names.push_back(entry->path().filename().string());
  for (const auto& name : names) {
    if (name.size() > 6 || name.find_first_not_of("0123456789") != std::string::npos ||
        is_there(snapshot.copy_of(kFolder) / name))
      continue;
    if (std::any_of(backups.begin(), backups.end(),
                    [&](const InstallerBackup& each) { return std::to_string(each.number) == name; }))
      continue;
    const auto saved = host.machine_state() / ("moved-away-by-nvidia-installer-" + name);
    if (const auto moved = move_over(host.in_root(kFolder) / name, saved); moved)
      log::warning("nvidia-installer has moved a file away without naming it in its log: it is now " + saved.string());
    else
      log::warning(moved.error().message());
  }
}

// Whether a link in /etc/systemd/system/TARGET.wants starts the unit at boot.
bool is_enabled(const HostPaths& host, const std::string& unit) {
  std::error_code bad;
  const auto folder = host.in_root("/etc/systemd/system");
  for (auto entry = fs::directory_iterator(folder, bad); !bad && entry != fs::directory_iterator();
       entry.increment(bad)) {
    const auto suffix = entry->path().extension();
    if (suffix != ".wants" && suffix != ".requires") continue;
    std::error_code gone;
    if (fs::exists(fs::symlink_status(entry->path() / unit, gone))) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> files_of_installer_log(std::string_view log) {
  std::vector<std::string> files;
  each_line(log, [&](std::string_view line) {
    if (!line.starts_with("0: /") && !line.starts_with("1: /")) return;
    line.remove_prefix(3);
    if (line.size() > 1 && fs::path(line).lexically_normal() == line) files.emplace_back(line);
  });
  return files;
}

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

Result<bool> remove_new_user_space(const HostPaths& host, const Snapshot& snapshot, bool cut_short) {
  const auto names = snapshot.names();
  if (!holds(names, kFolder)) return false;
  const auto now = read_file(host.in_root(kFolder) / "log");
  const auto then = read_file(snapshot.copy_of(kFolder) / "log");
  if (!now || (then && *then == *now)) return false;
  const auto old = then ? files_of_installer_log(*then) : std::vector<std::string>{};
  const auto installed = files_of_installer_log(*now);
  const auto backups = backups_of_installer_log(*now);
  if (cut_short) save_unknown(host, snapshot, backups);
  std::error_code ignored;
  // A file in the place of a moved one is not removed here: put_back() replaces it. In a second run it may be the
  // restored one.
  const auto is_backed_up = [&](const std::string& file) {
    return std::any_of(backups.begin(), backups.end(), [&](const InstallerBackup& each) { return each.path == file; });
  };
  for (const auto& file : installed)
    if (!holds(old, file) && !is_backed_up(file)) fs::remove(host.reach(file), ignored);
  for (const auto& backup : backups)
    if (!holds(old, backup.path)) TRY(put_back(host, backup, cut_short || holds(installed, backup.path)));
  return true;
}

std::vector<std::string> service_warnings(const HostPaths& host, const driver::Driver& driver) {
  std::vector<std::string> warnings;
  const auto log = read_file(host.in_root(kFolder) / "log");
  if (!log) return warnings;
  std::vector<std::string> units;
  for (const auto& file : files_of_installer_log(*log)) {
    if (!file.ends_with(".service")) continue;
    // The unit can be an absolute link, which the root follows.
    const auto place = host.resolve(file);
    const auto text = place ? read_file(*place) : Result<std::string>(Error{ErrorKind::missing, "", "", ""});
    const auto unit = fs::path(file).filename().string();
    units.push_back(unit);
    if (!text)
      warnings.push_back(file + " is in the log of nvidia-installer, but it is absent");
    else if (contains(*text, "WantedBy=") && !is_enabled(host, unit))
      warnings.push_back(unit + " is not started at boot: systemctl enable " + unit);
  }
  if (driver.flavour == driver::Flavour::vgpu_kvm)
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

// The restored copies of the linker's cache and of systemd's links may be older than changes by other packages.
void refresh_user_space(const HostPaths& host) {
  for (const auto& words :
       {std::vector<std::string>{"ldconfig"}, std::vector<std::string>{"systemctl", "daemon-reload"}}) {
    std::error_code bad;
    if (words.front() == "systemctl" && !fs::is_directory(host.in_root("/run/systemd/system"), bad)) continue;
    Command command;
    command.root = host.root;
    command.argv = words;
    const auto said = run(command);
    if (!said || !said->ok()) log::warning(words.front() + " failed after the user space was restored: run it by hand");
  }
}

}  // namespace vgpukit::install
