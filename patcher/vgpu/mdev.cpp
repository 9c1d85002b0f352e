#include "vgpu/mdev.hpp"

#include <charconv>

#include "vgpu/sysfs_errors.hpp"
#include "vgpu/uuid.hpp"

namespace vgpukit::vgpu {

namespace {

constexpr const char* parents_folder = "/sys/class/mdev_bus/";
constexpr const char* devices_folder = "/sys/bus/mdev/devices/";

VgpuType read_type(const Sysfs& sysfs, const std::string& id, const std::string& folder) {
  VgpuType type;
  type.id = id;
  type.name = sysfs.read(folder + "/name").text;
  type.device_api = sysfs.read(folder + "/device_api").text;
  const auto description = sysfs.read(folder + "/description").text;
  for (const char each : description)  // as mdevctl prints it
    if (each == '\n')
      type.description += ", ";
    else
      type.description += each;
  read_description(type);
  return type;
}

// The physical function of a virtual one. A parent that is no PCI function is its own card.
std::string card_of_parent(const Sysfs& sysfs, const std::string& parent) {
  auto card = sysfs.link_name(parents_folder + parent + "/physfn");
  return card.empty() ? parent : card;
}

std::string parent_of_device(const std::string& link) {
  const auto last = link.rfind('/');
  if (last == std::string::npos || last == 0) return "";
  const auto before = link.rfind('/', last - 1);
  return link.substr(before + 1, last - before - 1);
}

}  // namespace

void read_description(VgpuType& type) {
  const auto number = [&](std::string_view key) -> std::optional<unsigned> {
    const auto at = type.description.find(key);
    if (at == std::string::npos) return std::nullopt;
    unsigned value = 0;
    const char* begin = type.description.data() + at + key.size();
    const auto [end, bad] = std::from_chars(begin, type.description.data() + type.description.size(), value);
    if (bad != std::errc()) return std::nullopt;
    return value;
  };
  type.heads = number("num_heads=");
  type.framebuffer_mb = number("framebuffer=");
  type.max_instances = number("max_instance=");
  constexpr std::string_view key = "max_resolution=";
  if (const auto at = type.description.find(key); at != std::string::npos)
    type.resolution =
        type.description.substr(at + key.size(), type.description.find_first_of(", ", at) - at - key.size());
}

void add_mdev_devices(const Sysfs& sysfs, VgpuView& view, const CardOf& card_of) {
  for (const auto& name : sysfs.list(parents_folder)) {
    VgpuParent parent{name, card_of_parent(sysfs, name), VgpuInterface::mdev, {}};
    VgpuCard& card = card_of(parent.card);
    card.interface = VgpuInterface::mdev;
    const auto types = parents_folder + name + "/mdev_supported_types/";
    for (const auto& id : sysfs.list(types)) {
      const auto available = sysfs.read(types + id + "/available_instances");
      unsigned free = 0;
      const char* end = available.text.data() + available.text.size();
      if (available.error != 0 || std::from_chars(available.text.data(), end, free).ec != std::errc()) continue;
      if (!card.types.contains(id)) card.types.emplace(id, read_type(sysfs, id, types + id));
      parent.available_instances.emplace_back(id, free);
    }
    view.parents.push_back(std::move(parent));
  }
  for (const auto& uuid : sysfs.list(devices_folder)) {
    if (!is_uuid(uuid)) continue;
    Vgpu device;
    device.name = uuid;
    device.parent = parent_of_device(sysfs.link(devices_folder + uuid));
    device.card = card_of_parent(sysfs, device.parent);
    device.type = sysfs.link_name(devices_folder + uuid + "/mdev_type");
    add_nodes(sysfs, devices_folder + uuid, device);
    view.devices.push_back(std::move(device));
  }
}

Status create_mdev(Sysfs& sysfs, const VgpuParent& parent, const std::string& type, const std::string& uuid) {
  const auto tried = "make the vGPU " + uuid + " (" + type + ") on " + parent.name;
  if (const int error = sysfs.write(parents_folder + parent.name + "/mdev_supported_types/" + type + "/create", uuid))
    return explain_write_error(error, tried, SysfsWrite::create);
  // The write returns when the device is there (mdev_device_create), so there is nothing to wait for.
  if (sysfs.exists(devices_folder + uuid)) return {};
  return Error{ErrorKind::failed, tried, "the driver accepted the request, but no device appeared",
               "dmesg may tell why"};
}

Status remove_mdev(Sysfs& sysfs, const std::string& uuid) {
  const auto tried = "remove the vGPU " + uuid;
  if (const int error = sysfs.write(devices_folder + uuid + "/remove", "1"))
    return explain_write_error(error, tried, SysfsWrite::remove);
  if (!sysfs.exists(devices_folder + uuid)) return {};
  return Error{ErrorKind::failed, tried, "the driver accepted the request, but the device still exists",
               "dmesg may tell why"};
}

}  // namespace vgpukit::vgpu
