#include "install/installer_conflicts.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "install/install_scope.hpp"
#include "load/module_holders.hpp"
#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::install {

namespace {

// Whether programs may run there. A folder that is absent is made in the folder above it.
bool allows_programs(const HostPaths& host, const fs::path& inside) {
  struct statvfs is {};
  for (auto folder = inside; !folder.empty(); folder = folder.parent_path()) {
    if (const auto there = host.resolve(folder); there && ::statvfs(there->c_str(), &is) == 0)
      return (is.f_flag & ST_NOEXEC) == 0;
    if (folder == "/") break;
  }
  return true;
}

void add_noexec(std::vector<Conflict>& conflicts, const HostPaths& host) {
  const auto work = host.inside(host.work());
  if (!allows_programs(host, work)) {
    conflicts.push_back({work.string() + " is mounted noexec, and nvidia-installer is unpacked and run there",
                         std::string("mount -o remount,exec its file system until the driver is installed") +
                             (host.is_host() ? ", or set VGPUKIT_CACHE to a folder where programs may run" : "")});
  } else if (!installer_tmpdir(host, work)) {
    conflicts.push_back({"/tmp is mounted noexec, and nvidia-installer runs programs in its temporary folder",
                         "set TMPDIR to a folder where programs may run, or mount -o remount,exec /tmp"});
  }
}

bool is_display_server(const std::string& program) {
  for (const auto* name : {"Xorg", "X", "Xwayland", "gnome-shell", "kwin_wayland", "kwin_x11", "sway", "weston",
                           "Hyprland", "cosmic-comp", "mutter", "labwc"})
    if (program == name) return true;
  return false;
}

void add_loaded_modules(std::vector<Conflict>& conflicts, const HostPaths& host) {
  const Sysfs sysfs(host);
  std::vector<std::string> loaded;
  for (auto name : nvidia_module_names()) {
    std::replace(name.begin(), name.end(), '-', '_');
    if (sysfs.exists("/sys/module/" + name)) loaded.push_back(name);
  }
  if (loaded.empty()) return;
  const auto holders = load::find_holders(sysfs, loaded);
  for (const auto& module : holders.modules)
    conflicts.push_back(
        {"the module " + module.name + " uses " + module.held_by + ", which is loaded", "modprobe -r " + module.name});
  for (const auto& process : holders.processes) {
    const bool server = is_display_server(process.program);
    conflicts.push_back(
        {std::string(server ? "the display server " : "") + process.text() + " open, so the loaded driver is in use",
         server
             ? "systemctl isolate multi-user.target ends the graphical session; run vgpukit install in a text console "
               "or over ssh"
         : process.unit.empty() ? "end process " + std::to_string(process.pid)
                                : "systemctl stop " + process.unit});
  }
  if (!holders.modules.empty() || !holders.processes.empty()) return;
  // Nobody has a file of it open: the console or a modeset of the kernel may still use it.
  for (const auto& name : loaded) {
    const auto uses = sysfs.read("/sys/module/" + name + "/refcnt").text;
    const auto by_modules = sysfs.list("/sys/module/" + name + "/holders").size();
    if (std::strtoul(uses.c_str(), nullptr, 10) <= by_modules) continue;
    conflicts.push_back(
        {"the module " + name + " is loaded and in use (" + uses + " users), but no program has it open",
         name == "nvidia_drm" ? "the kernel's console is on it: boot with nvidia-drm.modeset=0, or without "
                                "the driver (modprobe.blacklist=nvidia,nvidia_drm), and install then"
                              : "vgpukit unload shows what holds it"});
  }
}

std::string package_of(const HostPaths& host, const std::string& path);

// nvidia-installer runs this script and ends if it fails. Distributions use it to keep the installer out.
void add_scripts(std::vector<Conflict>& conflicts, const HostPaths& host) {
  const std::string script = "/usr/lib/nvidia/pre-install";
  if (!host.resolve(script)) return;
  const auto package = package_of(host, script);
  conflicts.push_back(
      {"the distribution's script " + script + (package.empty() ? "" : " (of the package " + package + ")") +
           " is there: nvidia-installer runs it and ends if it fails",
       package.empty() ? "read it, then remove it" : "remove that package, or read the script and move it away"});
}

// The packages of dpkg and pacman with the files that they own: use(package, line) for each line of their lists.
template <class Use>
void each_owned_file(const HostPaths& host, Use use) {
  for (const auto& list : entries_of(host.in_root("/var/lib/dpkg/info"))) {
    if (list.extension() != ".list") continue;
    const auto text = read_file(list);
    if (!text) continue;
    const auto name = list.stem().string();
    each_line(*text, [&](std::string_view line) { use(name.substr(0, name.find(':')), line, "apt remove"); });
  }
  for (const auto& folder : entries_of(host.in_root("/var/lib/pacman/local"))) {
    const auto text = read_file(folder / "files");
    if (!text) continue;
    auto name = folder.filename().string();
    for (int i = 0; i < 2; ++i) name = name.substr(0, std::min(name.rfind('-'), name.size()));
    each_line(*text, [&](std::string_view line) { use(name, "/" + std::string(line), "pacman -R"); });
  }
}

// rpm's database has a format of its own, so rpm reads it. All packages with a driver's files have nvidia in the name.
template <class Use>
void each_file_of_rpm(const HostPaths& host, Use use) {
  if (!find_program("rpm", host.root)) return;
  Command command;
  command.root = host.root;
  command.argv = {"rpm", "-qa", "*nvidia*", "--qf", "[%{=NAME} %{FILENAMES}\\n]"};
  command.deadline = std::chrono::seconds(60);
  const auto said = run(command);
  if (!said || !said->ok()) return;
  each_line(said->out, [&](std::string_view line) {
    const auto blank = std::min(line.find(' '), line.size());
    use(std::string(line.substr(0, blank)), line.substr(std::min(blank + 1, line.size())), "dnf remove");
  });
}

std::string package_of(const HostPaths& host, const std::string& path) {
  std::string found;
  const auto use = [&](const std::string& package, std::string_view file, const char*) {
    if (file == path) found = package;
  };
  each_owned_file(host, use);
  if (found.empty()) each_file_of_rpm(host, use);
  return found;
}

void add_user_space(std::vector<Conflict>& conflicts, const HostPaths& host) {
  std::set<std::string> reported;
  const auto use = [&](const std::string& package, std::string_view file, const char* remove) {
    if (!is_user_space_of_driver(file) || brings_nvidia_modules(package) || reported.contains(package)) return;
    if (!host.resolve(fs::path(file))) return;  // its list is there, the file is not
    reported.insert(package);
    conflicts.push_back(
        {"the package " + package + " has installed " + std::string(file) + ", which nvidia-installer would overwrite",
         std::string(remove) + " " + package +
             "; or --without-nvidia-installer, which installs only the modules of this driver"});
  };
  each_owned_file(host, use);
  each_file_of_rpm(host, use);
}

}  // namespace

