// A folder with the /sys, /proc and /etc of a host with vGPU cards. FakeDriver changes it as nvidia-vgpu-vfio does when
// something is written, or fails with the errno of a test.
#pragma once

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "support/process.hpp"
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
  std::function<void()> on_functions;  // called when virtual functions are made

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
    if (path.ends_with("/sriov_numvfs") && on_functions) on_functions();
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

// Answers as nvidia-smi of a driver branch does, for the cards that a test names. vgpukit reads its text, not its XML.
class FakeSmi {
 public:
  FakeSmi(const FakeHost& fake, FakeDriver& driver) : fake_(fake) {
    // The driver starts the card anew with its virtual functions.
    driver.on_functions = [this] {
      for (auto& [address, card] : cards) card.instances.clear(), card.mixed = card.mixed == "N/A" ? "N/A" : "Disabled";
      calls.push_back("functions");
    };
  }
  struct Card {
    std::string mig = "N/A", pending = "N/A", mixed = "Disabled", can_be_mixed = "Supported";
    std::map<unsigned, std::string> instances;
    unsigned most_instances = 4;
    bool needs_reset = false;
  };
  std::map<std::string, Card> cards;
  unsigned branch = 580;           // before 525 nothing is said of sizes; before 550 there is no mode for them
  std::string lost;                // the words with which it fails at everything
  std::vector<std::string> calls;  // what changes something

  Result<Outcome> run(const Command& command) {
    auto words = command.argv;
    if (words.front() != "nvidia-smi") return Outcome{};
    words.erase(words.begin());
    if (!lost.empty()) return said(255, lost);
    const auto at = std::find(words.begin(), words.end(), "-i");
    const auto card = at == words.end() ? cards.end() : cards.find(at[1]);
    if (card == cards.end()) return said(6, "No devices were found");
    words.erase(at, at + 2);
    auto& state = card->second;
    if (words == std::vector<std::string>{"-q"}) return query(card->first, state);
    if (words == std::vector<std::string>{"mig", "-lgi"}) return list(state);
    std::string call;
    for (const auto& word : words) call += (call.empty() ? "" : " ") + word;
    calls.push_back(call);
    if (call == "-mig 1") {
      (state.needs_reset ? state.pending : state.mig) = "Enabled";
      if (!state.needs_reset) state.pending = "Enabled", state.mixed = "N/A";
      return said(0, "Enabled MIG Mode for GPU 0000" + card->first + "\nAll done.\n");
    }
    if (call == "vgpu -shm 1") {
      if (branch < 550)
        return said(1, "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n");
      state.mixed = "Enabled";
      return said(0, "");
    }
    if (words.size() == 4 && words[1] == "-cgi") return create(state, words[2]);
    if (words.size() == 4 && words[1] == "-dgi") state.instances.erase(static_cast<unsigned>(std::stoul(words[3])));
    return said(0, "");
  }

 private:
  static Outcome said(int status, const std::string& text) {
    Outcome outcome;
    outcome.status = status;
    outcome.out = text;
    return outcome;
  }
  [[nodiscard]] Outcome query(const std::string& address, const Card& card) const {
    std::string text =
        "==============NVSMI LOG==============\n\nAttached GPUs                             : 1\nGPU 0000";
    const auto section = [&](const std::string& name) { text += "    " + name + "\n"; };
    const auto value = [&](std::string name, const std::string& its) {
      name.resize(branch < 580 ? 34 : 47, ' ');
      text += "        " + name + ": " + its + "\n";
    };
    text += address + "\n";
    if (branch >= 525) {
      section("vGPU Device Capability");
      value("Fractional Multi-vGPU", "Supported");
      value("Heterogeneous Time-Slice Profiles", "Supported");
      value("Heterogeneous Time-Slice Sizes", branch < 550 ? "Not Supported" : card.can_be_mixed);
    }
    section("MIG Mode");
    value("Current", card.mig);
    value("Pending", card.pending);
    section("GPU Virtualization Mode");
    value("Virtualization Mode", "Host VGPU");
    value("Host VGPU Mode", "SR-IOV");
    if (branch >= 550) value("vGPU Heterogeneous Mode", card.mixed);
    return said(0, text);
  }
  static Outcome list(const Card& card) {
    if (card.mig != "Enabled") return said(6, "No MIG-enabled devices found.\n");
    if (card.instances.empty()) return said(6, "No GPU instances found: Not Found\n");
    std::string text =
        "+---------------------------------------------------------+\n| GPU instances:                                 "
        "     "
        "    |\n| GPU   Name               Profile  Instance   Placement  |\n|                            ID       ID  "
        "  "
        "   Start:Size |\n|=========================================================|\n";
    for (const auto& [id, profile] : card.instances)
      text += "|   0  MIG " + profile + "       47        " + std::to_string(id) + "          0:1     |\n";
    return said(0, text);
  }
  Outcome create(Card& card, const std::string& profile) {
    if (card.instances.size() == card.most_instances)
      return said(19, "Unable to create a GPU instance on GPU  0 using profile " + profile +
                          ": Insufficient Resources\nFailed to create GPU instances: Insufficient Resources\n");
    const auto id = card.instances.empty() ? 3 : card.instances.rbegin()->first + 1;
    card.instances[id] = profile;
    for (const auto& function : Sysfs(fake_.host).list("/sys/bus/pci/devices"))
      if (fake_.has("sys/bus/pci/devices/" + function + "/nvidia"))
        fake_.file("sys/bus/pci/devices/" + function + "/nvidia/creatable_vgpu_types",
                   "ID    : vGPU Name\n1561  : NVIDIA RTX Pro 6000 Blackwell DC-1-24Q\n");
    return said(0, "Successfully created GPU instance ID  " + std::to_string(id) + " on GPU  0 using profile MIG " +
                       profile + " (ID 47)\n");
  }
  const FakeHost& fake_;
};

inline const std::string uuid_a = "11111111-2222-4333-8444-555555555555";
inline const std::string uuid_b = "66666666-7777-4888-9999-aaaaaaaaaaaa";

}  // namespace vgpukit::test
