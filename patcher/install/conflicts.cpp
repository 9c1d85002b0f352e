#include "install/conflicts.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>

#include "install/dkms_tree.hpp"
#include "install/install_scope.hpp"
#include "install/installer_conflicts.hpp"
#include "install/transaction.hpp"
#include "kernel/modules_folder.hpp"
#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/processes.hpp"
#include "support/text.hpp"

namespace vgpukit::install {

namespace {

std::vector<std::string> dpkg_packages(const HostPaths& host) {
  std::vector<std::string> packages;
  const auto text = read_file(host.in_root("/var/lib/dpkg/status"));
  if (!text) return packages;
  std::string_view package;
  each_line(*text, [&](std::string_view line) {
    if (line.starts_with("Package: ")) package = line.substr(9);
    if (line.starts_with("Status: ") && line.ends_with(" installed") && !line.ends_with("not-installed"))
      packages.emplace_back(package);
  });
  return packages;
}

// local/nvidia-dkms-535.247.02-1: the name ends before the last but one dash.
std::vector<std::string> pacman_packages(const HostPaths& host) {
  std::vector<std::string> packages;
  for (const auto& folder : entries_of(host.in_root("/var/lib/pacman/local"))) {
    auto name = folder.filename().string();
    for (int i = 0; i < 2; ++i) name = name.substr(0, std::min(name.rfind('-'), name.size()));
    packages.push_back(name);
  }
  return packages;
}

// rpm's database has a format of its own, so rpm reads it.
std::vector<std::string> rpm_packages(const HostPaths& host) {
  if (!find_program("rpm", host.root)) return {};
  Command command;
  command.root = host.root;
  command.argv = {"rpm", "-qa", "--qf", "%{NAME}\\n"};
  const auto said = run(command);
  return said && said->ok() ? lines_of(said->out) : std::vector<std::string>{};
}

void add_packages(std::vector<Conflict>& conflicts, const std::vector<std::string>& packages,
                  const std::string& remove) {
  for (const auto& package : packages)
    if (brings_nvidia_modules(package))
      conflicts.push_back(
          {"the package " + package + " is installed, and brings modules of the same names", remove + " " + package});
}

// Entries of dkms that vgpukit did not make, and folders of versions whose sources are gone.
void add_dkms(std::vector<Conflict>& conflicts, const HostPaths& host, const std::string& version,
              const std::vector<DkmsEntry>& dkms) {
  std::set<std::string> reported;
  for (const auto& entry : dkms) {
    if (!contains(entry.module, "nvidia") || entry.state == "broken") continue;
    if (entry.module == "nvidia" && is_our_dkms_tree(host.in_root(dkms_source_folder(entry.version)))) continue;
    if (reported.insert(entry.module + "/" + entry.version).second)
      conflicts.push_back({"dkms has " + entry.module + " " + entry.version + ", which vgpukit did not put there",
                           "dkms remove -m " + entry.module + " -v " + entry.version + " --all"});
  }
  if (const auto diverted = diverted_dkms(host, version); !diverted.empty())
    conflicts.push_back({diverted, "remove that line, or the file"});
  for (const auto& folder : entries_of(host.in_root("/var/lib/dkms/nvidia"))) {
    std::error_code bad;
    const auto source = folder / "source";
    const auto name = folder.filename().string();
    if (name.starts_with("kernel-") || name == "original_module" || !fs::is_directory(folder, bad)) continue;
    if (host.resolve(host.inside(source))) continue;
    conflicts.push_back(
        {"the dkms entry nvidia " + name +
             " is an orphan: its sources are gone, so dkms can neither build nor remove it",
         "rm -r " + folder.string() + ", and its modules in " + host.in_root("/lib/modules").string() + "/*/updates"});
  }
}

bool is_recorded(const std::optional<InstallRecord>& record, const std::string& release, const fs::path& path) {
  if (!record || !record->contains("kernels") || !record->at("kernels").contains(release)) return false;
  for (const auto& module : record->at("kernels").at(release).value("modules", InstallRecord::array()))
    if (module.value("path", std::string()) == path.string()) return true;
  return false;
}

void add_leftovers(std::vector<Conflict>& conflicts, const HostPaths& host, const std::vector<DkmsEntry>& dkms) {
  const auto record = installed_record(host);
  for (const auto& release : kernel::releases_of(host)) {
    const bool by_dkms = std::any_of(dkms.begin(), dkms.end(), [&](const DkmsEntry& entry) {
      return contains(entry.module, "nvidia") && entry.release == release && entry.state.starts_with("installed");
    });
    const bool ours = record && record->contains("kernels") && record->at("kernels").contains(release);
    const auto there = kernel::installed_module_files(host, release, nvidia_module_names());
    for (const auto& module : there) {
      // One module of each name comes from dkms or vgpukit. Of two, modprobe loads either.
      const bool twice = std::count_if(there.begin(), there.end(), [&](const kernel::InstalledModuleFile& each) {
                           return each.name == module.name;
                         }) > 1;
      if (by_dkms || ours) {
        if (twice && !is_recorded(record, release, module.path))
          conflicts.push_back({module.file.string() + " is there beside another module " + module.name,
                               "rm the one that neither dkms nor a package has put there, then depmod " + release});
        continue;
      }
      conflicts.push_back({module.file.string() + " is left over: neither dkms nor vgpukit knows it",
                           "rm " + module.file.string() + ", then depmod " + release +
                               "; where a package owns it, remove that package"});
    }
  }
}

void add_card(std::vector<Conflict>& conflicts, const HostPaths& host, bool blocks) {
  for (const auto* driver : {"nouveau", "nova_core", "nova-core"})
    for (const auto& device : entries_of(host.in_root(std::string("/sys/bus/pci/drivers/") + driver))) {
      const auto name = device.filename().string();
      if (!contains(name, ":")) continue;  // bind, unbind, new_id
      conflicts.push_back({std::string(driver) + " has the card " + name,
                           std::string("blacklist it (echo blacklist ") + driver +
                               " > /etc/modprobe.d/blacklist-nvidia-others.conf), make the initramfs anew and reboot",
                           blocks});
    }
}

void add_running(std::vector<Conflict>& conflicts, const HostPaths& host, bool blocks) {
  for (const auto& device : entries_of(host.in_root("/sys/bus/mdev/devices")))
    conflicts.push_back(
        {"the vGPU " + device.filename().string() + " exists", "shut its virtual machine down and remove it", blocks});
  const Sysfs sysfs(host);
  each_process(sysfs, [&](int pid, const std::string& process) {
    const auto name = sysfs.read(process + "/comm").text;
    if (name == "vgpu" || name == "nvidia-vgpu-mgr")
      conflicts.push_back({"process " + std::to_string(pid) + " (" + name + ") serves vGPUs",
                           "shut the virtual machines down, then: systemctl stop nvidia-vgpu-mgr", blocks});
  });
}

// dkms builds in /var/lib/dkms, with objects some three times as large as the modules, and keeps what it built.
void add_space(std::vector<Conflict>& conflicts, const HostPaths& host, const ConflictRequest& request) {
  // A .run has about a third of the size of its files, which are unpacked, and installed below /usr.
  const std::map<std::string, std::uintmax_t> needed = {
      {"/usr/src", request.source_bytes},
      {"/usr", 3 * request.package_bytes},
      {host.inside(host.work()).string(), 3 * request.package_bytes},
      {"/var/lib", 2 * request.source_bytes + 5 * request.module_bytes},
      {"/lib/modules", request.module_bytes}};
  std::map<std::uintmax_t, std::pair<std::string, std::uintmax_t>> disks;  // device -> folders on it, bytes
  for (const auto& [path, bytes] : needed) {
    const auto place = host.resolve(path);
    struct stat is {};
    if (!place || ::stat(place->c_str(), &is) != 0) continue;
    auto& disk = disks[is.st_dev];
    append(disk.first, place->string());
    disk.second += bytes;
  }
  for (const auto& [device, disk] : disks) {
    std::error_code bad;
    const auto there = fs::space(disk.first.substr(0, disk.first.find(", ")), bad);
    if (bad || there.available >= disk.second) continue;
    conflicts.push_back({disk.first + ": " + std::to_string(disk.second >> 20U) + " MB are needed and " +
                             std::to_string(there.available >> 20U) + " MB are free",
                         "free some space"});
  }
}

}  // namespace

bool brings_nvidia_modules(const std::string& package) {
  if (!contains(package, "nvidia")) return false;
  for (const auto* part : {"nvidia-dkms", "kernel-dkms", "linux-modules-nvidia", "linux-objects-nvidia", "kmod-nvidia",
                           "akmod-nvidia", "nvidia-kmod"})
    if (contains(package, part)) return !contains(package, "common");
  for (const auto* whole :
       {"nvidia", "nvidia-open", "nvidia-lts", "nvidia-open-dkms", "nvidia-open-lts", "nvidia-vgpu-dkms"})
    if (package == whole) return true;
  return package.starts_with("nvidia") && package.ends_with("-dkms");
}

std::vector<Conflict> find_conflicts(const HostPaths& host, const ConflictRequest& request,
                                     const std::vector<DkmsEntry>& dkms) {
  std::vector<Conflict> conflicts;
  add_packages(conflicts, dpkg_packages(host), "apt remove");
  add_packages(conflicts, pacman_packages(host), "pacman -R");
  add_packages(conflicts, rpm_packages(host), "dnf remove");
  add_dkms(conflicts, host, request.version, dkms);
  add_leftovers(conflicts, host, dkms);
  add_card(conflicts, host, request.user_space);
  add_running(conflicts, host, request.user_space);
  add_space(conflicts, host, request);
  add_installer_conflicts(conflicts, host, request);
  return conflicts;
}

}  // namespace vgpukit::install
