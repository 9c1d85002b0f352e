// Lines of the kernel log after which a card does not work, and what each of them means.
#include <algorithm>
#include <charconv>

#include "doctor/checks.hpp"
#include "support/text.hpp"

namespace vgpukit::doctor::check {

namespace {

// Where the lines come from: drivers/pci/pci.c and setup-res.c, drivers/pci/pcie/aer.c, kernel-open/nvidia/nv-pci.c and
// src/nvidia of the open kernel modules, and NVIDIA's list of Xid errors (docs.nvidia.com/deploy/xid-errors).
struct Pattern {
  const char* text;   // part of the line
  const char* other;  // another part of it; empty: none
  const char* what;
  const char* why;
  const char* next;
};

constexpr const char* power_off =
    "shut the host down, cut its power for some seconds, and start it again; if it happens again: check the power "
    "cables, the slot or riser, and the temperature";
constexpr const char* d3cold_next =
    "keep the card out of D3cold: options vfio-pci disable_idle_d3=1 in /etc/modprobe.d (then rebuild the initramfs), "
    "or "
    "at each boot: echo 0 > /sys/bus/pci/devices/CARD/d3cold_allowed; the card comes back when the host is powered off "
    "and on";
constexpr const char* bar_next =
    "in the firmware's setup switch on Above 4G Decoding (and Resizable BAR, if it is there), and boot by UEFI; if "
    "that is "
    "on already: add pci=realloc to the kernel's parameters";
constexpr const char* gsp_next =
    "look whether the driver's firmware is there (/lib/firmware/nvidia/VERSION/gsp_*.bin, of the loaded driver's "
    "version); power the host off and on; a driver with proprietary modules can do without: options nvidia "
    "NVreg_EnableGpuFirmware=0";

constexpr Pattern patterns[] = {
    {"D3cold to D0", "inaccessible", "the card does not come back from the power state D3cold",
     "no driver and no guest can use it until the next power cycle", d3cold_next},
    {"change power state from", "inaccessible", "the card does not come back from a low power state",
     "no driver and no guest can use it until the next power cycle", d3cold_next},
    {"efused to change power state", "", "the card does not come back from a low power state",
     "no driver and no guest can use it until the next power cycle", d3cold_next},
    {"allen off the bus", "", "the card has fallen off the bus",
     "it no longer answers on PCI Express: power, heat, a bad contact, or a defect", power_off},
    {"region assigned to your NVIDIA device is invalid", "", "the firmware gave the card's memory no valid address",
     "NVIDIA's driver does not start such a card", bar_next},
    {"request_mem_region failed", "NVRM", "another driver or the firmware's framebuffer holds the card's registers",
     "NVIDIA's driver does not start the card",
     "find the holder in /proc/iomem; blacklist nouveau, nova_core and other drivers of the card"},
    {"Failed to re-allocate BAR1", "", "the card's memory lost its address when it was resized",
     "NVIDIA's driver does not start the card", bar_next},
    {"giving up", "not ready", "the card did not come back after a reset", "it stays unusable until a power cycle",
     power_off},
    {"PCIe Bus Error: severity=Uncorrect", "Fatal", "a fatal PCI Express error", "the link to the card failed",
     power_off},
    {"GSP", "NVRM: RmInitAdapter: Cannot initialize", "the card's firmware (GSP) did not start",
     "NVIDIA's driver cannot use the card", gsp_next},
    {"unexpected WPR2 already up", "", "the card's firmware (GSP) still runs from before",
     "the card was not reset, so NVIDIA's driver cannot start it",
     "power the host off and on; in a guest: the host has to reset the card (vgpukit doctor there, card.reset)"},
    {"failed to load firmware", "gsp", "the card's firmware (GSP) cannot be loaded",
     "NVIDIA's driver cannot use the card", gsp_next},
    {"irmware load for nvidia", "failed", "the card's firmware cannot be loaded", "NVIDIA's driver cannot use the card",
     gsp_next},
    {"Timeout", "GSP", "the card's firmware (GSP) does not answer", "NVIDIA's driver cannot use the card", gsp_next},
    {"imeout waiting for", "from GSP", "the card's firmware (GSP) does not answer",
     "NVIDIA's driver cannot use the card", gsp_next},
    {"RmInitAdapter failed", "", "NVIDIA's driver could not start the card",
     "nvidia-smi does not show it (No devices were found)",
     "read the NVRM lines before it in the log; power the host off and on; check that the driver's branch supports the "
     "card (card.branch)"},
    {"nvidia: probe of", "failed with error", "NVIDIA's driver refused the card", "it has no driver now",
     "read the NVRM lines before it in the log; check that the driver's branch supports the card (card.branch)"},
    {"probe with driver nvidia failed", "", "NVIDIA's driver refused the card", "it has no driver now",
     "read the NVRM lines before it in the log; check that the driver's branch supports the card (card.branch)"},
    {"vfio-pci", "can't reserve [mem", "another driver or the firmware's framebuffer holds the card's memory",
     "a guest with the card does not start, or its driver does not",
     "find the holder in /proc/iomem; display.framebuffer names the parameter for the framebuffer"},
    {"NVRM: API mismatch", "", "programs and module are of different driver versions",
     "nvidia-smi and the vGPU services cannot talk to the module",
     "reboot, or vgpukit reload, so that the module of the installed version is loaded; vgpukit status shows both"},
    {"not enough MMIO resources for SR-IOV", "", "there is no address space for the card's virtual functions",
     "no vGPU can be made on it", bar_next},
    {"SR-IOV: bus number out of range", "", "there are not enough bus numbers for the card's virtual functions",
     "no vGPU can be made on it",
     "switch on ARI (and SR-IOV) in the firmware's setup; otherwise add pci=assign-busses to the kernel's parameters"},
};

struct Xid {
  unsigned number;
  const char* what;
  const char* next;
};
// Those after which the card does not work until it is reset. Others are faults of one program.
constexpr Xid xids[] = {
    {48, "a double bit error in the card's memory (ECC)",
     "reset the card (nvidia-smi --gpu-reset) or reboot; replace it if it returns"},
    {62, "the card's power management unit stopped", power_off},
    {64, "a bad page of the card's memory could not be retired", "reset the card or reboot; replace it if it returns"},
    {74, "an NVLink failed", "check the NVLink bridge; reset the card or reboot"},
    {79, "the card has fallen off the bus", power_off},
    {95, "an uncontained memory error (ECC)",
     "reset the card (nvidia-smi --gpu-reset) or reboot; replace it if it returns"},
    {109, "the card hung at a context switch", "reset the card or reboot"},
    {119, "the card's firmware (GSP) does not answer", gsp_next},
    {120, "the card's firmware (GSP) failed", gsp_next},
    {136, "the link training of an NVLink failed", "check the NVLink bridge; reset the card or reboot"},
    {140, "an unrecovered memory error (ECC)", "reset the card or reboot; replace it if it returns"},
    {143, "the card did not start", power_off},
    {154, "the card needs a reset", "reset the card (nvidia-smi --gpu-reset) or reboot"},
};

// The address in a line: "0000:01:00.0", or "PCI:0000:01:00" without a function. Empty if it has none.
std::string address_in(std::string_view line) {
  for (const auto word : words_of(line, " \t,;()[]")) {
    auto text = word;
    if (text.starts_with("PCI:")) text.remove_prefix(4);
    while (!text.empty() && (text.back() == ':' || text.back() == '.')) text.remove_suffix(1);
    if (std::count(text.begin(), text.end(), ':') != 2) continue;
    if (const auto address = pci_address(text)) return *address;
    if (const auto address = pci_address(std::string(text) + ".0")) return *address;
  }
  return "";
}

// "NVRM: GSP RM heartbeat timed out", "NVRM: _kgspBootGspRm: (the GPU is likely in a bad state and may need to be
// reset)".
bool is_gsp_failure(std::string_view line) {
  if (!contains(line, "NVRM") || (!contains(line, "GSP") && !contains(line, "gsp"))) return false;
  if (contains(line, "nvAssert") || contains(line, "nvCheck")) return false;  // also at a regular end
  for (const auto* word : {"ail", "rror", "imeout", "imed out", "annot", "bad state", "crash"})
    if (contains(line, word)) return true;
  return false;
}

// The Xid of "NVRM: Xid (PCI:0000:01:00): 79, pid=...", if it is one of the list.
const Xid* xid_of(std::string_view line) {
  const auto at = line.find("NVRM: Xid (");
  if (at == std::string_view::npos) return nullptr;
  const auto end = line.find("): ", at);
  if (end == std::string_view::npos) return nullptr;
  unsigned number = 0;
  std::from_chars(line.data() + end + 3, line.data() + line.size(), number);
  const auto found =
      std::find_if(std::begin(xids), std::end(xids), [&](const Xid& each) { return each.number == number; });
  return found == std::end(xids) ? nullptr : found;
}

class LogSearch {
 public:
  explicit LogSearch(const HostView& view) : view_(view), cards_(view.pci.nvidia_cards()) {}

