#include "system/boot_loader.hpp"

#include <algorithm>
#include <cctype>

#include "support/atomic_file.hpp"
#include "support/text.hpp"
#include "system/boot_entries.hpp"
#include "system/kernel_parameters.hpp"

namespace vgpukit::system {

namespace {

constexpr const char* cmdline_file = "/proc/cmdline";

std::string small(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// A loader whose files are on this host.
struct Candidate {
  BootLoader loader = BootLoader::none;
  BootFact fact;
  std::vector<BootEntry> entries;
};

std::vector<Candidate> candidates_of(const HostPaths& host, const Distribution& distribution) {
  std::vector<Candidate> all;
  const auto add = [&](BootLoader loader, std::vector<std::string> files, std::vector<BootEntry> entries) {
    std::erase_if(files, [&](const std::string& file) { return file.empty() || !exists(host, file); });
    if (!files.empty()) all.push_back({loader, {files.front(), "exists"}, std::move(entries)});
  };
  add(BootLoader::grub, {"/etc/default/grub", grub_menu_file(host)}, grub_entries(host));
  const bool grub = !all.empty();
  auto entries = loader_entries(host);
  std::vector<std::string> files;
  for (const std::string folder : boot_folders)
    for (const auto* name : {"/EFI/systemd/systemd-bootx64.efi", "/EFI/systemd/systemd-bootaa64.efi"})
      files.push_back(folder + name);
  // GRUB reads these entries, too, on Fedora and RHEL.
  if (!grub || distribution.family != Distribution::Family::fedora)
    for (const auto& entry : entries) files.push_back(entry.file);
  for (auto& image : unified_images(host)) files.push_back(image.file), entries.push_back(std::move(image));
  if (!grub || exists(host, "/etc/kernel/proxmox-boot-uuids")) files.emplace_back("/etc/kernel/cmdline");
  add(BootLoader::systemd_boot, files, entries);
  add(BootLoader::refind, {refind_file(host)}, refind_entries(host));
  add(BootLoader::limine, {limine_file(host), "/etc/default/limine"}, limine_entries(host));
  return all;
}

BootLoader loader_in(const std::string& text) {
  const auto name = small(text);
  if (contains(name, "systemd-boot") || contains(name, "gummiboot")) return BootLoader::systemd_boot;
  if (contains(name, "refind")) return BootLoader::refind;
  if (contains(name, "limine")) return BootLoader::limine;
  if (contains(name, "grub")) return BootLoader::grub;
  return BootLoader::none;
}

// The loader that the firmware's boot entry names. A shim is not a loader.
BootLoader loader_at(const std::string& path) {
  const auto name = small(path);
  if (const auto known = loader_in(path); known != BootLoader::none) return known;
  if (contains(name, "\\efi\\linux\\") || contains(name, "vmlinuz") || contains(name, "bzimage"))
    return BootLoader::firmware;
  return BootLoader::none;
}

std::string plural(const std::vector<Candidate>& all) {
  return join(all, "; ",
              [](const Candidate& each) { return std::string(loader_name(each.loader)) + ": " + each.fact.file; });
}

class Decision {
 public:
  Decision(const HostPaths& host, const Distribution& distribution, const EfiVariables& efi)
      : host_(host), efi_(efi), cmdline_(boot_text(host, cmdline_file)), parameters_(cmdline_) {
    candidates_ = candidates_of(host, distribution);
  }

  BootedLoader run() {
    found_.entry = efi_.entry_selected;
    if (!efi_.problem.empty()) found_.facts.push_back({efi_.problem, "not read"});
    if (!efi_.stub_info.empty()) found_.unified = true;
    const auto variable = by_variables();
    if (!found_.refusal.empty()) return found_;
    const auto image = by_image();
    if (variable != BootLoader::none && image != BootLoader::none && variable != image) {
      refuse_both();
    } else if (image != BootLoader::none && found_.unified) {
      found_.facts.push_back({"the EFI variable StubInfo", efi_.stub_info});
      refuse_both();
    } else if (variable != BootLoader::none || image != BootLoader::none) {
      found_.loader = variable != BootLoader::none ? variable : image;
    } else {
      by_menus();
    }
    if (found_.loader == BootLoader::systemd_boot || found_.loader == BootLoader::firmware) look_for_image();
    return found_;
  }

 private:
  const Candidate* candidate(BootLoader loader) const {
    for (const auto& each : candidates_)
      if (each.loader == loader) return &each;
    return nullptr;
  }

  BootLoader by_variables() {
    if (!efi_.loader_info.empty()) {
      found_.facts.push_back({"the EFI variable LoaderInfo", efi_.loader_info});
      const auto loader = loader_in(efi_.loader_info);
      if (loader == BootLoader::none && efi_.stub_info.empty()) {
        found_.refusal =
            "the EFI variable LoaderInfo says \"" + efi_.loader_info + "\": vgpukit does not know that boot loader";
        found_.refusal_next = "add the parameters in the way of that loader";
      }
      return loader;
    }
    const auto loader = loader_at(efi_.boot_path);
    if (loader == BootLoader::none) return loader;
    // rEFInd starts other loaders, too, and GRUB names its kernel on the command line.
    if (loader == BootLoader::refind && parameters_.find("BOOT_IMAGE")) return BootLoader::none;
    found_.facts.push_back({"the EFI variable BootCurrent", efi_.boot_name + " " + efi_.boot_path});
    return loader;
  }

  // GRUB puts the kernel's path in front of the parameters (grub-core/loader/i386/linux.c). syslinux does it, too.
  BootLoader by_image() {
    const auto* image = parameters_.find("BOOT_IMAGE");
    if (!image) return BootLoader::none;
    for (const auto& each : candidates_)
      if (each.loader != BootLoader::grub)
        for (const auto& entry : each.entries)
          if (contains(entry.options, image->text)) return BootLoader::none;  // it was copied into that entry
    found_.facts.push_back({cmdline_file, image->text});
    if (candidate(BootLoader::grub)) return BootLoader::grub;
    for (const auto* file :
         {"/boot/syslinux/syslinux.cfg", "/boot/extlinux/extlinux.conf", "/boot/extlinux.conf", "/boot/syslinux.cfg"})
      if (exists(host_, file)) {
        found_.facts.push_back({file, "exists"});
        found_.refusal = std::string(file) + " has the parameters of this host: vgpukit does not change syslinux";
        found_.refusal_next = std::string("add the parameters to the APPEND lines of ") + file;
        return BootLoader::none;
      }
    return BootLoader::grub;
  }

  // Nothing names the loader: the menu that has exactly the running kernel's parameters, then what the command line
  // excludes, then the only loader that has files.
  void by_menus() {
    if (!found_.refusal.empty()) return;
    const auto* initrd = parameters_.find("initrd");
    if (initrd) found_.facts.push_back({cmdline_file, initrd->text});
    std::vector<Candidate> left;
    for (const auto& each : candidates_) {
      if (each.loader == BootLoader::grub) continue;  // it always writes BOOT_IMAGE=
      const auto same = std::find_if(each.entries.begin(), each.entries.end(), [&](const BootEntry& entry) {
        return same_parameters(entry.options, cmdline_) && entry.is_normal();
      });
      if (same == each.entries.end() || cmdline_.empty()) continue;
      left.push_back(each);
      left.back().fact = {same->file, "has the parameters of /proc/cmdline"};
    }
    if (left.size() != 1) {
      if (left.empty()) left = candidates_;
      const auto without = [&](BootLoader loader) {
        if (left.size() > 1) std::erase_if(left, [&](const Candidate& each) { return each.loader == loader; });
      };
      // The EFI stub of the kernel loads this file; GRUB and Limine load it themselves. GRUB always writes BOOT_IMAGE=.
      if (initrd) {
        without(BootLoader::grub);
        without(BootLoader::limine);
      } else if (!cmdline_.empty()) {
        without(BootLoader::grub);
      }
      if (left.size() > 1 && !parameters_.find("BOOT_IMAGE") && !cmdline_.empty())
        found_.facts.push_back({cmdline_file, "has no BOOT_IMAGE="});
    }
    if (cmdline_.empty()) found_.facts.push_back({cmdline_file, "is empty or cannot be read"});
    for (const auto& each : left) found_.facts.push_back(each.fact);
    if (left.size() == 1) found_.loader = left.front().loader;
    if (found_.loader == BootLoader::grub && parameters_.find("initrd")) {
      found_.loader = BootLoader::none;
      found_.refusal = "the evidence about the boot loader contradicts itself: " + facts_text(found_.facts) +
                       ": only the kernel's EFI stub needs initrd=, which GRUB does not use";
      found_.refusal_next = "mount the EFI system partition, so that the files of the loader that is used can be seen";
    }
    if (left.size() < 2) return;
    found_.refusal =
        "it is not known which boot loader started this host: " + facts_text(found_.facts) + " (" + plural(left) + ")";
    found_.refusal_next = next_for(left);
  }

  // A unified image that was selected, or one with exactly these parameters.
  void look_for_image() {
    if (found_.unified) {
      found_.facts.push_back({"the EFI variable StubInfo", efi_.stub_info});
      return;
    }
    const auto* own = candidate(BootLoader::systemd_boot);
    if (!own) return;
    const auto is_image = [](const BootEntry& entry) { return entry.kernel == entry.file; };
    if (small(efi_.entry_selected).ends_with(".efi")) {
      found_.unified = true;
      found_.facts.push_back({"the EFI variable LoaderEntrySelected", efi_.entry_selected});
      return;
    }
    if (!efi_.entry_selected.empty() || parameters_.find("initrd")) return;
    if (std::any_of(own->entries.begin(), own->entries.end(), [&](const BootEntry& entry) {
          return !is_image(entry) && same_parameters(entry.options, cmdline_);
        }))
      return;
    bool other = false;
    for (const auto& entry : own->entries) {
      if (is_image(entry) && same_parameters(entry.options, cmdline_)) {
        found_.unified = true;
        found_.facts.push_back({entry.file, "has the parameters of /proc/cmdline"});
        return;
      }
      other = other || !is_image(entry);
    }
    found_.unified = !other && !own->entries.empty();
  }

  void refuse_both() {
    found_.refusal = "the evidence about the boot loader contradicts itself: " + facts_text(found_.facts);
    found_.refusal_next = next_for(candidates_);
  }
  static std::string next_for(const std::vector<Candidate>& loaders) {
    return "look at the menu of the next boot (or run bootctl status and efibootmgr), and remove or rename the files "
           "of "
           "the loader that is not used (" +
           plural(loaders) + "); or add the parameters by hand in the way of the loader that is used";
  }

  const HostPaths& host_;
  const EfiVariables& efi_;
  std::string cmdline_;
  KernelParameters parameters_;
  std::vector<Candidate> candidates_;
  BootedLoader found_;
};

}  // namespace

bool has_program(const HostPaths& host, const std::string& name) {
  for (const auto* folder : {"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/", "/usr/local/bin/"})
    if (exists(host, folder + name)) return true;
  return false;
}

bool exists(const HostPaths& host, const std::string& path) {
  return host.resolve(path).has_value();
}

const char* loader_name(BootLoader loader) {
  switch (loader) {
    case BootLoader::grub:
      return "GRUB";
    case BootLoader::systemd_boot:
      return "systemd-boot";
    case BootLoader::refind:
      return "rEFInd";
    case BootLoader::limine:
      return "Limine";
    case BootLoader::firmware:
      return "the firmware";
    case BootLoader::none:
      break;
  }
  return "none";
}

std::string facts_text(const std::vector<BootFact>& facts) {
  return join(facts, "; ", [](const BootFact& fact) {
    const bool sentence = fact.value == "exists" || fact.value.starts_with("has ") || fact.value.starts_with("is ") ||
                          fact.value == "not read";
    return fact.file + (sentence ? " " : ": ") + fact.value;
  });
}

std::string boot_text(const HostPaths& host, const std::string& path) {
  const auto here = host.resolve(path);
  if (!here) return "";
  const auto text = read_file(*here);
  return text ? std::string(trimmed(*text)) : std::string();
}

BootedLoader booted_loader(const HostPaths& host, const Distribution& distribution, const EfiVariables& efi) {
  return Decision(host, distribution, efi).run();
}

}  // namespace vgpukit::system
