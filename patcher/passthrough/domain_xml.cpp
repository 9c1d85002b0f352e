#include "passthrough/domain_xml.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <set>

#include "passthrough/xml_text.hpp"
#include "support/text.hpp"
#include "system/nvidia_chips.hpp"

namespace vgpukit::passthrough {

namespace {

// Up to 12 characters, and not the name of a known hypervisor: the driver checks it.
constexpr const char* vendor_name = "vgpukit-host";
constexpr const char* vendor_line = "<vendor_id state='on' value='vgpukit-host'/>\n";
constexpr const char* kvm_lines = "<kvm>\n  <hidden state='on'/>\n</kvm>\n";
constexpr const char* firmware_lines = "<firmware>\n  <feature enabled='no' name='secure-boot'/>\n</firmware>\n";

constexpr unsigned last_bus = 0xff, last_slot = 0x1f;

struct GuestSlot {
  unsigned bus = 5, slot = 0;
};

std::string hex(unsigned value) {
  char text[8];
  std::snprintf(text, sizeof text, "0x%02x", value);
  return text;
}

// The functions that a guest can use: all but bridges on the card (NVLink, PCIe switches).
std::vector<const system::PciDevice*> functions_of(const GuestRequest& request) {
  auto all = request.pci->functions_of(*request.card);
  std::erase_if(all, [](const system::PciDevice* each) { return each->is_bridge(); });
  return all;
}

std::string hostdev(const GuestRequest& request, const system::PciDevice& function, const GuestSlot& slot, bool first,
                    bool several) {
  // A function that vfio-pci has since the boot stays with it. libvirt binds and unbinds the others.
  const bool managed = function.driver != "vfio-pci";
  std::string text = "<hostdev mode='subsystem' type='pci' managed='" + std::string(managed ? "yes" : "no") +
                     "'>\n  <source>\n    " + libvirt_address(function.address) + "\n  </source>\n";
  if (!request.rom_file.empty() && &function == request.card)
    text += "  <rom file='" + xml_escaped(request.rom_file) + "'/>\n";
  text += "  <address type='pci' domain='0x0000' bus='" + hex(slot.bus) + "' slot='" + hex(slot.slot) +
          "' function='0x" + function.address.back() + "'" + (first && several ? " multifunction='on'" : "") +
          "/>\n</hostdev>\n";
  return text;
}

std::string hostdevs(const GuestRequest& request, const GuestSlot& slot,
                     const std::vector<const system::PciDevice*>& functions) {
  std::string text;
  for (const auto* each : functions)
    text += hostdev(request, *each, slot, each == functions.front(), functions.size() > 1);
  return text;
}

unsigned number(std::string_view text) {
  unsigned value = 0;
  const bool hexadecimal = text.starts_with("0x");
  if (hexadecimal) text.remove_prefix(2);
  std::from_chars(text.data(), text.data() + text.size(), value, hexadecimal ? 16 : 10);
  return value;
}

// Adds what the card needs to a domain's XML.
class DomainEditor {
 public:
  DomainEditor(XmlText xml, const GuestRequest& request) : xml_(std::move(xml)), request_(request) {}

  Result<EditedDomain> run(const std::string& file) {
    const auto& root = xml_.elements().front();
    if (root.name != "domain")
      return Error{ErrorKind::usage, "give the card to the domain in " + file,
                   "its root element is <" + root.name + ">, not <domain>",
                   "virsh dumpxml --inactive DOMAIN > FILE writes one"};
    devices_ = xml_.child(0, "devices");
    if (devices_ == XmlText::npos)
      return Error{ErrorKind::usage, "give the card to the domain in " + file, "it has no <devices>",
                   "virsh dumpxml --inactive DOMAIN > FILE writes a complete domain"};
    TRY(read_machine(file));
    TRY(add_card(file));
    if (must_hide(request_)) hide();
    if (!request_.windows) secure_boot();
    old_q35();
    edited_.text = xml_.result();
    return std::move(edited_);
  }

