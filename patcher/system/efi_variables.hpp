// What the firmware and the boot loader left in EFI variables: which loader ran, and what it booted.
#pragma once

#include <string>

#include "support/sysfs.hpp"

namespace vgpukit::system {

// The Boot Loader Interface (https://systemd.io/BOOT_LOADER_INTERFACE) and the UEFI specification, 3.1.3 and 3.3. A
// variable that does not exist is empty.
struct EfiVariables {
  std::string loader_info;     // "systemd-boot 257.8", "GRUB 2.12", "Limine 9.3.0", "rEFInd 0.14.2"
  std::string entry_selected;  // "arch.conf", "arch-linux.efi": the entry of the loader's menu
  std::string stub_info;       // "systemd-stub 257.8": the kernel was started from a unified image
  std::string boot_name;       // of the firmware's entry that BootCurrent names: "Linux Boot Manager"
  std::string boot_path;       // the program of that entry: "\EFI\systemd\systemd-bootx64.efi"
  std::string problem;         // "/sys/firmware/efi/efivars/LoaderInfo-...: Permission denied"; empty: none
};
EfiVariables read_efi_variables(const Sysfs& sysfs);

}  // namespace vgpukit::system
