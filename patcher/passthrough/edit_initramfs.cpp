#include <algorithm>
#include <set>
#include <sstream>

#include "passthrough/pending_edits.hpp"
#include "system/grub_defaults.hpp"

namespace vgpukit::passthrough {

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

bool any_by_address(const std::vector<CardClaim>& claims) {
  return std::any_of(claims.begin(), claims.end(), [](const CardClaim& claim) { return claim.by_address; });
}

// "10de:1e04" as a device's modalias begins.
std::string modalias_start(const std::string& ids) {
  std::string upper = ids;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return "v0000" + upper.substr(0, 4) + "d0000" + upper.substr(5);
}

// What the other files in /etc/modprobe.d say about vfio-pci.
struct Others {
  std::vector<std::string> ids;
  std::vector<std::string> warnings;
};
Result<Others> others_about_vfio(PendingEdits& draft) {
  Others others;
  TRY_ASSIGN(const auto names, draft.names("/etc/modprobe.d", ".conf"));
  for (const auto& name : names) {
    const auto path = "/etc/modprobe.d/" + name;
    TRY_ASSIGN(const auto text, draft.text(path));
    std::istringstream lines(text.value_or(""));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream stream(line);
      std::vector<std::string> words;
      for (std::string word; stream >> word;) words.push_back(word);
      if (words.size() < 2 || (words[1] != "vfio-pci" && words[1] != "vfio_pci")) continue;
      if (words[0] == "install" || words[0] == "blacklist")
        others.warnings.push_back(path + " has the line `" + line + "`: only one of it and vgpukit's can work");
      if (words[0] != "options") continue;
      for (const auto& word : words)
        if (word.starts_with("ids="))
          for (const auto& id : split(word.substr(4), ',')) others.ids.push_back(id);
      // kmod reads the files by name, and the last ids= is the one that counts.
      if (name > std::string(modprobe_file).substr(16) && !others.ids.empty())
        others.warnings.push_back(
            path + " is read after vgpukit's file, and its ids= takes the place of ours: move its line away");
    }
  }
  return others;
}

// Runs in the initramfs's shell (klibc's, busybox's or dash) when a module of a rival, or vfio-pci itself, is about to
// be loaded. With the parameter of the way back, the kernel refuses vfio_pci, and nothing is done to the devices. The
// ids are compared, because addresses move when a card is added.
std::string install_line(const std::vector<CardClaim>& claims, bool stand_in) {
  std::string evict, all;
  for (const auto& claim : claims) {
    if (!claim.by_address) continue;
    for (const auto& function : claim.functions)
      (function.evict ? evict : all) += " " + function.address + "=" + modalias_start(function.ids);
  }
  const auto loop = [](const std::string& list, const std::string& first) {
    return "for f in" + list +
           "; do p=/sys/bus/pci/devices/${f%=*}; [ -e $p ] || continue; read m <$p/modalias; case $m in "
           "pci:${f#*=}*) " +
           first + "echo vfio-pci >$p/driver_override; echo ${f%=*} >/sys/bus/pci/drivers_probe;; esac; done; ";
  };
  std::string line = std::string("install ") + (stand_in ? placeholder_module : "vfio-pci") + " ";
  line += stand_in ? std::string("read c </proc/cmdline; case $c in *") + recovery_parameter + "*) exit 0;; esac; "
                   : "/sbin/modprobe --ignore-install vfio-pci $CMDLINE_OPTS || exit 0; ";
  if (!all.empty()) line += loop(all, "");
  if (!evict.empty()) line += loop(evict, "[ ! -e $p/driver ] || echo ${f%=*} >$p/driver/unbind; ");
  return line.substr(0, line.size() - 2) + "\n";
}

Status edit_modprobe(PendingEdits& draft, const std::vector<CardClaim>& claims, const InstalledModules& modules,
                     BootEdits& edits) {
  TRY_ASSIGN(auto others, others_about_vfio(draft));
  edits.warnings.insert(edits.warnings.end(), others.warnings.begin(), others.warnings.end());
  const bool loadable = modules.loadable_somewhere("vfio_pci");
  const bool stand_in = modules.built_in_somewhere("vfio_pci") && any_by_address(claims);
  std::string text =
      "# Written by vgpukit passthrough apply. `vgpukit passthrough undo CARD` takes it back, and makes the initramfs "
      "anew.\n"
      "# A host that does not come up: add " +
      std::string(recovery_parameter) + " to the kernel's parameters in the boot menu.\n";
  std::set<std::string> competing_modules;
  std::string cards;
  for (const auto& claim : claims) {
    cards += (cards.empty() ? "" : ", ") + claim.address + (claim.by_address ? " by address" : " by ids");
    competing_modules.insert(claim.competing_modules.begin(), claim.competing_modules.end());
  }
  text += "# " + cards + "\n";
  if (const auto own = ids_of(claims, {}); !own.empty() && loadable)
    text += "options vfio-pci ids=" + ids_of(claims, others.ids) + "\n";
  if (any_by_address(claims)) text += install_line(claims, stand_in);
  const std::string first =
      std::string(loadable ? " vfio-pci" : "") + (stand_in ? std::string(" ") + placeholder_module : "");
  for (const auto& module : competing_modules)
    if (!first.empty()) text += "softdep " + module + " pre:" + first + "\n";
  return draft.set(modprobe_file, std::move(text),
                   "tells vfio-pci which devices are its own, and has the others' drivers wait for it");
}

