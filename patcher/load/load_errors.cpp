#include "load/load_errors.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace vgpukit::load {

namespace {

constexpr const char* rebuild = "build it for the running kernel: vgpukit build DRIVER --kernel running";

// A message of the kernel (kernel/module/main.c and signing.c, unless another file is named) and its meaning. In `why`,
// % is replaced by the word after `sign`.
struct Reading {
  std::string_view sign;
  std::string_view why;
  std::string_view next;
};

constexpr Reading readings[] = {
    {"failing symbol_get of non-GPLONLY symbol ",
     "it asks for % with symbol_get(), and this kernel gives it only what is exported GPL-only",
     "vgpukit build DRIVER --kernel running --accept gpl-export makes modules that load; docs/boundaries.md tells what "
     "that means"},
    {"disagrees about version of symbol ", "it was built for another build of this kernel: its % is not this kernel's",
     "install the headers of the running kernel, then build it again: vgpukit build DRIVER --kernel running"},
    {"no symbol version for ",
     "it was built without the checksums of the kernel's symbols (Module.symvers): % has none", rebuild},
    {"version magic ", "it was built for another kernel: its version magic is not this kernel's", rebuild},
    {"but does not import it", "it uses a symbol of a namespace that it does not import",
     "vgpukit verify FILE.ko --kernel running names it; vgpukit build applies the recipe for it"},
    {"from proprietary module ",
     "it uses GPL-only symbols and those of the proprietary module %, which the kernel does not allow",
     "vgpukit verify FILE.ko --kernel running names them"},
    {"exports duplicate symbol ", "another module exports % already", "unload the other driver first: vgpukit unload"},
    {"Unknown symbol ", "neither the kernel nor a loaded module gives it %",
     "vgpukit verify FILE.ko --kernel running tells who has it, and whether it became GPL-only"},
    {"is blacklisted", "the kernel's command line forbids it (module_blacklist=)", "remove it there, and reboot"},
    {"unsigned module loading is restricted",
     "the kernel is locked down (Secure Boot) and the module is not signed with a key that it trusts",
     "sign it with an enrolled key (mokutil --import), or switch Secure Boot off"},
    {"is rejected", "the kernel takes only modules that are signed with a key that it trusts",
     "sign it with an enrolled key (mokutil --import), or switch Secure Boot off"},
    {"section size must match the kernel's built struct module size",
     "it was built for a kernel that was configured otherwise", rebuild},
    // NVIDIA's own: nvidia/nv-pci.c and nv.c of the public 525 and later
    {"requires use of the NVIDIA open kernel modules", "the card needs NVIDIA's open kernel modules",
     "take a driver package that has kernel-open/"},
    {"driver release. ", "this driver does not know the card (any more)",
     "take the branch that supports it; NVIDIA's release notes name the cards"},
};

std::string up_to_blank(std::string_view text) {
  auto word = text.substr(0, text.find_first_of(" \t"));
  while (!word.empty() && (word.back() == '.' || word.back() == ',')) word.remove_suffix(1);
  return std::string(word);
}

std::string filled(std::string_view sentence, const std::string& word) {
  std::string text(sentence);
  if (const auto at = text.find('%'); at != std::string::npos) text.replace(at, 1, word);
  return text;
}

// The meaning of the errno alone.
Error from_errno(std::string tried, int error) {
  const auto because = [&](std::string why, std::string next) {
    return Error{ErrorKind::failed, std::move(tried), std::move(why) + " (" + std::strerror(error) + ")",
                 std::move(next)};
  };
  switch (error) {
    case ENODEV:
    case ENXIO:
      return because(
          "it found no card that it can drive",
          "lspci -nnk -d 10de: shows NVIDIA's cards and who has them, vgpukit doctor what is wrong with them");
    case ENOEXEC:
      return because("it is no module for this kernel", rebuild);
    case EKEYREJECTED:
    case ENOKEY:
    case EBADMSG:
      return because("the kernel takes only modules that are signed with a key that it trusts",
                     "sign it with an enrolled key (mokutil --import), or switch Secure Boot off");
    case ENOENT:
      return because("it, or something that it needs, is not there", "depmod, then vgpukit load again");
    case EPERM:
      return because("the kernel does not allow it", "is the kernel locked down, or kernel.modules_disabled set?");
    case EINVAL:
      return because("its start failed, or it does not know one of its parameters", "dmesg may tell more");
    case ENOMEM:
      return because("the kernel has no memory for it", "");
    default:
      return because("its start failed", "dmesg may tell more");
  }
}

}  // namespace

std::vector<OccupiedCard> occupied_cards(const Sysfs& sysfs) {
  std::vector<OccupiedCard> cards;
  for (const auto& address : sysfs.list("/sys/bus/pci/devices")) {
    const auto folder = "/sys/bus/pci/devices/" + address;
    // PCI's base class 3: display controllers, so no audio or USB function of the same card.
    if (sysfs.read(folder + "/vendor").text != "0x10de" || !sysfs.read(folder + "/class").text.starts_with("0x03"))
      continue;
    const auto driver = sysfs.link_name(folder + "/driver");
    if (!driver.empty() && driver != "nvidia") cards.push_back({address, driver});
  }
  std::sort(cards.begin(), cards.end(),
            [](const OccupiedCard& a, const OccupiedCard& b) { return ByAddress()(a.address, b.address); });
  return cards;
}

std::string free_card_hint(const OccupiedCard& card) {
  if (card.driver == "vfio-pci")
    return "it is reserved for passthrough; if the driver must have it: vgpukit passthrough unbind " + card.address;
  if (card.driver == "pci-stub")
    return "it is reserved for a guest: remove it from the ids= or driver_override of pci-stub if the driver must have "
           "it";
  // From 6.15 on nova_core binds to cards, too.
  return "blacklist nouveau, nova_core and nova_drm in /etc/modprobe.d, update the initramfs, reboot";
}

Error explain_load(const std::string& module, int error, const std::vector<system::KernelMessage>& messages,
                   const std::vector<OccupiedCard>& occupied) {
  const auto tried = "load the module " + module;
  // The order of the table decides, because the first message is often a consequence of a later one.
  for (const auto& reading : readings)
    for (const auto& message : messages) {
      const auto at = message.text.find(reading.sign);
      if (at == std::string::npos) continue;
      const auto word = up_to_blank(std::string_view(message.text).substr(at + reading.sign.size()));
      return {ErrorKind::failed, tried, filled(reading.why, word), std::string(reading.next)};
    }
  if ((error == ENODEV || error == ENXIO) && !occupied.empty())
    return {ErrorKind::failed, tried,
            "the driver " + occupied.front().driver + " has the card " + occupied.front().address,
            free_card_hint(occupied.front())};
  return from_errno(tried, error);
}

}  // namespace vgpukit::load