  Findings run() {
    const auto& lines = view_.log.lines;
    for (std::size_t at = 0; at < lines.size(); ++at) {
      if (const auto* xid = xid_of(lines[at])) {
        add(at, "Xid " + std::to_string(xid->number) + ": " + xid->what,
            "NVIDIA's driver has lost the card or its work", xid->next);
        continue;
      }
      const auto found = std::find_if(std::begin(patterns), std::end(patterns), [&](const Pattern& each) {
        return contains(lines[at], each.text) && contains(lines[at], each.other);
      });
      if (found != std::end(patterns))
        add(at, found->what, found->why, found->next);
      else if (is_gsp_failure(lines[at]))
        add(at, "the card's firmware (GSP) failed", "NVIDIA's driver cannot use the card", gsp_next);
      else
        unassigned_memory(at);
    }
    for (std::size_t i = 0; i < findings_.size(); ++i)
      if (more_[i] > 0) findings_[i].evidence.front().value += " (and " + std::to_string(more_[i]) + " more)";
    return std::move(findings_);
  }

 private:
  // The device that the line names. The driver splits some messages into lines: then one of the lines around it.
  [[nodiscard]] std::string device_of(std::size_t at) const {
    const auto& lines = view_.log.lines;
    auto address = address_in(lines[at]);
    if (!contains(lines[at], "NVRM")) return address;
    for (std::size_t step = 1; address.empty() && step <= 2; ++step) {
      if (at >= step && contains(lines[at - step], "NVRM")) address = address_in(lines[at - step]);
      if (address.empty() && at + step < lines.size() && contains(lines[at + step], "NVRM"))
        address = address_in(lines[at + step]);
    }
    return address;
  }