 private:
  // Error: usage for a machine without a PCI bus, or one that vgpukit does not know.
  Status read_machine(const std::string& file) {
    const auto tried = "give the card to the domain in " + file;
    const auto type = xml_.attribute(0, "type");
    if (type != "kvm" && type != "qemu")
      return Error{ErrorKind::usage, tried, "it is a domain of type '" + type + "', not of QEMU",
                   "only domains of type kvm (and qemu) can get a PCI device with vfio"};
    if (const auto os = xml_.child(0, "os"); os != XmlText::npos)
      if (const auto kind = xml_.child(os, "type"); kind != XmlText::npos) {
        machine_ = xml_.attribute(kind, "machine");
        arch_ = xml_.attribute(kind, "arch");
      }
    for (const auto* none : {"microvm", "isapc", "none"})
      if (machine_ == none)
        return Error{ErrorKind::usage, tried, "its machine type " + machine_ + " has no PCI bus",
                     "change machine= to q35; the guest may have to be installed again"};
    if (!x86() && !(contains(" aarch64 riscv64 loongarch64 ", " " + arch_ + " ") && machine_.starts_with("virt")))
      return Error{ErrorKind::usage, tried,
                   "it is a guest for " + arch_ + " on machine type '" + machine_ +
                       "', for which vgpukit knows no place for the card",
                   "add a <hostdev> with virsh attach-device, which lets libvirt choose the place"};
    return {};
  }

  [[nodiscard]] bool x86() const { return arch_.empty() || arch_ == "x86_64" || arch_ == "i686"; }

  // The functions of the card without a <hostdev>.
  std::vector<const system::PciDevice*> missing() {
    std::set<std::string> present;
    for (const auto hostdev : xml_.children(devices_, "hostdev"))
      if (const auto source = xml_.child(hostdev, "source"); source != XmlText::npos)
        if (const auto address = xml_.child(source, "address"); address != XmlText::npos)
          present.insert(PciAddress{number(xml_.attribute(address, "domain")), number(xml_.attribute(address, "bus")),
                                    number(xml_.attribute(address, "slot")),
                                    number(xml_.attribute(address, "function"))}
                             .text());
    auto functions = functions_of(request_);
    const auto all = functions.size();
    std::erase_if(functions, [&](const system::PciDevice* each) { return present.contains(each->address); });
    if (!functions.empty() && functions.size() != all)
      edited_.notes.push_back(
          "the domain already has some functions of the card: the added ones are in another slot, so the guest sees "
          "two "
          "devices; remove the old <hostdev> elements and run this again to get one");
    return functions;
  }

  // A free bus (PCI Express: libvirt adds its root port), or a free slot of bus 0 or of a PCI bridge. Error: usage if
  // there is none.
  Result<GuestSlot> free_slot(const std::string& file) {
    std::set<unsigned> buses = {0}, bridges;
    std::map<unsigned, std::set<unsigned>> slots = {{0, {0, 1, 2}}};  // the host bridge, the chipset, and the graphics
    for (std::size_t i = 1; i < xml_.elements().size(); ++i) {
      const auto& element = xml_.elements()[i];
      if (!xml_.is_below(i, "devices") || xml_.attribute(i, "type") != "pci") continue;
      // The address in <source> is the host's.
      if (element.name == "address" && !xml_.is_below(i, "source") && xml_.has_attribute(i, "bus")) {
        buses.insert(number(xml_.attribute(i, "bus")));
        slots[number(xml_.attribute(i, "bus"))].insert(number(xml_.attribute(i, "slot")));
      }
      if (element.name != "controller") continue;
      buses.insert(number(xml_.attribute(i, "index")));
      if (xml_.attribute(i, "model") == "pci-bridge") bridges.insert(number(xml_.attribute(i, "index")));
    }
    if (express()) {
      unsigned bus = *buses.rbegin() + 1;
      if (bus > last_bus) bus = 1;
      while (bus <= last_bus && buses.contains(bus)) ++bus;
      if (bus <= last_bus) return GuestSlot{bus, 0};
    } else {
      bridges.insert(0);
      for (const auto bus : bridges)
        for (unsigned slot = 1; slot <= last_slot; ++slot)
          if (!slots[bus].contains(slot)) return GuestSlot{bus, slot};
    }
    return Error{ErrorKind::usage, "give the card to the domain in " + file,
                 express() ? "the guest has no free PCI bus" : "the guest has no free PCI slot",
                 "remove controllers or devices that it does not need"};
  }

  [[nodiscard]] bool express() const { return contains(machine_, "q35") || !x86(); }

