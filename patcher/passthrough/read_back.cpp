#include "passthrough/read_back.hpp"

#include <algorithm>

#include "passthrough/parameter_words.hpp"
#include "passthrough/pending_edits.hpp"
#include "support/text.hpp"
#include "system/boot_entries.hpp"
#include "system/boot_loader.hpp"

namespace vgpukit::passthrough {

namespace {

using system::BootEntry;
using system::ParameterPlace;

std::vector<BootEntry> entries_of_loader(const HostPaths& host, const system::BootSetup& setup) {
  switch (setup.place) {
    case ParameterPlace::grub_defaults: {
      auto entries = system::grub_entries(host);
      return entries.empty() ? system::loader_entries(host) : entries;
    }
    case ParameterPlace::grubby:
    case ParameterPlace::loader_entries:
    case ParameterPlace::kernel_cmdline:
      return system::loader_entries(host);
    case ParameterPlace::unified_image:
      return system::unified_images(host);
    case ParameterPlace::refind_conf:
      return system::refind_entries(host);
    case ParameterPlace::limine_defaults:
    case ParameterPlace::limine_conf:
      return system::limine_entries(host);
    case ParameterPlace::none:
      break;
  }
  return {};
}

std::string name_of(const BootEntry& entry) {
  return (entry.title.empty() ? entry.kernel : "\"" + entry.title + "\"") + " in " + entry.file;
}

}  // namespace

ReadBack read_back(const HostPaths& host, const system::BootSetup& setup, const std::vector<std::string>& words) {
  ReadBack result;
  if (words.empty()) return result;
  // proxmox-boot-tool mounts the partitions only while it writes them.
  if (!setup.update_parameters.empty() && setup.update_parameters.front() == "proxmox-boot-tool")
    return {ReadBack::State::unreadable, "/etc/kernel/proxmox-boot-uuids",
            "the menus are on the partitions of proxmox-boot-tool, which are not mounted"};
  const auto cmdline = system::boot_text(host, "/proc/cmdline");
  std::vector<BootEntry> with, without;
  for (const auto& entry : entries_of_loader(host, setup)) {
    if (!entry.problem.empty())
      return {ReadBack::State::missing, entry.file, entry.file + " cannot be read: " + entry.problem};
    if (!entry.is_normal() || entry.options.empty()) continue;
    (missing_words(entry.options, words).empty() ? with : without).push_back(entry);
  }
  if (with.empty() && without.empty())
    return {ReadBack::State::missing, setup.parameters_file,
            std::string(system::loader_name(setup.loader)) +
                " has no menu entry that boots Linux: looked in /boot, /efi "
                "and /boot/efi"};
  // Entries of other systems on this machine do not change. The entry that started the running kernel must.
  const auto running = std::find_if(without.begin(), without.end(), [&](const BootEntry& entry) {
    return system::same_parameters(entry.options, cmdline);
  });
  if (with.empty() || running != without.end()) {
    const auto& entry = running != without.end() ? *running : without.front();
    return {ReadBack::State::missing, entry.file,
            "the entry " + name_of(entry) + " has no " + join(missing_words(entry.options, words), " ")};
  }
  return {ReadBack::State::arrived, with.front().file, "the entry " + name_of(with.front()) + " has them"};
}

ReadBack read_back_initramfs(const HostPaths& host, const system::BootSetup& setup, const std::string& content) {
  using State = ReadBack::State;
  if (setup.initramfs == system::InitramfsTool::booster)
    return {State::unreadable, "", "booster does not copy files of /etc/modprobe.d"};
  if (setup.images.empty()) return {State::unreadable, "", "it is not known which image the boot loader loads"};
  ReadBack worst;
  for (const auto& image : setup.images) {
    const auto file = host.resolve(image);
    const auto found = file ? system::file_in_image(*file, modprobe_file) : system::FileInImage();
    if (found.state == system::FileInImage::State::present && found.content == content)
      return {State::arrived, image, image + " has " + modprobe_file};
    if (found.state == system::FileInImage::State::unreadable)
      worst = {State::unreadable, image, image + " cannot be read"};
    else if (worst.text.empty())
      worst = {State::missing, image,
               image + (found.state == system::FileInImage::State::absent ? " does not have " : " has an older ") +
                   modprobe_file};
  }
  return worst;
}

}  // namespace vgpukit::passthrough
