#include "vgpu/vendor_vfio.hpp"

#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "support/atomic_file.hpp"
#include "support/json_file.hpp"
#include "support/log.hpp"
#include "support/text.hpp"
#include "vgpu/sysfs_errors.hpp"

namespace vgpukit::vgpu {

namespace {

constexpr const char* pci_folder = "/sys/bus/pci/devices/";
constexpr std::string_view prefix = "nvidia-";
constexpr const char* names_file = "/run/vgpukit/vgpu-types.json";  // {"CARD": {"nvidia-1149": "NVIDIA L40-1Q"}}

std::string folder_of(const std::string& function) {
  return pci_folder + function + "/nvidia/";
}

using Names = std::map<std::string, std::map<std::string, std::string>>;

Names remembered(const std::string& text) {
  const auto data = parse_json(text);
  Names names;
  if (!data.is_object()) return names;
  for (const auto& [card, types] : data.items())
    for (const auto& [id, name] : types.items())
      if (name.is_string()) names[card][id] = name.get<std::string>();
  return names;
}

}  // namespace

std::vector<std::pair<unsigned, std::string>> creatable_types(const std::string& table) {
  std::vector<std::pair<unsigned, std::string>> rows;
  each_line(table, [&](std::string_view line) {
    line = trimmed(line);
    unsigned id = 0;
    const auto [end, bad] = std::from_chars(line.data(), line.data() + line.size(), id);
    const auto colon = line.find(':');
    if (bad == std::errc() && id != 0 && colon != std::string_view::npos)
      rows.emplace_back(id, std::string(trimmed(line.substr(colon + 1))));
  });
  return rows;
}

void add_vendor_vfio_devices(const Sysfs& sysfs, VgpuView& view, const CardOf& card_of) {
  std::set<std::string> seen;
  for (const auto& function : sysfs.list(pci_folder)) {
    if (!sysfs.exists(folder_of(function) + "current_vgpu_type")) continue;
    const auto physical = sysfs.link_name(pci_folder + function + "/physfn");
    VgpuParent parent{function, physical.empty() ? function : physical, VgpuInterface::vendor_vfio, {}};
    VgpuCard& card = card_of(parent.card);
    card.interface = VgpuInterface::vendor_vfio;
    seen.insert(parent.card);
    const auto current = sysfs.read(folder_of(function) + "current_vgpu_type").text;
    const bool is_vgpu = !current.empty() && current != "0";
    for (auto& [number, name] : creatable_types(sysfs.read(folder_of(function) + "creatable_vgpu_types").text)) {
      const auto id = std::string(prefix) + std::to_string(number);
      auto& type = card.types[id];
      type.id = id;
      if (type.name.empty()) type.name = std::move(name);
      parent.available_instances.emplace_back(id, is_vgpu ? 0 : 1);
    }
    if (is_vgpu) {
      Vgpu device;
      device.name = device.parent = function;
      device.interface = VgpuInterface::vendor_vfio;
      device.card = parent.card;
      device.type = std::string(prefix) + current;
      card.types[device.type].id = device.type;  // on a full card it is in no table
      add_nodes(sysfs, pci_folder + function, device);
      view.devices.push_back(std::move(device));
    }
    view.parents.push_back(std::move(parent));
  }
  for (const auto& [card, types] : remembered(sysfs.read(names_file).text)) {
    if (!seen.contains(card)) continue;
    for (const auto& [id, name] : types) {
      auto& type = card_of(card).types[id];
      type.id = id;
      if (type.name.empty()) type.name = name;
    }
  }
}

void remember_type_names(const HostPaths& host, const VgpuView& view) {
  const auto file = host.in_root(names_file);
  const auto text = read_file(file);
  auto names = remembered(text ? *text : "");
  const auto before = names;
  for (const auto& card : view.cards)
    if (card.interface == VgpuInterface::vendor_vfio)
      for (const auto& [id, type] : card.types)
        if (!type.name.empty()) names[card.address][id] = type.name;
  if (names == before) return;
  if (const auto written = write_file(file, json_text(nlohmann::json(names), 1) + "\n", 0644); !written)
    log::debug(written.error().message());
}

Status set_function_type(Sysfs& sysfs, const std::string& function, const std::string& type) {
  const bool create = !type.empty();
  const auto tried =
      create ? "make the virtual function " + function + " a vGPU (" + type + ")" : "remove the vGPU of " + function;
  const auto number = create ? type.substr(type.starts_with(prefix) ? prefix.size() : 0) : "0";
  const auto file = folder_of(function) + "current_vgpu_type";
  if (const int error = sysfs.write(file, number))
    return explain_write_error(error, tried, create ? SysfsWrite::set_type : SysfsWrite::remove);
  if (sysfs.read(file).text == number) return {};
  return Error{ErrorKind::failed, tried, "the driver accepted the request, but current_vgpu_type did not change",
               "dmesg may tell why"};
}

}  // namespace vgpukit::vgpu