  Status add_card(const std::string& file) {
    const auto functions = missing();
    if (functions.empty()) return {};
    TRY_ASSIGN(const auto slot, free_slot(file));
    if (!express())
      edited_.notes.push_back("the machine type is " + (machine_.empty() ? "libvirt's default" : machine_) +
                              ", which has no PCI Express: the card's driver may get no MSI and too few addresses; q35 "
                              "has it, but the guest may have to be installed again for q35");
    xml_.add_inside(devices_, hostdevs(request_, slot, functions));
    const auto names = join(functions, ", ", [](const auto* each) { return each->address; });
    edited_.changes.push_back("<hostdev> for " + names + " at bus " + hex(slot.bus) + ", slot " + hex(slot.slot) +
                              " of the guest");
    return {};
  }

  std::size_t features() { return xml_.child(0, "features"); }

  // Adds lines to <features>, or adds <features> with them. Must be called once: a second call would not see the
  // element that the first one adds.
  void add_features(const std::string& lines) {
    if (features() == XmlText::npos)
      xml_.add_inside(0, "<features>\n" + indented(lines, "  ") + "</features>\n");
    else
      xml_.add_inside(features(), lines);
  }

  void hide() {
    const auto in = features();
    const auto kvm = in == XmlText::npos ? in : xml_.child(in, "kvm");
    const auto hyperv = in == XmlText::npos ? in : xml_.child(in, "hyperv");
    std::string lines;
    if (kvm == XmlText::npos) {
      lines += kvm_lines;
      edited_.changes.emplace_back("<kvm><hidden state='on'/></kvm>");
    } else if (const auto hidden = xml_.child(kvm, "hidden"); hidden == XmlText::npos) {
      xml_.add_inside(kvm, "<hidden state='on'/>\n");
      edited_.changes.emplace_back("<hidden state='on'/> in <kvm>");
    } else if (xml_.attribute(hidden, "state") != "on") {
      xml_.set_attribute(hidden, "state", "on");
      edited_.changes.emplace_back("<hidden state='on'/> in <kvm>");
    }
    if (!x86()) {
      // Hyper-V's interface exists only on x86.
    } else if (hyperv != XmlText::npos && xml_.attribute(hyperv, "mode") == "passthrough") {
      edited_.notes.emplace_back(
          "<hyperv mode='passthrough'> allows no <vendor_id>: a driver before 465 can still see that it is in a "
          "virtual "
          "machine; list the features that you need with mode='custom', then run this again");
    } else if (hyperv == XmlText::npos) {
      lines += "<hyperv>\n  " + std::string(vendor_line) + "</hyperv>\n";
      edited_.changes.emplace_back("<vendor_id> in <hyperv>");
    } else if (const auto vendor = xml_.child(hyperv, "vendor_id"); vendor == XmlText::npos) {
      xml_.add_inside(hyperv, vendor_line);
      edited_.changes.emplace_back("<vendor_id> in <hyperv>");
    } else if (xml_.attribute(vendor, "state") != "on") {
      if (xml_.attribute(vendor, "value").empty()) xml_.set_attribute(vendor, "value", vendor_name);
      xml_.set_attribute(vendor, "state", "on");
      edited_.changes.emplace_back("<vendor_id state='on'> in <hyperv>");
    }
    if (!lines.empty()) add_features(lines);
  }

