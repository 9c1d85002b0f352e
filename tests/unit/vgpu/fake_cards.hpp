// A folder with the /sys, /proc and /etc of a host with vGPU cards. FakeDriver changes it as nvidia-vgpu-vfio does when
// something is written, or fails with the errno of a test.
#pragma once

#include <cerrno>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "support/sysfs.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::test {

class FakeHost {
 public:
  FakeHost() {
    host.root = folder.path();
    host.cache = folder / "cache";
    host.state = folder / "state";
    fs::create_directories(folder / "sys/bus/mdev/devices");
    fs::create_directories(folder / "sys/bus/pci/devices");
  }
  void file(const std::string& path, const std::string& text) const {
    fs::create_directories((folder / path).parent_path());
    std::ofstream(folder / path) << text;
  }
  void link(const std::string& path, const std::string& target) const {
    fs::create_directories((folder / path).parent_path());
    fs::create_symlink(target, folder / path);
  }
  [[nodiscard]] std::string text(const std::string& path) const {
    std::ifstream in(folder / path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] bool has(const std::string& path) const { return fs::exists(folder / path); }

  void type(const std::string& parent, const std::string& id, const std::string& name, unsigned free,
            const std::string& description = "") const {
    const auto at = "sys/class/mdev_bus/" + parent + "/mdev_supported_types/" + id + "/";
    file(at + "available_instances", std::to_string(free) + "\n");
    file(at + "device_api", "vfio-pci\n");
    file(at + "name", name + "\n");
    file(at + "create", "");
    if (!description.empty()) file(at + "description", description + "\n");
  }
  // A device as the kernel shows it: a link from the bus to its parent's folder.
  void device(const std::string& parent, const std::string& id, const std::string& uuid, unsigned group = 7) const {
    const auto at = "sys/class/mdev_bus/" + parent + "/" + uuid;
    file(at + "/remove", "");
    link(at + "/mdev_type", "../mdev_supported_types/" + id);
    link(at + "/iommu_group", "../../../../kernel/iommu_groups/" + std::to_string(group));
    file(at + "/nvidia/vgpu_params", "");
    file(at + "/nvidia/placement_id", "Not Applicable\n");
    link("sys/bus/mdev/devices/" + uuid, "../../../class/mdev_bus/" + parent + "/" + uuid);
  }
  // A card with mdev on the card itself.
  void p4(const std::string& address = "0000:65:00.0") const {
    type(address, "nvidia-63", "GRID P4-1Q", 8,
         "num_heads=4, frl_config=60, framebuffer=1024M, max_resolution=5120x2880, max_instance=8");
    type(address, "nvidia-64", "GRID P4-2Q", 4,
         "num_heads=4, frl_config=60, framebuffer=2048M, max_resolution=7680x4320, max_instance=4");
    file("proc/driver/nvidia/gpus/" + address + "/information",
         "Model: \t\t Tesla P4\nIRQ:   \t\t 44\nGPU UUID: \t GPU-5c6d7e8f-0a1b-2c3d-4e5f-60718293a4b5\nSerial Number: "
         "\t "
         "0322917092147\n");
  }
  // A card with vendor VFIO, with `made` of its `total` virtual functions.
  void l40(unsigned made, unsigned total = 2, const std::string& card = "0000:41:00.0") const {
    const auto at = "sys/bus/pci/devices/" + card + "/";
    file(at + "sriov_totalvfs", std::to_string(total) + "\n");
    file(at + "sriov_numvfs", std::to_string(made) + "\n");
    file(at + "sriov_offset", "4\n");
    file(at + "sriov_stride", "1\n");
    link("sys/bus/pci/drivers/nvidia/" + card, "../../../../bus/pci/devices/" + card);
    functions(made, card);
  }
  void functions(unsigned made, const std::string& card = "0000:41:00.0") const {
    for (unsigned i = 0; i < made; ++i) {
      const auto function = card.substr(0, card.size() - 1) + std::to_string(4 + i);
      const auto at = "sys/bus/pci/devices/" + function + "/";
      file(at + "nvidia/creatable_vgpu_types", all_types);
      file(at + "nvidia/current_vgpu_type", "0\n");
      file(at + "nvidia/vgpu_params", "");
      file(at + "nvidia/placement_id", "");
      link(at + "physfn", "../" + card);
      link(at + "iommu_group", "../../../../kernel/iommu_groups/" + std::to_string(40 + i));
      link("sys/bus/pci/devices/" + card + "/virtfn" + std::to_string(i), "../" + function);
    }
  }

  static constexpr const char* all_types = "ID    : vGPU Name\n1149  : NVIDIA L40-1Q\n1150  : NVIDIA L40-2Q\n";
  TempFolder folder;
  HostPaths host;
};

class FakeDriver : public Sysfs {
 public:
  explicit FakeDriver(const FakeHost& fake) : Sysfs(fake.host), fake_(fake) {}

