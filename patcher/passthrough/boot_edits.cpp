#include "passthrough/boot_edits.hpp"

#include <algorithm>

#include "passthrough/by_hand.hpp"
#include "passthrough/edit_boot_loader.hpp"
#include "passthrough/edit_initramfs.hpp"
#include "passthrough/parameter_words.hpp"
#include "passthrough/pending_edits.hpp"
#include "support/text.hpp"
#include "system/boot_entries.hpp"
#include "system/boot_loader.hpp"

namespace vgpukit::passthrough {

namespace {

using Family = Distribution::Family;

// Why vgpukit does not know which files of this host to change. Empty: it knows.
std::string unknown_setup(const system::BootSetup& setup, bool needs_parameters) {
  if (!setup.refusal.empty()) return setup.refusal;
  const auto family = setup.distribution.family;
  const auto name =
      setup.distribution.name.empty() ? std::string("a distribution without os-release") : setup.distribution.name;
  if (family != Family::debian && family != Family::arch && family != Family::fedora && family != Family::suse)
    return "vgpukit does not know how " + name +
           " boots: it knows Debian, Ubuntu, Proxmox, Arch, Manjaro, CachyOS, Fedora, RHEL and openSUSE";
  if (setup.initramfs == system::InitramfsTool::none)
    return "this host has neither initramfs-tools nor dracut, mkinitcpio or booster: how its initramfs is made is not "
           "known";
  if (setup.loader == system::BootLoader::none && needs_parameters)
    return "this host has files of neither GRUB nor systemd-boot, rEFInd or Limine: where its kernel parameters are is "
           "not known";
  return "";
}

// The kernel cuts a longer line (COMMAND_LINE_SIZE of x86), so that words at its end are lost.
Status refuse_long_line(const HostPaths& host, const std::vector<std::string>& parameters) {
  constexpr std::size_t most = 2047;
  const auto line = system::boot_text(host, "/proc/cmdline");
  const auto words = missing_words(line, parameters);
  const auto size = line.size() + join(words, " ").size() + 1;
  if (words.empty() || size <= most) return {};
  return Error{ErrorKind::usage, "add " + join(words, " ") + " to the kernel's parameters",
               "/proc/cmdline has " + std::to_string(line.size()) + " characters, and the kernel reads at most " +
                   std::to_string(most),
               "remove parameters that are not needed; nothing was changed"};
}

}  // namespace

Result<BootEdits> boot_edits(const HostPaths& host, const system::BootSetup& setup,
                             const std::vector<CardClaim>& claims, const InstalledModules& modules,
                             const ReadText& read) {
  BootEdits edits;
  PendingEdits pending(host, read);
  for (const auto& claim : claims)
    for (const auto& word : claim.parameters) add_unique(edits.parameters, word);
  if (const auto ids = ids_of(claims, {}); !ids.empty() && modules.built_in_somewhere("vfio_pci"))
    edits.parameters.push_back("vfio-pci.ids=" + ids);
  TRY(refuse_long_line(host, edits.parameters));
  edits.unknown = unknown_setup(setup, !edits.parameters.empty());
  edits.unknown_next = setup.refusal_next;
  TRY(edit_initramfs(pending, setup, claims, modules, edits));
  TRY(edit_boot_loader(pending, setup, edits.parameters, edits));
  edits.files = pending.files();
  // grubby's changes are undone with the files.
  for (const auto& command : edits.commands)
    if (command.front() != "grubby") edits.undo_commands.push_back(command);
  if (setup.manager != system::BootManager::files) steps_by_hand(host, setup, claims, modules, edits);
  return edits;
}

std::vector<std::string> boot_products(const HostPaths& host) {
  std::vector<std::string> list;
  const auto add = [&](const std::string& folder, auto wanted) {
    const auto here = host.resolve(folder);
    if (!here) return;
    std::error_code bad;
    for (auto entry = fs::directory_iterator(*here, bad); !bad && entry != fs::directory_iterator();
         entry.increment(bad))
      if (entry->is_regular_file(bad) && wanted(entry->path().filename().string()))
        list.push_back(host.inside(entry->path()).string());
  };
  add("/boot", [](const std::string& name) {
    return name.starts_with("initrd.img-") ||
           ((name.starts_with("initramfs-") || name.starts_with("booster-")) && name.ends_with(".img"));
  });
  for (const auto* folder : {"/boot/grub", "/boot/grub2"})
    add(folder, [](const std::string& name) { return name == "grub.cfg"; });
  for (const auto* esp : {"/boot", "/efi", "/boot/efi"}) {
    add(std::string(esp) + "/loader/entries", [](const std::string& name) { return name.ends_with(".conf"); });
    add(std::string(esp) + "/EFI/Linux", [](const std::string& name) { return name.ends_with(".efi"); });
  }
  // limine-entry-tool keeps the old menu beside the new one.
  if (const auto menu = system::limine_file(host); !menu.empty()) {
    list.push_back(menu);
    list.push_back(menu + ".old");
    for (const auto& entry : system::limine_entries(host))
      for (const auto& image : entry.initrds)
        if (const auto file = system::boot_file(host, image); !file.empty()) list.push_back(file);
  }
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

}  // namespace vgpukit::passthrough