  void secure_boot() {
    const auto os = xml_.child(0, "os");
    if (os == XmlText::npos) return;
    const auto loader = xml_.child(os, "loader");
    // With Secure Boot off, firmware of this kind cannot be found any more: the domain would not start.
    if (loader != XmlText::npos && (xml_.attribute(loader, "secure") == "yes" || !xml_.content(loader).empty())) {
      if (xml_.attribute(loader, "secure") == "yes")
        edited_.notes.emplace_back(
            "the guest's firmware has Secure Boot (<loader secure='yes'>): sign the driver's modules in the guest, or "
            "choose other firmware");
      return;
    }
    if (xml_.attribute(os, "firmware") != "efi") {
      if (loader == XmlText::npos && x86())
        edited_.notes.emplace_back(
            "the guest boots with SeaBIOS: cards with much memory need UEFI (<os firmware='efi'>), but an installed "
            "system then does not boot any more");
      return;
    }
    const std::string change = "Secure Boot off in <os><firmware>; virsh start DOMAIN --reset-nvram once";
    const auto firmware = xml_.child(os, "firmware");
    if (firmware == XmlText::npos) {
      xml_.add_inside(os, firmware_lines);
      edited_.changes.push_back(change);
      return;
    }
    bool found = false, changed = false;
    for (const auto feature : xml_.children(firmware, "feature")) {
      const auto name = xml_.attribute(feature, "name");
      // Keys of Secure Boot without Secure Boot are refused by libvirt.
      if (name != "secure-boot" && name != "enrolled-keys") continue;
      found = found || name == "secure-boot";
      if (xml_.attribute(feature, "enabled") == "no") continue;
      xml_.set_attribute(feature, "enabled", "no");
      changed = true;
    }
    if (!found) xml_.add_inside(firmware, "<feature enabled='no' name='secure-boot'/>\n");
    if (!found || changed) edited_.changes.push_back(change);
  }

  void old_q35() {
    // In QEMU 4.0 q35 has a split interrupt controller, with which the audio of cards is silent. 4.0.1 reverted that.
    if (machine_ != "pc-q35-4.0") return;
    edited_.notes.emplace_back(
        "pc-q35-4.0 splits the interrupt controller, and audio of cards stays silent: change machine= to pc-q35-4.0.1 "
        "or newer, or to pc-q35-3.1, or add <ioapic driver='kvm'/> to <features>");
  }

  XmlText xml_;
  const GuestRequest& request_;
  EditedDomain edited_;
  std::size_t devices_ = 0;
  std::string machine_, arch_;
};

}  // namespace

bool must_hide(const GuestRequest& request) {
  const auto allowed = *Version::parse("465");
  if (request.guest_driver) return *request.guest_driver < allowed;
  const auto chip = request.card->is_nvidia() ? system::chip_of(request.card->device) : std::nullopt;
  return chip && chip->last_branch != 0 && chip->last_branch < 465;
}

std::string guest_domain_xml(const GuestRequest& request) {
  const bool hide = must_hide(request);
  std::string xml =
      "<domain type='kvm'>\n"
      "  <!-- A domain with the card. To add the card to a domain of yours: vgpukit passthrough xml CARD with the "
      "option "
      "apply. -->\n"
      "  <name>with-card</name>\n"
      "  <memory unit='GiB'>8</memory>\n"
      "  <vcpu>4</vcpu>\n";
  // Cards need PCI Express, which q35 has. libvirt adds the root ports.
  xml += "  <os firmware='efi'>\n    <type arch='x86_64' machine='q35'>hvm</type>\n";
  if (!request.windows)
    xml +=
        "    <!-- Drivers that are built in the guest are not signed. For an existing domain: virsh start DOMAIN with "
        "reset-nvram, once. -->\n" +
        indented(firmware_lines, "    ");
  xml += "  </os>\n  <features>\n    <acpi/>\n";
  if (hide) {
    xml +=
        "    <!-- The driver is older than 465 and refuses virtual machines (error 43), so this is hidden from it. "
        "-->\n";
    xml += indented(kvm_lines, "    ");
  }
  if (hide || request.windows) {
    xml += "    <hyperv>\n";
    if (request.windows)
      xml += "      <relaxed state='on'/>\n      <vapic state='on'/>\n      <spinlocks state='on' retries='8191'/>\n";
    if (hide) xml += "      " + std::string(vendor_line);
    xml += "    </hyperv>\n";
  }
  xml += "  </features>\n  <cpu mode='host-passthrough'/>\n  <devices>\n";
  if (request.card->boot_vga.value_or(false) && request.rom_file.empty())
    xml +=
        "    <!-- The host booted on this card, so its ROM may be shadowed. If the guest shows nothing: vgpukit "
        "passthrough rom. -->\n";
  xml += indented(hostdevs(request, GuestSlot{}, functions_of(request)), "    ");
  return xml + "  </devices>\n</domain>\n";
}

Result<EditedDomain> edit_domain(const std::string& text, const std::string& file, const GuestRequest& request) {
  TRY_ASSIGN(auto xml, XmlText::parse(text, file));
  return DomainEditor(std::move(xml), request).run(file);
}

}  // namespace vgpukit::passthrough
