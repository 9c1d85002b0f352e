// The lines of a libvirt domain that pass a whole card through (https://libvirt.org/formatdomain.html): as a new
// domain, or added to an existing one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support/version.hpp"
#include "system/pci.hpp"

namespace vgpukit::passthrough {

struct GuestRequest {
  const system::PciView* pci = nullptr;
  const system::PciDevice* card = nullptr;
  bool windows = false;
  std::optional<Version> guest_driver;  // NVIDIA's driver in the guest; nothing: the newest that supports the card
  std::string rom_file;                 // for <rom file=...>; empty: the card's own ROM
};

// Whether the guest must not see that it is a virtual machine: NVIDIA's drivers before 465 refuse GeForce cards there.
bool must_hide(const GuestRequest& request);

// A complete domain with the card. virt-xml-validate accepts it; for virsh define it still needs a disk. Comments in
// the XML explain the lines.
std::string guest_domain_xml(const GuestRequest& request);

struct EditedDomain {
  std::string text;
  std::vector<std::string> changes;  // one clause each; empty: nothing was missing
  std::vector<std::string> notes;    // what the user should know or change
};
// Adds the lines to a domain's XML; everything else stays byte for byte. Error: usage if the text is not a domain.
Result<EditedDomain> edit_domain(const std::string& text, const std::string& file, const GuestRequest& request);

}  // namespace vgpukit::passthrough