  // The card that has this function or is behind this bridge. Null if the device is no NVIDIA card.
  [[nodiscard]] const system::PciDevice* card_of(const std::string& address) const {
    const auto slot = address.substr(0, address.rfind('.'));
    for (const auto* card : cards_) {
      if (card->slot() == slot) return card;
      for (const auto* each = card; each && !each->bridge.empty(); each = view_.pci.find(each->bridge))
        if (each->bridge == address) return card;
    }
    return nullptr;
  }

  void add(std::size_t at, const std::string& what, const std::string& why, std::string next) {
    const auto& line = view_.log.lines[at];
    auto subject = device_of(at);
    if (const auto* card = card_of(subject))
      subject = card->address;
    else if (!contains(line, "NVRM"))
      return;  // of another device
    else if (subject.empty() && cards_.size() == 1)
      subject = cards_.front()->address;
    for (auto place = next.find("CARD"); place != std::string::npos; place = next.find("CARD"))
      next.replace(place, 4, subject.empty() ? "ADDRESS" : subject);
    const auto same = std::find_if(findings_.begin(), findings_.end(),
                                   [&](const Finding& each) { return each.subject == subject && each.what == what; });
    if (same != findings_.end()) {
      ++more_[static_cast<std::size_t>(same - findings_.begin())];
      return;
    }
    findings_.push_back({.subject = subject,
                         .state = State::fail,
                         .what = what,
                         .evidence = {{view_.log.source, line}},
                         .why = why,
                         .next = std::move(next)});
    more_.push_back(0);
  }

  // "pci 0000:01:00.0: BAR 1 [mem size 0x10000000 64bit pref]: can't assign; no space", unless a later line assigns it.
  // 7 to 12 are the memory of the virtual functions. The ROM (6) and input/output ports are not needed.
  void unassigned_memory(std::size_t at) {
    const auto& line = view_.log.lines[at];
    if (!contains(line, "BAR ") || !contains(line, "[mem ")) return;
    if (!contains(line, "no space") && !contains(line, "failed to assign") && !contains(line, "can't assign")) return;
    const auto begin = line.find("BAR ");
    const auto name = line.substr(begin, line.find_first_of(":[", begin) - begin);  // "BAR 1", "VF BAR 0"
    unsigned number = 0;
    std::from_chars(line.data() + begin + 4, line.data() + line.size(), number);
    const bool virtual_functions = number >= 7 || contains(line, "VF BAR");
    if (number == 6 && !virtual_functions) return;
    const auto address = address_in(line);
    for (auto later = at + 1; later < view_.log.lines.size(); ++later) {
      const auto& next = view_.log.lines[later];
      if (contains(next, address) && contains(next, std::string(trimmed(name))) && contains(next, "assigned") &&
          !contains(next, "failed"))
        return;
    }
    if (virtual_functions)
      add(at, "there is no address space for the memory of the card's virtual functions", "no vGPU can be made on it",
          bar_next);
    else
      add(at, "the kernel found no address space for the card's memory", "no driver and no guest can use the card",
          bar_next);
  }

  const HostView& view_;
  std::vector<const system::PciDevice*> cards_;
  Findings findings_;
  std::vector<unsigned> more_;  // how many more lines each finding has
};

}  // namespace

Findings card_log(const CheckInput& input) {
  return LogSearch(input.view).run();
}

}  // namespace vgpukit::doctor::check