  std::map<std::string, int> fail;  // the end of a path -> an errno
  unsigned lazy = 0;                // so many writes to sriov_numvfs do nothing
  std::vector<std::string> writes;

  int write(const std::string& path, std::string_view text) override {
    for (const auto& [end, error] : fail)
      if (path.ends_with(end)) return error;
    writes.push_back(path + " " + std::string(text));
    const auto at = path.substr(1);
    if (path.ends_with("/create")) return create(at, std::string(text));
    if (path.ends_with("/remove")) return remove(path);
    if (path.ends_with("/vgpu_params") || path.ends_with("/placement_id")) {
      if (!fake_.has(at)) return ENOENT;
      if (text.find("refused") != text.npos) return EINVAL;
      fake_.file(at, std::string(text.find("ignored") != text.npos ? "" : text) + "\n");
      return 0;
    }
    if (path.ends_with("/current_vgpu_type")) return set(at, std::string(text));
    if (path.ends_with("/sriov_numvfs") && lazy > 0) return --lazy, 0;
    if (path.ends_with("/sriov_numvfs")) fake_.functions(static_cast<unsigned>(std::stoul(std::string(text))));
    return Sysfs::write(path, text);
  }

 private:
  int create(const std::string& at, const std::string& uuid) {
    const fs::path type = fs::path(at).parent_path();
    const auto parent = type.parent_path().parent_path().filename().string();
    if (fake_.has("sys/bus/mdev/devices/" + uuid)) return EEXIST;
    const auto free = std::stoul(fake_.text(type / "available_instances"));
    if (free == 0) return ENOSPC;
    fake_.file(type / "available_instances", std::to_string(free - 1) + "\n");
    fake_.device(parent, type.filename(), uuid);
    return 0;
  }
  int remove(const std::string& path) {
    const fs::path uuid = fs::path(path).parent_path().filename();
    const auto bus = fake_.folder / "sys/bus/mdev/devices" / uuid;
    const auto real = fs::canonical(bus);
    const auto type = fs::canonical(real / "mdev_type") / "available_instances";
    const auto name = fs::relative(type, fake_.folder.path());
    fake_.file(name, std::to_string(std::stoul(fake_.text(name)) + 1) + "\n");
    fs::remove(bus);
    fs::remove_all(real);
    return 0;
  }
  int set(const std::string& at, const std::string& type) {
    if (type != "0" && fake_.text(at) != "0\n") return EPERM;
    fake_.file(at, type + "\n");
    // The table holds the types that can still be made there: none on a function that is a vGPU.
    const auto table = (fs::path(at).parent_path() / "creatable_vgpu_types").string();
    fake_.file(table, type == "0" ? FakeHost::all_types : "ID    : vGPU Name\n");
    return 0;
  }
  const FakeHost& fake_;
};

inline const std::string uuid_a = "11111111-2222-4333-8444-555555555555";
inline const std::string uuid_b = "66666666-7777-4888-9999-aaaaaaaaaaaa";

}  // namespace vgpukit::test
