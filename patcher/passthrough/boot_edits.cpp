#include "passthrough/boot_edits.hpp"

#include <algorithm>
#include <sstream>

#include "passthrough/pending_edits.hpp"

namespace vgpukit::passthrough {

namespace {

using Family = Distribution::Family;

// Why nothing should be written here. Empty: all is known.
std::string unknown_here(const system::BootSetup& setup, bool needs_parameters) {
  const auto family = setup.distribution.family;
  const auto name =
      setup.distribution.name.empty() ? std::string("a distribution without os-release") : setup.distribution.name;
  if (family != Family::debian && family != Family::arch && family != Family::fedora)
    return "vgpukit does not know how " + name + " boots: Debian, Ubuntu, Proxmox, Arch, Manjaro and Fedora are known";
  if (setup.initramfs == system::InitramfsTool::none)
    return "neither initramfs-tools nor dracut nor mkinitcpio is here: who makes this host's initramfs is not known";
  if (setup.loader == system::BootLoader::none && needs_parameters)
    return "neither GRUB's nor systemd-boot's files are here: where the kernel's parameters are kept is not known";
  return "";
}

void add_unique(std::vector<std::string>& list, const std::string& word) {
  if (std::find(list.begin(), list.end(), word) == list.end()) list.push_back(word);
}

}  // namespace

Result<FileEdit*> PendingEdits::edit(const std::string& path) {
  auto real = path;
  if (const auto found = host_.resolve(path)) {
    real = host_.inside(*found).string();
  } else if (fs::is_symlink(fs::symlink_status(host_.in_root(path)))) {
    return Error{ErrorKind::usage, "change " + path, "it is a link that leads nowhere",
                 "make the file that it leads to, or remove the link"};
  }
  const auto known = edits_.find(real);
  if (known != edits_.end()) return &known->second;
  TRY_ASSIGN(auto before, read_(real));
  FileEdit fresh;
  fresh.path = real;
  fresh.after = before.value_or("");
  fresh.before = std::move(before);
  return &edits_.emplace(real, std::move(fresh)).first->second;
}

Result<std::optional<std::string>> PendingEdits::text(const std::string& path) {
  TRY_ASSIGN(const auto* file, edit(path));
  if (!file->before && file->why.empty()) return std::optional<std::string>();
  return std::optional<std::string>(file->after);
}

Status PendingEdits::set(const std::string& path, std::string text, const std::string& why, unsigned mode) {
  TRY_ASSIGN(auto* file, edit(path));
  file->after = std::move(text);
  file->why += (file->why.empty() ? "" : "; ") + why;
  file->mode = mode;
  return {};
}

Result<std::vector<std::string>> PendingEdits::names(const std::string& folder, std::string_view suffix) {
  std::vector<std::string> names;
  const auto here = host_.resolve(folder);
  if (!here) return names;
  std::error_code bad;
  for (auto entry = fs::directory_iterator(*here, bad); !bad && entry != fs::directory_iterator();
       entry.increment(bad)) {
    const auto name = entry->path().filename().string();
    if (!name.ends_with(suffix) || !fs::is_regular_file(entry->path(), bad)) continue;
    TRY_ASSIGN(const auto without_us, read_(folder + "/" + name));
    if (without_us) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<FileEdit> PendingEdits::files() const {
  std::vector<FileEdit> list;
  for (const auto& [path, edit] : edits_)
    if (!edit.why.empty() && edit.before != edit.after) list.push_back(edit);
  return list;
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, at);)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

std::string ids_of(const std::vector<CardClaim>& claims, const std::vector<std::string>& more) {
  std::vector<std::string> ids;
  for (const auto& id : more) add_unique(ids, id);
  for (const auto& claim : claims)
    if (!claim.by_address)
      for (const auto& function : claim.functions) add_unique(ids, function.ids);
  std::string text;
  for (const auto& id : ids) text += (text.empty() ? "" : ",") + id;
  return text;
}

Result<BootEdits> boot_edits(const HostPaths& host, const system::BootSetup& setup,
                             const std::vector<CardClaim>& claims, const InstalledModules& modules,
                             const ReadText& read) {
  BootEdits edits;
  PendingEdits draft(host, read);
  std::vector<std::string> parameters;
  for (const auto& claim : claims)
    for (const auto& word : claim.parameters) add_unique(parameters, word);
  if (const auto ids = ids_of(claims, {}); !ids.empty() && modules.built_in_somewhere("vfio_pci"))
    parameters.push_back("vfio-pci.ids=" + ids);
  edits.unknown = unknown_here(setup, !parameters.empty());
  TRY(edit_initramfs(draft, setup, claims, modules, edits));
  TRY(edit_loader(draft, setup, parameters, edits));
  edits.files = draft.files();
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
    return name.starts_with("initrd.img-") || (name.starts_with("initramfs-") && name.ends_with(".img"));
  });
  for (const auto* folder : {"/boot/grub", "/boot/grub2"})
    add(folder, [](const std::string& name) { return name == "grub.cfg"; });
  for (const auto* esp : {"/boot", "/efi", "/boot/efi"}) {
    add(std::string(esp) + "/loader/entries", [](const std::string& name) { return name.ends_with(".conf"); });
    add(std::string(esp) + "/EFI/Linux", [](const std::string& name) { return name.ends_with(".efi"); });
  }
  std::sort(list.begin(), list.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

}  // namespace vgpukit::passthrough
