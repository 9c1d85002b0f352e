#include "system/boot_setup.hpp"

#include <algorithm>

#include "support/atomic_file.hpp"
#include "support/text.hpp"
#include "system/boot_entries.hpp"
#include "system/boot_initramfs.hpp"
#include "system/boot_loader.hpp"
#include "system/grub_defaults.hpp"
#include "system/kernel_parameters.hpp"

namespace vgpukit::system {

namespace {

using Family = Distribution::Family;

constexpr const char* kernel_cmdline_file = "/etc/kernel/cmdline";
constexpr const char* grub_file = "/etc/default/grub";

// The value of a variable in a file of shell assignments; empty if it is not set.
std::string shell_value(const HostPaths& host, const std::string& file, const std::string& name) {
  const auto all = assignments_of(boot_text(host, file), name, file);
  return all ? value_after(*all, name, "") : std::string();
}

// Whether a file of this folder, or the file itself, has a line with this text.
std::string config_with(const HostPaths& host, const std::string& file, const std::string& folder,
                        std::string_view suffix, std::string_view text) {
  std::vector<std::string> files = {file};
  if (const auto here = host.resolve(folder))
    for (const auto& path : entries_of(*here))
      if (path.filename().string().ends_with(suffix)) files.push_back(folder + "/" + path.filename().string());
  for (const auto& each : files)
    for (const auto& line : lines_of(boot_text(host, each)))
      if (!is_comment(line) && contains(line, text)) return each;
  return "";
}

// --- systems whose boot files another program owns ----------------------------------------------------------------

struct Owner {
  BootManager manager;
  const char* name;
  const char* next;
};

void refuse(BootSetup& setup, const Owner& owner, BootFact fact) {
  setup.manager = owner.manager;
  setup.refusal = std::string(owner.name) + " owns the boot files of this host (" + facts_text({fact}) +
                  "): what vgpukit would write is not used, or is lost with the next update";
  setup.refusal_next = owner.next;
  setup.loader_facts = {std::move(fact)};
}

void find_owner(const HostPaths& host, const KernelParameters& parameters, BootSetup& setup) {
  const auto& id = setup.distribution.id;
  if (id == "nixos" || exists(host, "/etc/NIXOS"))
    return refuse(setup,
                  {BootManager::nixos, "NixOS' configuration",
                   "put the lines that passthrough plan prints into /etc/nixos/configuration.nix, then nixos-rebuild "
                   "boot"},
                  id == "nixos" ? BootFact{"/etc/os-release", "ID=nixos"} : BootFact{"/etc/NIXOS", "exists"});
  if (id == "guix")
    return refuse(setup,
                  {BootManager::guix, "Guix System's configuration",
                   "put the lines that passthrough plan prints into /etc/config.scm, then guix system reconfigure "
                   "/etc/config.scm"},
                  {"/etc/os-release", "ID=guix"});
  if (id == "talos")
    return refuse(setup,
                  {BootManager::talos, "Talos' machine configuration",
                   "put the lines that passthrough plan prints into the machine configuration, then talosctl upgrade"},
                  {"/etc/os-release", "ID=talos"});
  const auto* ostree = parameters.find("ostree");
  if (ostree || exists(host, "/run/ostree-booted")) {
    const BootFact fact = ostree ? BootFact{"/proc/cmdline", ostree->text} : BootFact{"/run/ostree-booted", "exists"};
    if (has_program(host, "rpm-ostree") || !has_program(host, "bootc"))
      return refuse(setup,
                    {BootManager::rpm_ostree, "rpm-ostree",
                     "run the commands that passthrough plan prints; vgpukit doctor says after the next boot whether "
                     "the parameters arrived"},
                    fact);
    return refuse(
        setup,
        {BootManager::bootc, "bootc",
         "put the lines that passthrough plan prints into the Containerfile of the image, then bootc upgrade"},
        fact);
  }
  for (const auto* word :
       {"opensuse-microos", "opensuse-aeon", "opensuse-kalpa", "sle-micro", "sl-micro", "opensuse-leap-micro"})
    if (id == word)
      return refuse(
          setup,
          {BootManager::transactional_update, "transactional-update", "run the commands that passthrough plan prints"},
          {"/etc/os-release", "ID=" + id});
}

// --- where the parameters are --------------------------------------------------------------------------------------

void not_mounted(BootSetup& setup, const std::string& what) {
  setup.refusal = std::string(loader_name(setup.loader)) + " started this host (" + facts_text(setup.loader_facts) +
                  "), but " + what +
                  " is in none of /boot, /efi and /boot/efi: the EFI system partition is not mounted";
  setup.refusal_next = "mount it (bootctl --print-esp-path and findmnt name it), then try again";
}

// Whether GRUB reads loader entries, instead of a menu that grub2-mkconfig writes.
bool grub_reads_entries(const HostPaths& host, Family family) {
  if (loader_entries(host).empty()) return false;
  const auto enabled = shell_value(host, grub_file, "GRUB_ENABLE_BLSCFG");
  if (!enabled.empty()) return enabled == "true";
  return family == Family::fedora || contains(boot_text(host, grub_menu_file(host)), "blscfg");
}

void use_grub(const HostPaths& host, BootSetup& setup) {
  const auto family = setup.distribution.family;
  if (family == Family::fedora && grub_reads_entries(host, family)) {
    setup.place = ParameterPlace::grubby;
    setup.update_parameters = {"grubby", "--update-kernel=ALL"};
    return;
  }
  setup.place = ParameterPlace::grub_defaults;
  setup.parameters_file = grub_file;
  setup.variable = "GRUB_CMDLINE_LINUX_DEFAULT";
  if (exists(host, "/etc/kernel/proxmox-boot-uuids"))
    setup.update_parameters = {"proxmox-boot-tool", "refresh"};
  else if (has_program(host, "update-grub") || family == Family::debian)
    setup.update_parameters = {"update-grub"};
  else if (family == Family::fedora || family == Family::suse)
    setup.update_parameters = {"grub2-mkconfig", "-o", "/boot/grub2/grub.cfg"};
  else
    setup.update_parameters = {"grub-mkconfig", "-o", "/boot/grub/grub.cfg"};
}

// mkinitcpio reads /etc/cmdline.d/*.conf or /etc/kernel/cmdline; dracut its own configuration; kernel-install (with
// ukify) /etc/kernel/cmdline.
void use_unified_image(const HostPaths& host, BootSetup& setup) {
  setup.place = ParameterPlace::unified_image;
  const auto images = unified_images(host);
  if (images.empty()) return not_mounted(setup, "a unified image (EFI/Linux/*.efi)");
  for (const auto& image : images)
    if (!image.problem.empty()) {
      setup.refusal =
          "the unified image " + image.file + " cannot be read, so a change could not be checked: " + image.problem;
      setup.refusal_next = "make that image again, or remove it if it does not boot";
      return;
    }
  setup.parameters_file = kernel_cmdline_file;
  if (shell_value(host, "/etc/kernel/install.conf", "layout") == "uki") {
    setup.update_parameters = {"kernel-install", "add-all"};
    return;
  }
  if (!config_with(host, "", "/etc/mkinitcpio.d", ".preset", "_uki=").empty()) {
    setup.update_parameters = {"mkinitcpio", "-P"};
    // Without /etc/kernel/cmdline, the files of this folder are read one after the other.
    if (const auto folder = host.resolve("/etc/cmdline.d"); folder && !exists(host, kernel_cmdline_file))
      for (const auto& path : entries_of(*folder))
        if (path.extension() == ".conf") setup.parameters_file = "/etc/cmdline.d/" + path.filename().string();
    return;
  }
  for (const auto* uefi : {"uefi=\"yes\"", "uefi=yes", "uefi='yes'"})
    if (!config_with(host, "/etc/dracut.conf", "/etc/dracut.conf.d", ".conf", uefi).empty()) {
      setup.parameters_file = "/etc/dracut.conf.d/vgpukit-passthrough-cmdline.conf";
      setup.variable = "kernel_cmdline";
      setup.update_parameters = {"dracut", "--force", "--regenerate-all"};
      return;
    }
  if (exists(host, kernel_cmdline_file)) {
    setup.update_parameters = {"kernel-install", "add-all"};
    return;
  }
  setup.refusal = "a unified image started this host (" + facts_text(setup.loader_facts) +
                  "), and it is not known which program made it: no preset of mkinitcpio names it, dracut has no "
                  "uefi=yes, and there is no /etc/kernel/cmdline";
  setup.refusal_next = "add the parameters to the section .cmdline of the image in the way in which you made it";
}

void use_systemd_boot(const HostPaths& host, BootSetup& setup, bool chosen_by_evidence) {
  if (exists(host, "/etc/kernel/proxmox-boot-uuids") && exists(host, kernel_cmdline_file)) {
    setup.place = ParameterPlace::kernel_cmdline;
    setup.parameters_file = kernel_cmdline_file;
    setup.update_parameters = {"proxmox-boot-tool", "refresh"};
    return;
  }
  setup.place = ParameterPlace::loader_entries;
  const auto entries = loader_entries(host);
  if (entries.empty() && chosen_by_evidence) return not_mounted(setup, "a loader entry (loader/entries/*.conf)");
  const bool cmdline = exists(host, kernel_cmdline_file);
  setup.parameters_file = cmdline || entries.empty() ? kernel_cmdline_file : entries.front().file;
  // kernel-install writes the command line into the entries. An edited entry needs no program: systemd-boot reads it.
  if (cmdline) setup.update_parameters = {"kernel-install", "add-all"};
}

void use_limine(const HostPaths& host, BootSetup& setup) {
  setup.place = ParameterPlace::limine_conf;
  setup.parameters_file = limine_file(host);
  if (setup.parameters_file.empty()) return not_mounted(setup, "limine.conf");
  if (!exists(host, "/etc/default/limine")) return;
  setup.place = ParameterPlace::limine_defaults;
  setup.parameters_file = "/etc/default/limine";
  setup.variable = "KERNEL_CMDLINE[default]";
  // Each of them generates the images, copies them beside the loader, and writes limine.conf.
  setup.update_parameters = {"limine-update"};
  for (const auto* program : {"limine-mkinitcpio", "limine-dracut"})
    if (has_program(host, program)) {
      setup.update_parameters = {program};
      break;
    }
}

void use_loader(const HostPaths& host, BootSetup& setup, const BootedLoader& booted) {
  setup.loader = booted.loader;
  setup.loader_facts = booted.facts;
  setup.refusal = booted.refusal;
  setup.refusal_next = booted.refusal_next;
  if (!setup.refusal.empty()) return;
  // openSUSE's tool for systemd-boot and for GRUB with loader entries.
  if (setup.distribution.family == Family::suse && has_program(host, "sdbootutil") &&
      (booted.loader == BootLoader::systemd_boot ||
       contains(shell_value(host, "/etc/sysconfig/bootloader", "LOADER_TYPE"), "bls"))) {
    setup.place = ParameterPlace::kernel_cmdline;
    setup.parameters_file = kernel_cmdline_file;
    setup.update_parameters = {"sdbootutil", "update-all-entries"};
    if (loader_entries(host).empty()) not_mounted(setup, "a loader entry (loader/entries/*.conf)");
    return;
  }
  if (booted.unified) return use_unified_image(host, setup);
  switch (booted.loader) {
    case BootLoader::grub:
      return use_grub(host, setup);
    case BootLoader::systemd_boot:
      return use_systemd_boot(host, setup, !booted.facts.empty() && booted.facts.front().file.starts_with("the EFI"));
    case BootLoader::refind:
      setup.place = ParameterPlace::refind_conf;
      setup.parameters_file = refind_file(host);
      if (setup.parameters_file.empty()) not_mounted(setup, "refind_linux.conf");
      return;
    case BootLoader::limine:
      return use_limine(host, setup);
    case BootLoader::firmware:
      setup.manager = BootManager::firmware;
      setup.refusal = "the firmware starts the kernel itself (" + facts_text(setup.loader_facts) +
                      "): its parameters are in a boot entry of the firmware";
      setup.refusal_next = "make a new entry with efibootmgr --create ... --unicode 'PARAMETERS', and keep the old one";
      return;
    case BootLoader::none:
      return;
  }
}

// --- messages ------------------------------------------------------------------------------------------------------

std::string then(const BootSetup& setup) {
  return setup.update_parameters.empty() ? ", then reboot"
                                         : ", then " + join(setup.update_parameters, " ") + " and reboot";
}

// The command or file for systems whose boot files another program owns; empty for others.
std::string with_owner(const BootSetup& setup, const std::string& word, bool add) {
  const auto words = split_words(word);
  switch (setup.manager) {
    case BootManager::rpm_ostree:
      return "rpm-ostree kargs" +
             join(words, "", [&](const std::string& each) { return (add ? " --append=" : " --delete=") + each; }) +
             ", then reboot";
    case BootManager::bootc:
      return std::string(add ? "add " : "remove ") + word + (add ? " to" : " from") +
             " /usr/lib/bootc/kargs.d in the Containerfile of the image, then bootc upgrade "
             "and reboot";
    case BootManager::nixos:
      return std::string(add ? "add " : "remove ") + word + (add ? " to" : " from") +
             " boot.kernelParams in /etc/nixos/configuration.nix, then nixos-rebuild boot and reboot";
    case BootManager::guix:
      return std::string(add ? "add " : "remove ") + word + (add ? " to" : " from") +
             " kernel-arguments in /etc/config.scm, then guix system reconfigure /etc/config.scm and reboot";
    case BootManager::talos:
      return std::string(add ? "add " : "remove ") + word + (add ? " to" : " from") +
             " extraKernelArgs of the machine configuration (of the image's schematic, with a unified image), then "
             "talosctl upgrade";
    case BootManager::transactional_update:
      return std::string(add ? "add " : "remove ") + word + (add ? " to" : " from") +
             " GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, then transactional-update grub.cfg and reboot";
    case BootManager::firmware:
      return std::string(add ? "add " : "remove ") + word + (add ? " to" : " from") +
             " the parameters of the firmware's boot entry (efibootmgr --create ... --unicode), then reboot";
    case BootManager::files:
      break;
  }
  if (setup.place == ParameterPlace::grubby)
    return "grubby --update-kernel=ALL " + std::string(add ? "--args=" : "--remove-args=") +
           (words.size() == 1 ? word : "\"" + word + "\"") + ", then reboot";
  return "";
}

std::string place_of(const BootSetup& setup) {
  if (!setup.variable.empty()) return setup.variable + " in " + setup.parameters_file;
  if (!setup.parameters_file.empty()) return "the kernel's parameters in " + setup.parameters_file;
  return "the kernel's parameters";
}

}  // namespace

BootSetup boot_setup_of(const HostPaths& host) {
  BootSetup setup;
  setup.distribution = distribution_of(host);
  const auto cmdline = boot_text(host, "/proc/cmdline");
  const KernelParameters parameters(cmdline);
  find_owner(host, parameters, setup);
  BootedLoader booted;
  if (setup.manager == BootManager::files) {
    booted = booted_loader(host, setup.distribution, read_efi_variables(Sysfs(host)));
    use_loader(host, setup, booted);
  }
  find_initramfs(host, setup, booted_images(host, parameters, cmdline, booted));
  return setup;
}

std::string how_to_add(const BootSetup& setup, const std::string& word) {
  if (auto text = with_owner(setup, word, true); !text.empty()) return text;
  return "add " + word + " to " + place_of(setup) + then(setup);
}

std::string how_to_remove(const BootSetup& setup, const std::string& word) {
  if (auto text = with_owner(setup, word, false); !text.empty()) return text;
  return "remove " + word + " from " + place_of(setup) + then(setup);
}

}  // namespace vgpukit::system
