#include "doctor/host_view.hpp"

#include <archive.h>

#include <memory>

#include "kernel/headers_layout.hpp"
#include "support/text.hpp"

namespace vgpukit::doctor {

namespace {

// The text of a file, compressed with gzip or not. Empty if it cannot be read.
std::string unpacked(const fs::path& path) {
  const std::unique_ptr<archive, decltype(&archive_read_free)> reader(archive_read_new(), archive_read_free);
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_raw(reader.get());
  archive_entry* entry = nullptr;
  if (archive_read_open_filename(reader.get(), path.c_str(), 65536) != ARCHIVE_OK) return "";
  if (archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK) return "";
  std::string text;
  char block[65536];
  for (;;) {
    const auto got = archive_read_data(reader.get(), block, sizeof block);
    if (got < 0) return "";
    if (got == 0) return text;
    text.append(block, static_cast<std::size_t>(got));
    if (text.size() > 4u << 20) return "";  // too long for a configuration
  }
}

}  // namespace

bool HostView::cpu_has(std::string_view flag) const {
  const auto line = cpuinfo.find("\nflags");
  if (line == std::string::npos) return false;
  const auto flags = cpuinfo.substr(line + 1, cpuinfo.find('\n', line + 1) - line - 1) + " ";
  return contains(flags, " " + std::string(flag) + " ");
}

bool HostView::cpu_is_amd() const {
  return contains(cpuinfo, "AuthenticAMD");
}

bool HostView::kernel_is_at_least(std::string_view version) const {
  const auto running = Version::leading(release);
  return running && *running >= *Version::parse(version);
}

HostView read_host_view(const HostPaths& host, const Sysfs& sysfs) {
  HostView view;
  view.host = host;
  view.pci = system::read_pci_devices(sysfs);
  view.groups = system::read_iommu_groups(sysfs, view.pci);
  view.parameters = system::KernelParameters(sysfs.read("/proc/cmdline").text);
  view.log = system::read_kernel_log(host);
  view.display = system::read_display(sysfs, view.pci);
  view.boot = system::boot_setup_of(host);
  view.release = sysfs.read("/proc/sys/kernel/osrelease").text;
  const auto cpuinfo = sysfs.read("/proc/cpuinfo").text;
  view.cpuinfo = cpuinfo.substr(0, cpuinfo.find("\n\n"));
  for (const auto& entry : kernel::check_kernels(host))
    if (entry.modules || entry.running)  // only headers: it cannot boot
      view.kernels.push_back({entry.release, entry.release == view.release, entry.problem, entry.next});
  view.vgpu_driver = vgpu::host_driver(sysfs);
  view.vgpus = vgpu::read_vgpus(sysfs);
  if (auto definitions = vgpu::load_definitions(host)) view.vgpu_definitions = std::move(*definitions);
  if (view.vgpu_driver.for_vgpus()) {
    for (const auto* unit : {"nvidia-vgpud.service", "nvidia-vgpu-mgr.service"})
      view.vgpu_services.push_back(system::service_state(host, sysfs, unit));
    view.smi = system::ask_nvidia_smi(host);
  }
  return view;
}

RunningConfig running_config(const HostPaths& host, const std::string& release) {
  for (const auto& path :
       {std::string("/proc/config.gz"), "/boot/config-" + release, "/lib/modules/" + release + "/config"}) {
    const auto here = host.resolve(path);
    if (!here || (release.empty() && path != "/proc/config.gz")) continue;
    auto options = kernel::parse_config(unpacked(*here));
    if (!options.empty()) return {std::move(options), path};
  }
  return {};
}

}  // namespace vgpukit::doctor
