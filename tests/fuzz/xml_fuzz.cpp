// A domain's XML, as `vgpukit passthrough xml --apply` reads it.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "passthrough/domain_xml.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vgpukit::system::PciView pci;
  pci.devices.emplace_back();
  pci.devices.back().address = "0000:01:00.0";
  const vgpukit::passthrough::GuestRequest request{&pci, &pci.devices.back(), false, std::nullopt, ""};
  const auto edited =
      vgpukit::passthrough::edit_domain(std::string(reinterpret_cast<const char*>(data), size), "vm.xml", request);
  if (!edited) return 0;
  // What was written can be read again.
  if (!vgpukit::passthrough::edit_domain(edited->text, "vm.xml", request)) std::abort();
  return 0;
}
