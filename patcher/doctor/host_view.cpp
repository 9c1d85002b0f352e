#include "doctor/host_view.hpp"

#include <archive.h>

#include <algorithm>
#include <memory>

#include "support/atomic_file.hpp"

namespace vgpukit::doctor {

namespace {

std::string first_processor(const std::string& cpuinfo) {
  return cpuinfo.substr(0, cpuinfo.find("\n\n"));
}

// "CONFIG_X=y" lines; "# CONFIG_X is not set" is absent.
kernel::KernelConfig parse_config(std::string_view text) {
  kernel::KernelConfig options;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = line.find('=');
    if (line.starts_with("CONFIG_") && equals != std::string_view::npos)
      options.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return options;
}

// A file that one gzip (or no) layer is around. Empty where it cannot be read.
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
    if (text.size() > 4u << 20) return "";  // no configuration is that long
  }
}

}  // namespace

bool HostView::cpu_has(std::string_view flag) const {
  const auto line = cpuinfo.find("\nflags");
  if (line == std::string::npos) return false;
  const auto flags = cpuinfo.substr(line + 1, cpuinfo.find('\n', line + 1) - line - 1) + " ";
  return flags.find(" " + std::string(flag) + " ") != std::string::npos;
}

bool HostView::cpu_is_amd() const {
  return cpuinfo.find("AuthenticAMD") != std::string::npos;
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
  view.cpuinfo = first_processor(sysfs.read("/proc/cpuinfo").text);
  for (const auto& entry : kernel::list_kernels(host)) {
    if (!entry.modules) continue;  // headers alone boot nothing
    InstalledKernel kernel{entry.release, entry.release == view.release, "", ""};
    if (const auto opened = kernel::open_kernel(host, entry.release); !opened) {
      kernel.problem = opened.error().why;
      kernel.next = opened.error().next;
    }
    view.kernels.push_back(std::move(kernel));
  }
  return view;
}

RunningConfig running_config(const HostPaths& host, const std::string& release) {
  for (const auto& path :
       {std::string("/proc/config.gz"), "/boot/config-" + release, "/lib/modules/" + release + "/config"}) {
    const auto here = host.resolve(path);
    if (!here || (release.empty() && path != "/proc/config.gz")) continue;
    auto options = parse_config(unpacked(*here));
    if (!options.empty()) return {std::move(options), path};
  }
  return {};
}

}  // namespace vgpukit::doctor
