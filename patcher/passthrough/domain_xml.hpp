// The lines of a libvirt domain that give it a whole card, and putting them into a domain that is there
// (https://libvirt.org/formatdomain.html).
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
  std::optional<Version> guest_driver;  // NVIDIA's, in the guest; not given: the newest that knows the card
  std::string rom_file;                 // for <rom file=...>; empty: the card's own
};

// Whether the guest's driver refuses virtual machines: before 465 (GeForce cards in virtual machines were allowed
// then).
bool must_hide(const GuestRequest& request);

// A whole domain, with what the card needs in its places: accepted by virt-xml-validate, and by virsh define once it
// has a disk. Comments say what each line is for.
std::string guest_domain_xml(const GuestRequest& request);

struct EditedDomain {
  std::string text;
  std::vector<std::string> changes;  // one clause each; none: all was there
  std::vector<std::string> notes;    // what was left as it is, and why
};
// Puts the lines into the text of a domain's XML; everything else stays byte for byte. Error: usage for what is no
// domain.
Result<EditedDomain> edit_domain(const std::string& text, const std::string& file, const GuestRequest& request);

}  // namespace vgpukit::passthrough