bool is_user_space_of_driver(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  for (const std::string_view whole : {"nvidia-smi", "nvidia-vgpud", "nvidia-vgpu-mgr", "nvidia_drv.so"})
    if (name == whole) return contains(path, "/bin/") || contains(path, "/sbin/") || name.ends_with(".so");
  for (const std::string_view library : {"libcuda.so.", "libnvidia-ml.so.", "libGLX_nvidia.so.", "libEGL_nvidia.so.",
                                         "libnvidia-glcore.so.", "libnvidia-cfg.so.", "libnvidia-vgpu.so."})
    if (name.starts_with(library)) return !contains(path, "/stubs/");
  return false;
}

std::optional<fs::path> installer_tmpdir(const HostPaths& host, const fs::path& own) {
  std::vector<fs::path> candidates;
  // Folders of this machine may not exist in another root.
  if (const char* named = host.is_host() ? std::getenv("TMPDIR") : nullptr; named && *named == '/')
    candidates.emplace_back(named);
  candidates.emplace_back("/tmp");
  std::error_code bad;
  for (const auto& each : candidates)
    if (const auto there = host.resolve(each); there && fs::is_directory(*there, bad) && allows_programs(host, each))
      return each;
  if (allows_programs(host, own)) return own;
  return std::nullopt;
}

void add_installer_conflicts(std::vector<Conflict>& conflicts, const HostPaths& host, const ConflictRequest& request) {
  if (!request.user_space) return;
  add_noexec(conflicts, host);
  if (!request.installer_ignores_modules) add_loaded_modules(conflicts, host);
  add_scripts(conflicts, host);
  add_user_space(conflicts, host);
}

}  // namespace vgpukit::install