// The modules that /etc/initramfs-tools/modules lists already are left where they stand.
Status edit_initramfs_tools(PendingEdits& draft, const std::vector<std::string>& modules) {
  const std::string path = "/etc/initramfs-tools/modules";
  TRY_ASSIGN(auto text, draft.text(path));
  auto content = text.value_or("");
  std::set<std::string> listed;
  std::istringstream lines(content);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    std::replace(word.begin(), word.end(), '-', '_');
    listed.insert(word);
  }
  const auto line_end = system::line_end_of(content);
  std::string more;
  for (const auto& module : modules)
    if (!listed.contains(module)) more += module + line_end;
  if (more.empty()) return {};
  if (!content.empty() && content.back() != '\n') content += line_end;
  return draft.set(path, content + "# vgpukit passthrough" + line_end + more,
                   "loads vfio before the card's own drivers");
}

Status edit_dracut(PendingEdits& draft, const std::vector<std::string>& modules) {
  std::string text = "# Written by vgpukit passthrough apply; see " + std::string(modprobe_file) + "\n";
  if (!modules.empty()) text += "force_drivers+=\" " + joined(modules) + " \"\n";
  // Without hostonly="yes" dracut leaves /etc/modprobe.d out.
  text += "install_items+=\" " + std::string(modprobe_file) + " \"\n";
  return draft.set("/etc/dracut.conf.d/vgpukit-passthrough.conf", text, "loads vfio before the card's own drivers");
}

// The files that presets name with -c; mkinitcpio then reads neither mkinitcpio.conf nor mkinitcpio.conf.d.
Result<std::set<std::string>> mkinitcpio_configurations(PendingEdits& draft) {
  std::set<std::string> files;
  bool usual = false;
  TRY_ASSIGN(const auto names, draft.names("/etc/mkinitcpio.d", ".preset"));
  for (const auto& name : names) {
    TRY_ASSIGN(const auto text, draft.text("/etc/mkinitcpio.d/" + name));
    bool named = false;
    std::istringstream lines(text.value_or(""));
    for (std::string line; std::getline(lines, line);) {
      const auto equals = line.find("_config=");
      if (equals == std::string::npos || line.find('#') < equals) continue;
      auto value = line.substr(equals + 8);
      std::erase_if(value, [](char c) { return c == '"' || c == '\'' || c == '\r' || c == ' '; });
      if (value.starts_with('/')) named = true, files.insert(value);
    }
    usual = usual || !named;
  }
  if (usual || files.empty())
    files.insert(draft.there("/etc/mkinitcpio.conf.d") ? "/etc/mkinitcpio.conf.d/vgpukit-passthrough.conf"
                                                       : "/etc/mkinitcpio.conf");
  return files;
}

Status edit_mkinitcpio(PendingEdits& draft, const std::vector<std::string>& modules) {
  // bash, and read after what the user wrote; MODULES may be an array or, as it once was, a string.
  const auto block = "# vgpukit passthrough\n" +
                     (modules.empty() ? std::string() : "MODULES=(" + joined(modules) + " ${MODULES[@]})\n") +
                     "FILES=(${FILES[@]} " + modprobe_file + ")\n";
  TRY_ASSIGN(const auto files, mkinitcpio_configurations(draft));
  for (const auto& path : files) {
    TRY_ASSIGN(const auto text, draft.text(path));
    auto content = text.value_or("");
    if (!content.empty() && content.back() != '\n') content += '\n';
    TRY(draft.set(path, content + block, "loads vfio before the card's own drivers"));
  }
  return {};
}

}  // namespace

Status edit_initramfs(PendingEdits& draft, const system::BootSetup& setup, const std::vector<CardClaim>& claims,
                      const InstalledModules& modules, BootEdits& edits) {
  const auto list = modules.vfio();
  // A vfio-pci that is built in has its ids from the kernel's parameters, and nothing is to be loaded.
  if (!modules.loadable_somewhere("vfio_pci") && !any_by_address(claims)) return {};
  TRY(edit_modprobe(draft, claims, modules, edits));
  if (!setup.update_initramfs.empty()) edits.commands.push_back(setup.update_initramfs);
  switch (setup.initramfs) {
    case system::InitramfsTool::initramfs_tools: {
      auto with_placeholder = list;
      if (modules.built_in_somewhere("vfio_pci") && any_by_address(claims))
        with_placeholder.emplace_back(placeholder_module);
      return edit_initramfs_tools(draft, with_placeholder);
    }
    case system::InitramfsTool::dracut:
      return edit_dracut(draft, list);
    case system::InitramfsTool::mkinitcpio:
      return edit_mkinitcpio(draft, list);
    case system::InitramfsTool::none:
      break;
  }
  if (!list.empty())
    edits.warnings.push_back("the initramfs has to load, before the card's own drivers: " + joined(list));
  return {};
}

}  // namespace vgpukit::passthrough
