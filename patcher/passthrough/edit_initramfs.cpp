#include "passthrough/edit_initramfs.hpp"

#include <algorithm>
#include <set>

#include "support/text.hpp"
#include "system/boot_entries.hpp"
#include "system/grub_defaults.hpp"

namespace vgpukit::passthrough {

namespace {

constexpr const char* load_reason = "loads vfio before the card's drivers";

bool any_by_address(const std::vector<CardClaim>& claims) {
  return std::any_of(claims.begin(), claims.end(), [](const CardClaim& claim) { return claim.by_address; });
}

// "10de:1e04" as in a device's modalias: "v000010DEd00001E04".
std::string modalias_start(const std::string& ids) {
  std::string upper = ids;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return "v0000" + upper.substr(0, 4) + "d0000" + upper.substr(5);
}

// What the user's own files in /etc/modprobe.d say about vfio-pci.
struct UserOptions {
  std::vector<std::string> ids;
  std::vector<std::string> warnings;
};
Result<UserOptions> user_options(PendingEdits& pending) {
  UserOptions options;
  TRY_ASSIGN(const auto names, pending.names("/etc/modprobe.d", ".conf"));
  for (const auto& name : names) {
    const auto path = "/etc/modprobe.d/" + name;
    TRY_ASSIGN(const auto text, pending.text(path));
    for (const auto& line : lines_of(text.value_or(""))) {
      const auto words = words_of(line);
      if (words.size() < 2 || (words[1] != "vfio-pci" && words[1] != "vfio_pci")) continue;
      if (words[0] == "install" || words[0] == "blacklist")
        options.warnings.push_back(path + " has the line `" + line + "`, which conflicts with vgpukit's file");
      if (words[0] != "options") continue;
      for (const auto word : words)
        if (word.starts_with("ids="))
          for (const auto id : words_of(word.substr(4), ",")) options.ids.emplace_back(id);
      // kmod reads the files in the order of their names, and the last ids= replaces the others.
      if (name > std::string(modprobe_file).substr(16) && !options.ids.empty())
        options.warnings.push_back(path + " is read after vgpukit's file, so its ids= replaces vgpukit's: remove it");
    }
  }
  return options;
}

// The shell of the initramfs (klibc's, busybox's or dash) runs this line when a competing module, or vfio-pci itself,
// is going to be loaded. driver_override comes first: as soon as vfio-pci is loaded, a parallel modprobe of udev goes
// on to the competing module. With the recovery parameter the line changes nothing, and if the kernel refuses vfio_pci
// for another reason, it takes its changes back. It compares ids, because addresses change when a card is added.
std::string install_line(const std::vector<CardClaim>& claims, bool built_in) {
  std::string evict, all;
  for (const auto& claim : claims) {
    if (!claim.by_address) continue;
    for (const auto& function : claim.functions) {
      const auto word = function.address + "=" + modalias_start(function.ids);
      append(all, word, " ");
      if (function.evict) append(evict, word, " ");
    }
  }
  const auto each = [](const std::string& list, const std::string& what) {
    return "each '" + list + "' '" + what + "'";
  };
  const std::string probe = "echo $a >/sys/bus/pci/drivers_probe";
  std::string line =
      std::string("install ") + (built_in ? placeholder_module : "vfio-pci") + " read c </proc/cmdline; case $c in *" +
      system::recovery_parameter +
      "*) exit 0;; esac; each() { for f in $1; do a=${f%=*}; p=/sys/bus/pci/devices/$a; [ -e $p ] || continue; read m "
      "<$p/modalias; case $m in pci:${f#*=}*) eval \"$2\";; esac; done; }; " +
      each(all, "echo vfio-pci >$p/driver_override") + "; ";
  if (!built_in)
    line += "/sbin/modprobe --ignore-install vfio-pci $CMDLINE_OPTS || { " +
            each(all, "echo >$p/driver_override; " + probe) + "; exit 0; }; ";
  if (!evict.empty()) line += each(evict, "[ ! -e $p/driver ] || echo $a >$p/driver/unbind") + "; ";
  return line + each(all, probe) + "\n";
}

Status edit_modprobe(PendingEdits& pending, const std::vector<CardClaim>& claims, const InstalledModules& modules,
                     BootEdits& edits) {
  TRY_ASSIGN(auto user, user_options(pending));
  edits.warnings.insert(edits.warnings.end(), user.warnings.begin(), user.warnings.end());
  const bool loadable = modules.loadable_somewhere("vfio_pci");
  const bool placeholder = modules.built_in_somewhere("vfio_pci") && any_by_address(claims);
  std::string text =
      "# Written by vgpukit passthrough apply. `vgpukit passthrough undo CARD` removes it and rebuilds the initramfs.\n"
      "# If the host does not boot: add " +
      std::string(system::recovery_parameter) + " to the kernel's parameters in the boot menu.\n";
  std::set<std::string> competing_modules;
  std::string cards;
  for (const auto& claim : claims) {
    append(cards, claim.address + (claim.by_address ? " by address" : " by ids"));
    competing_modules.insert(claim.competing_modules.begin(), claim.competing_modules.end());
  }
  text += "# " + cards + "\n";
  if (const auto own = ids_of(claims, {}); !own.empty() && loadable)
    text += "options vfio-pci ids=" + ids_of(claims, user.ids) + "\n";
  if (any_by_address(claims)) text += install_line(claims, placeholder);
  const std::string first =
      std::string(loadable ? " vfio-pci" : "") + (placeholder ? std::string(" ") + placeholder_module : "");
  for (const auto& module : competing_modules)
    if (!first.empty()) text += "softdep " + module + " pre:" + first + "\n";
  return pending.set(modprobe_file, std::move(text),
                     "tells vfio-pci which devices to take, and makes the other drivers wait for it");
}

// Modules that /etc/initramfs-tools/modules already lists stay where they are.
Status edit_initramfs_tools(PendingEdits& pending, const std::vector<std::string>& modules) {
  const std::string path = "/etc/initramfs-tools/modules";
  TRY_ASSIGN(auto text, pending.text(path));
  auto content = text.value_or("");
  std::set<std::string> listed;
  for (const auto& line : lines_of(content))
    if (auto words = split_words(line); !words.empty()) {
      std::replace(words[0].begin(), words[0].end(), '-', '_');
      listed.insert(words[0]);
    }
  const auto line_end = system::line_end_of(content);
  std::string more;
  for (const auto& module : modules)
    if (!listed.contains(module)) more += module + line_end;
  if (more.empty()) return {};
  if (!content.empty() && content.back() != '\n') content += line_end;
  return pending.set(path, content + "# vgpukit passthrough" + line_end + more, load_reason);
}

Status edit_dracut(PendingEdits& pending, const std::vector<std::string>& modules) {
  std::string text = "# Written by vgpukit passthrough apply; see " + std::string(modprobe_file) + "\n";
  if (!modules.empty()) text += "force_drivers+=\" " + join(modules, " ") + " \"\n";
  // Without hostonly="yes", dracut does not copy /etc/modprobe.d.
  text += "install_items+=\" " + std::string(modprobe_file) + " \"\n";
  return pending.set("/etc/dracut.conf.d/vgpukit-passthrough.conf", text, load_reason);
}

// The files that presets name with *_config=. mkinitcpio then reads neither mkinitcpio.conf nor mkinitcpio.conf.d.
Result<std::set<std::string>> mkinitcpio_configurations(PendingEdits& pending) {
  std::set<std::string> files;
  bool usual = false;
  TRY_ASSIGN(const auto names, pending.names("/etc/mkinitcpio.d", ".preset"));
  for (const auto& name : names) {
    TRY_ASSIGN(const auto text, pending.text("/etc/mkinitcpio.d/" + name));
    bool named = false;
    for (const auto& line : lines_of(text.value_or(""))) {
      const auto equals = line.find("_config=");
      if (equals == std::string::npos || line.find('#') < equals) continue;
      auto value = line.substr(equals + 8);
      std::erase_if(value, [](char c) { return c == '"' || c == '\'' || c == '\r' || c == ' '; });
      if (value.starts_with('/')) named = true, files.insert(value);
    }
    usual = usual || !named;
  }
  if (usual || files.empty())
    files.insert(pending.exists("/etc/mkinitcpio.conf.d") ? "/etc/mkinitcpio.conf.d/vgpukit-passthrough.conf"
                                                          : "/etc/mkinitcpio.conf");
  return files;
}

Status edit_mkinitcpio(PendingEdits& pending, const std::vector<std::string>& modules) {
  // The file is bash, and the block comes after the user's lines. MODULES can be an array or, as in old files, a
  // string.
  const auto block = "# vgpukit passthrough\n" +
                     (modules.empty() ? std::string() : "MODULES=(" + join(modules, " ") + " ${MODULES[@]})\n") +
                     "FILES=(${FILES[@]} " + modprobe_file + ")\n";
  TRY_ASSIGN(const auto files, mkinitcpio_configurations(pending));
  for (const auto& path : files) {
    TRY_ASSIGN(const auto text, pending.text(path));
    auto content = text.value_or("");
    if (!content.empty() && content.back() != '\n') content += '\n';
    TRY(pending.set(path, content + block, load_reason));
  }
  return {};
}

// booster takes `options` lines from /etc/modprobe.d, and no others.
Status edit_booster(PendingEdits& pending, const std::vector<CardClaim>& claims,
                    const std::vector<std::string>& modules) {
  const std::string path = "/etc/booster.yaml", key = "modules_force_load:";
  if (any_by_address(claims))
    return Error{ErrorKind::missing, "have booster give the card to vfio-pci",
                 "the card can be named only by its address, which needs an `install` line of modprobe.d: booster does "
                 "not run these",
                 "boot an initramfs of mkinitcpio or dracut, then try again"};
  if (modules.empty()) return {};
  TRY_ASSIGN(const auto text, pending.text(path));
  const auto content = text.value_or("");
  const auto line_end = system::line_end_of(content);
  int number = 0;
  for (std::size_t at = 0; at < content.size();) {
    ++number;
    const auto end = std::min(content.find('\n', at), content.size());
    const auto line = content.substr(at, end - at);
    if (line.starts_with(key)) {
      const auto value = trimmed(std::string_view(line).substr(key.size()));
      if (value.empty() || contains("[{|>&*'\"#", value.substr(0, 1)) || contains(value, "#"))
        return Error{ErrorKind::usage, "add modules to " + path,
                     "the value of modules_force_load is not a plain list with commas in one line",
                     "write it as `modules_force_load: a,b`, then try again", SourcePos{path, number, 1}};
      const auto words = words_of(value, ", \t\r");
      std::vector<std::string> all;
      for (const auto& module : modules) add_unique(all, module);
      for (const auto word : words) add_unique(all, std::string(word));
      const auto changed =
          content.substr(0, at) + key + " " + join(all, ",") + (line.ends_with('\r') ? "\r" : "") + content.substr(end);
      return pending.set(path, changed, load_reason);
    }
    at = end + 1;
  }
  return pending.set(path,
                     content + (content.empty() || content.ends_with('\n') ? "" : line_end) + key + " " +
                         join(modules, ",") + line_end,
                     load_reason);
}

}  // namespace

Status edit_initramfs(PendingEdits& pending, const system::BootSetup& setup, const std::vector<CardClaim>& claims,
                      const InstalledModules& modules, BootEdits& edits) {
  const auto list = modules.vfio();
  // A built-in vfio-pci gets its ids from the kernel parameters, and no module has to be loaded.
  if (!modules.loadable_somewhere("vfio_pci") && !any_by_address(claims)) return {};
  TRY(edit_modprobe(pending, claims, modules, edits));
  if (setup.manager == system::BootManager::rpm_ostree) return {};  // a command of its own
  if (!setup.update_initramfs.empty()) add_command(edits.commands, setup.update_initramfs);
  switch (setup.initramfs) {
    case system::InitramfsTool::initramfs_tools: {
      auto with_placeholder = list;
      if (modules.built_in_somewhere("vfio_pci") && any_by_address(claims))
        with_placeholder.emplace_back(placeholder_module);
      return edit_initramfs_tools(pending, with_placeholder);
    }
    case system::InitramfsTool::dracut:
      return edit_dracut(pending, list);
    case system::InitramfsTool::mkinitcpio:
      return edit_mkinitcpio(pending, list);
    case system::InitramfsTool::booster:
      return edit_booster(pending, claims, list);
    case system::InitramfsTool::none:
      break;
  }
  if (!list.empty())
    edits.warnings.push_back("the initramfs must load these modules before the card's drivers: " + join(list, " "));
  return {};
}

}  // namespace vgpukit::passthrough
