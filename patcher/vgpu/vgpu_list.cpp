#include "vgpu/vgpu_list.hpp"

#include <algorithm>
#include <map>

#include "support/number.hpp"
#include "support/text.hpp"

namespace vgpukit::vgpu {

Vgpu defined_device(const VgpuView& view, const VgpuDefinition& each) {
  Vgpu device;
  device.name = each.name;
  device.interface = pci_address(each.name) ? VgpuInterface::vendor_vfio : VgpuInterface::mdev;
  device.card = each.card;
  device.parent = each.from_mdevctl ? each.card : "";
  device.type = each.type;
  if (pci_address(each.name)) device.parent = each.name;
  const auto place = find_place(view, each.card);
  if (!place) return device;
  const auto& card = *view.card(place->card);
  device.card = place->card;
  if (!place->parent.empty()) device.parent = place->parent;
  // A card without virtual functions is the parent of all its vGPUs.
  if (device.parent.empty() && view.parent(card.address)) device.parent = card.address;
  if (card.interface == VgpuInterface::vendor_vfio && each.counted) {
    device.interface = VgpuInterface::vendor_vfio;
    device.name.clear();
  }
  if (const auto type = find_type(card, each.type)) {
    device.type = (*type)->id;
    device.type_name = (*type)->name;
  }
  return device;
}

VgpuSettings read_settings(const Sysfs& sysfs, const Vgpu& device) {
  const auto folder = device_folder(device.interface, device.name) + "nvidia/";
  VgpuSettings settings;
  if (!sysfs.exists(folder)) return settings;
  settings.params = params_in(sysfs.read(folder + "vgpu_params").text);
  // Before the driver has decided them, they are an error (ENXIO), or words ("Not Applicable").
  const auto number = [&](const char* name) {
    const auto text = sysfs.read(folder + name).text;
    return number_in<unsigned>(text) ? text : "";
  };
  settings.placement = number("placement_id");
  settings.gpu_instance = number("gpu_instance_id");
  return settings;
}

std::vector<VgpuRow> list_vgpus(const Sysfs& sysfs, const VgpuView& view,
                                const std::vector<VgpuDefinition>& definitions) {
  std::vector<VgpuRow> rows;
  auto users = vgpu_users(sysfs, view.devices);
  for (const auto& device : view.devices) {
    VgpuRow row;
    row.device = device;
    row.active = true;
    row.users = users[device.name];
    row.settings = read_settings(sysfs, device);
    rows.push_back(std::move(row));
  }
  const auto active = rows.size();
  std::multimap<std::string, std::size_t> by_name;
  for (std::size_t i = 0; i < active; ++i) by_name.emplace(rows[i].device.name, i);
  // The first row of the name for which `fits` holds; without a name, the first of all existing vGPUs.
  const auto find_row = [&](const std::string& name, auto fits) -> VgpuRow* {
    if (name.empty()) {
      const auto end = rows.begin() + static_cast<std::ptrdiff_t>(active);
      const auto found = std::find_if(rows.begin(), end, fits);
      return found == end ? nullptr : &*found;
    }
    const auto [begin, end] = by_name.equal_range(name);
    for (auto at = begin; at != end; ++at)
      if (fits(rows[at->second])) return &rows[at->second];
    return nullptr;
  };
  const auto take = [&](const VgpuDefinition& each) {
    const auto device = defined_device(view, each);
    const auto is_like = [&](const VgpuRow& row) {
      return row.device.card == device.card && row.device.type == device.type;
    };
    // vgpus.yaml and mdevctl may both define this vGPU.
    auto* twin = device.name.empty() ? nullptr : find_row(device.name, [&](const VgpuRow& row) {
      return row.defined && is_like(row) && (row.device.parent == device.parent || device.parent.empty());
    });
    if (twin) {
      twin->automatic = twin->automatic || each.automatic;
      if (twin->attributes.empty()) twin->attributes = each.attributes;
      return;
    }
    auto* found = find_row(device.name, [&](const VgpuRow& row) {
      if (!row.active || row.defined || !is_like(row)) return false;
      return device.name.empty() || !each.from_mdevctl || row.device.parent == device.parent;
    });
    if (found) {
      found->defined = true;
      found->automatic = each.automatic;
      found->attributes = each.attributes;
      return;
    }
    VgpuRow row;
    row.device = device;
    row.defined = true;
    row.automatic = each.automatic;
    row.attributes = each.attributes;
    row.settings.params = params_of(each.attributes);
    if (const auto* placement = find_attribute(each.attributes, placement_attribute))
      row.settings.placement = *placement;
    by_name.emplace(device.name, rows.size());
    rows.push_back(std::move(row));
  };
  // Definitions with a name come first: a count matches the remaining vGPUs.
  for (const auto& each : definitions)
    if (!each.counted) take(each);
  for (const auto& each : definitions)
    if (each.counted) take(each);
  std::stable_sort(rows.begin(), rows.end(), [](const VgpuRow& a, const VgpuRow& b) {
    const ByAddress before;
    return a.device.parent == b.device.parent ? before(a.device.name, b.device.name)
                                              : before(a.device.parent, b.device.parent);
  });
  return rows;
}

std::string size_of(const VgpuType& type) {
  if (type.framebuffer_mb) return std::to_string(*type.framebuffer_mb / 1024);
  const auto dash = type.name.rfind('-');
  if (dash == std::string::npos) return "";
  const auto end = type.name.find_first_not_of("0123456789", dash + 1);
  return type.name.substr(dash + 1, end == std::string::npos ? end : end - dash - 1);
}

bool is_mig_backed(const VgpuType& type) {
  const auto parts = split(std::string_view(type.name).substr(type.name.rfind(' ') + 1), '-');
  if (parts.size() < 3) return false;
  const auto& slices = parts[parts.size() - 2];
  return number_in<unsigned>(slices).has_value() &&
         !size_of(VgpuType{"", "-" + parts.back(), "", "", "", {}, {}, {}}).empty();
}

std::string mig_hint(const std::string& type) {
  VgpuType named;
  named.name = type;
  if (!is_mig_backed(named)) return "";
  return "it is a type for GPU instances: it is offered while MIG mode is on and a GPU instance for it is free "
         "(gpu-instances in vgpus.yaml)";
}

std::string other_size(const VgpuView& view, const VgpuCard& card, const VgpuType& type) {
  for (const auto& device : view.devices) {
    const auto running = card.types.find(device.type);
    if (device.card != card.address || running == card.types.end() || size_of(running->second) == size_of(type))
      continue;
    return "it runs " + (running->second.name.empty() ? device.type : running->second.name) +
           ", and the first vGPU of a card decides the size of all, unless mixed sizes are on";
  }
  return "";
}

TypeUse use_of(const VgpuView& view, const VgpuCard& card, const VgpuType& type) {
  TypeUse use;
  for (const auto& parent : view.parents)
    if (parent.card == card.address)
      for (const auto& [id, free] : parent.available_instances)
        if (id == type.id) use.available += free;
  use.used = static_cast<unsigned>(std::count_if(view.devices.begin(), view.devices.end(), [&](const Vgpu& device) {
    return device.card == card.address && device.type == type.id;
  }));
  return use;
}

}  // namespace vgpukit::vgpu
