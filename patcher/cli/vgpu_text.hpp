// How `vgpukit vgpu` prints types, lists and the result of apply, as text and JSON.
#pragma once

#include "cli/cli.hpp"
#include "system/nvidia_smi.hpp"
#include "vgpu/vgpu_apply.hpp"
#include "vgpu/vgpu_define.hpp"
#include "vgpu/vgpu_list.hpp"
#include "vgpu/vm_check.hpp"

namespace vgpukit::cli {

// `card`: only this one; empty: all.
std::string types_text(const Sysfs& sysfs, const vgpu::VgpuView& view, const system::NvidiaSmi& smi,
                       const std::string& card, const Style& style);
nlohmann::json types_json(const vgpu::VgpuView& view, const system::NvidiaSmi& smi, const std::string& card);
std::string rows_text(const std::vector<vgpu::VgpuRow>& rows, const Style& style);
nlohmann::json row_json(const vgpu::VgpuRow& row);
std::string applied_text(const vgpu::AppliedVgpus& applied, const Style& style);
nlohmann::json applied_json(const vgpu::AppliedVgpus& applied);
std::string machine_text(const vgpu::VmCheck& check, const Style& style);
nlohmann::json machine_json(const vgpu::VmCheck& check);
nlohmann::json step_json(const vgpu::VgpuStep& step);

}  // namespace vgpukit::cli
