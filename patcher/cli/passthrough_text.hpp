// How `vgpukit passthrough` prints IOMMU groups and ROMs, as text and JSON.
#pragma once

#include "cli/cli.hpp"
#include "passthrough/rom.hpp"
#include "system/iommu_groups.hpp"

namespace vgpukit::cli {

std::string groups_text(const Sysfs& sysfs, const system::PciView& pci, const std::vector<system::IommuGroup>& groups,
                        const Style& style);
nlohmann::json groups_json(const Sysfs& sysfs, const system::PciView& pci,
                           const std::vector<system::IommuGroup>& groups);
std::string rom_text(const passthrough::Rom& rom, std::size_t bytes, const std::vector<std::string>& problems,
                     const Style& style);
nlohmann::json rom_json(const passthrough::Rom& rom, std::size_t bytes, const std::vector<std::string>& problems);

}  // namespace vgpukit::cli
