#include "vgpu/vgpu.hpp"

#include <algorithm>
#include <cctype>

#include "support/number.hpp"
#include "support/text.hpp"
#include "support/yaml_reader.hpp"
#include "vgpu/mdev.hpp"
#include "vgpu/vendor_vfio.hpp"

namespace vgpukit::vgpu {

namespace {

std::string small(std::string_view text) {
  std::string all(text);
  for (char& each : all) each = static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
  return all;
}

template <class T>
const T* find_by(const std::vector<T>& all, std::string_view name, std::string T::*field) {
  const auto found = std::lower_bound(all.begin(), all.end(), name, [field](const T& each, std::string_view wanted) {
    return ByAddress()(each.*field, wanted);
  });
  return found != all.end() && (*found).*field == name ? &*found : nullptr;
}

template <class T>
void sort_by(std::vector<T>& all, std::string T::*field) {
  std::sort(all.begin(), all.end(), [field](const T& a, const T& b) { return ByAddress()(a.*field, b.*field); });
}

unsigned number_at(const Sysfs& sysfs, const std::string& path) {
  return number_in<unsigned>(sysfs.read(path).text).value_or(0);
}

// "GPU UUID: \t GPU-5c6..." lines, as nvidia.ko prints them.
void read_information(const Sysfs& sysfs, VgpuCard& card) {
  const auto reading = sysfs.read("/proc/driver/nvidia/gpus/" + card.address + "/information");
  each_line(reading.text, [&](std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const auto key = line.substr(0, colon);
    const auto value = trimmed(line.substr(colon + 1));
    if (value.empty()) return;
    if (key == "Model") card.model = value;
    if (key == "GPU UUID") card.uuid = value;
    if (key == "Serial Number" || key == "Serial") card.serial = value;
  });
}

VgpuCard card_at(const Sysfs& sysfs, const std::string& address) {
  VgpuCard card;
  card.address = address;
  const auto folder = "/sys/bus/pci/devices/" + address;
  card.functions = number_at(sysfs, folder + "/sriov_numvfs");
  card.most_functions = number_at(sysfs, folder + "/sriov_totalvfs");
  read_information(sysfs, card);
  return card;
}

}  // namespace

std::string_view interface_name(VgpuInterface interface) {
  if (interface == VgpuInterface::mdev) return "mdev";
  return interface == VgpuInterface::vendor_vfio ? "vendor-vfio" : "none";
}

const VgpuCard* VgpuView::card(std::string_view address) const {
  return find_by(cards, address, &VgpuCard::address);
}

const VgpuParent* VgpuView::parent(std::string_view name) const {
  return find_by(parents, name, &VgpuParent::name);
}

const Vgpu* VgpuView::device(std::string_view name) const {
  return find_by(devices, name, &Vgpu::name);
}

VgpuView read_vgpus(const Sysfs& sysfs) {
  VgpuView view;
  std::map<std::string, VgpuCard, ByAddress> cards;
  const auto card_of = [&](const std::string& address) -> VgpuCard& {
    const auto found = cards.find(address);
    return found != cards.end() ? found->second : cards.emplace(address, card_at(sysfs, address)).first->second;
  };
  // Cards of the driver without any type yet: their virtual functions may still have to be made.
  for (const auto& address : sysfs.list("/sys/bus/pci/drivers/nvidia"))
    if (pci_address(address) == address && sysfs.link("/sys/bus/pci/devices/" + address + "/physfn").empty())
      card_of(address);
  add_mdev_devices(sysfs, view, card_of);
  add_vendor_vfio_devices(sysfs, view, card_of);
  for (auto& [address, card] : cards) view.cards.push_back(std::move(card));
  sort_by(view.parents, &VgpuParent::name);
  sort_by(view.devices, &Vgpu::name);
  for (auto& device : view.devices) {
    const auto* card = view.card(device.card);
    if (!card) continue;
    if (const auto type = card->types.find(device.type); type != card->types.end())
      device.type_name = type->second.name;
  }
  return view;
}

std::optional<std::string> function_address(const Sysfs& sysfs, const std::string& card, unsigned index) {
  const auto address = PciAddress::parse(card);
  if (!address) return std::nullopt;
  const auto folder = "/sys/bus/pci/devices/" + card;
  const unsigned offset = number_at(sysfs, folder + "/sriov_offset");
  if (offset == 0) return std::nullopt;
  const unsigned id = (address->bus << 8 | address->device << 3 | address->function) + offset +
                      index * number_at(sysfs, folder + "/sriov_stride");
  return PciAddress{address->domain, id >> 8 & 0xffu, id >> 3 & 0x1fu, id & 7u}.text();
}

Result<VgpuPlace> find_place(const VgpuView& view, std::string_view word) {
  const auto address = pci_address(word).value_or(std::string(word));
  if (view.card(address)) return VgpuPlace{address, ""};
  if (const auto* parent = view.parent(address)) return VgpuPlace{parent->card, parent->name};
  std::vector<std::string_view> known;
  std::vector<std::string_view> named;
  for (const auto& card : view.cards) {
    if (!word.empty() && (word == card.serial || small(word) == small(card.uuid))) named.push_back(card.address);
    known.push_back(card.address);
  }
  if (named.size() == 1) return VgpuPlace{std::string(named.front()), ""};
  const auto tried = "find the card '" + std::string(word) + "'";
  // The GPUs of one board have the same serial number.
  if (named.size() > 1)
    return Error{ErrorKind::usage, tried, "it is the serial number of " + join(named, ", "),
                 "name one of them by its address"};
  if (known.empty())
    return Error{ErrorKind::missing, tried, "NVIDIA's driver has no card here",
                 "vgpukit load loads the driver; vgpukit doctor tells what prevents it"};
  return Error{ErrorKind::usage, tried, "there is none with that address, serial number or UUID",
               "there are: " + join(known, ", ")};
}

bool names_type(const VgpuType& type, std::string_view word) {
  if (word.empty()) return false;
  if (word == type.id || word == type.name) return true;
  const auto wanted = small(word);
  const auto name = small(type.name);
  if (wanted == name || wanted == small(type.id)) return true;
  // "GRID P4-1Q" is usually called P4-1Q, and "NVIDIA RTX Pro 6000 Blackwell DC-1-24Q" DC-1-24Q.
  if (name.ends_with(" " + wanted)) return true;
  return "nvidia-" + wanted == type.id;
}

Result<const VgpuType*> find_type(const VgpuCard& card, std::string_view word) {
  if (const auto exact = card.types.find(std::string(word)); exact != card.types.end()) return &exact->second;
  std::vector<std::string_view> known;
  std::vector<const VgpuType*> named;
  for (const auto& [id, type] : card.types) {
    if (names_type(type, word)) named.push_back(&type);
    known.push_back(id);
    if (type.name.empty()) continue;
    known.push_back(type.name);
    known.push_back(std::string_view(type.name).substr(type.name.rfind(' ') + 1));
  }
  if (named.size() == 1) return named.front();
  const auto tried = "find the vGPU type '" + std::string(word) + "' on " + card.address;
  if (named.size() > 1)
    return Error{ErrorKind::usage, tried,
                 "it names " + join(named, ", ", [](const auto* type) { return type->id + " (" + type->name + ")"; }),
                 "give the id"};
  if (known.empty()) return Error{ErrorKind::usage, tried, "this card offers no types", "vgpukit vgpu types"};
  const auto near = nearest(word, known);
  return Error{ErrorKind::usage, tried, "the card has no such type",
               (near.empty() ? "" : "did you mean '" + near + "'? ") + "vgpukit vgpu types lists them"};
}

std::string device_folder(VgpuInterface interface, const std::string& name) {
  return (interface == VgpuInterface::mdev ? "/sys/bus/mdev/devices/" : "/sys/bus/pci/devices/") + name + "/";
}

void add_nodes(const Sysfs& sysfs, const std::string& folder, Vgpu& device) {
  device.iommu_group = sysfs.link_name(folder + "/iommu_group");
  if (!device.iommu_group.empty()) device.nodes.push_back("/dev/vfio/" + device.iommu_group);
  for (const auto& node : sysfs.list(folder + "/vfio-dev")) device.nodes.push_back("/dev/vfio/devices/" + node);
}

}  // namespace vgpukit::vgpu
