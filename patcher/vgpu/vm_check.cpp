#include "vgpu/vm_check.hpp"

#include <algorithm>
#include <set>

#include "support/atomic_file.hpp"
#include "support/number.hpp"
#include "support/text.hpp"
#include "vgpu/vgpu_list.hpp"
#include "vgpu/vgpu_users.hpp"

namespace vgpukit::vgpu {

namespace {

constexpr const char* libvirt_folder = "/etc/libvirt/qemu/";
constexpr const char* libvirt_running = "/run/libvirt/qemu/";
constexpr const char* proxmox_folder = "/etc/pve/qemu-server/";

struct Machine {
  std::string name, file;
  bool proxmox = false;
  int pid = 0;                       // 0: it does not run
  std::vector<std::string> devices;  // UUIDs and addresses, in the order of the file
  std::set<std::string> managed;     // those that libvirt would take from their driver
  bool uuid = false;                 // its QEMU gets a -uuid
};

void read_domain(const std::string& text, Machine& machine) {
  machine.uuid = true;  // libvirt gives every QEMU one
  for (auto& device : libvirt_devices(text)) {
    if (device.managed) machine.managed.insert(device.name);
    machine.devices.push_back(std::move(device.name));
  }
}

// "hostpci0: 0000:41:00.4,mdev=nvidia-63" and "args: -device vfio-pci,sysfsdev=/sys/bus/mdev/devices/UUID -uuid ...".
// What follows the first "[" are snapshots.
void read_proxmox(const std::string& text, Machine& machine) {
  machine.proxmox = true;
  each_line(std::string_view(text).substr(0, text.find("\n[")), [&](std::string_view line) {
    const auto colon = line.find(": ");
    if (colon == std::string_view::npos) return;
    const auto key = line.substr(0, colon);
    const auto value = trimmed(line.substr(colon + 2));
    if (key == "args") {
      const auto words = words_of(value, " \t'\"");
      for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "-uuid" && i + 1 < words.size()) machine.uuid = true;
        if (auto name = qemu_device_name(words[i]); !name.empty()) machine.devices.push_back(std::move(name));
      }
    } else if (key.starts_with("hostpci")) {
      const auto parts = split(value, ',');
      const bool mdev =
          std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.starts_with("mdev="); });
      if (mdev) machine.uuid = true;  // Proxmox passes one for these
      const auto address = pci_address(parts.front().starts_with("host=") ? parts.front().substr(5) : parts.front());
      if (address && !mdev) machine.devices.push_back(*address);
    }
  });
}

Result<Machine> read_machine(const HostPaths& host, const Sysfs& sysfs, const std::string& word) {
  Machine machine;
  machine.name = word;
  const auto tried = "check the virtual machine '" + printable(word) + "'";
  if (word.find('/') != std::string::npos) {
    TRY_ASSIGN(const auto text, read_file(word));
    machine.file = word;
    contains(text, "<domain") ? read_domain(text, machine) : read_proxmox(text, machine);
    machine.name = fs::path(word).stem();
    return machine;
  }
  const auto running = libvirt_running + word + ".xml";
  const auto domain = libvirt_folder + word + ".xml";
  const auto proxmox = proxmox_folder + word + ".conf";
  if (sysfs.exists(running) || sysfs.exists(domain)) {
    machine.file = sysfs.exists(running) ? running : domain;
    const auto text = sysfs.read(machine.file);
    if (text.error != 0) return Error{ErrorKind::denied, tried, machine.file + " cannot be read", "run it with sudo"};
    read_domain(text.text, machine);
    if (machine.file == running) machine.pid = libvirt_pid(text.text);
  } else if (sysfs.exists(proxmox)) {
    machine.file = proxmox;
    read_proxmox(sysfs.read(proxmox).text, machine);
    machine.pid = number_in<int>(sysfs.read("/run/qemu-server/" + word + ".pid").text).value_or(0);
  } else {
    return Error{ErrorKind::usage, tried,
                 "there is no " + domain + ", " + running + " or " + proxmox + (host.is_host() ? "" : " in this root"),
                 "give a domain of 'virsh list --all', a number of 'qm list', or the path of a file"};
  }
  if (machine.pid != 0 && !sysfs.exists("/proc/" + std::to_string(machine.pid))) machine.pid = 0;
  return machine;
}

// The other machines' files that name the device.
std::vector<std::string> others_with(const Sysfs& sysfs, const Machine& machine, const std::string& device) {
  std::vector<std::string> all;
  for (const auto* folder : {libvirt_folder, proxmox_folder})
    for (const auto& file : sysfs.list(folder)) {
      const auto name = fs::path(file).stem().string();
      if (name == machine.name || !(file.ends_with(".xml") || file.ends_with(".conf"))) continue;
      Machine other;
      const auto text = sysfs.read(folder + file).text;
      folder == proxmox_folder ? read_proxmox(text, other) : read_domain(text, other);
      if (std::find(other.devices.begin(), other.devices.end(), device) != other.devices.end()) all.push_back(name);
    }
  return all;
}

class Check {
 public:
  Check(const Sysfs& sysfs, const VgpuView& view, const Definitions& definitions, const Machine& machine)
      : sysfs_(sysfs), view_(view), definitions_(definitions), machine_(machine) {}

  std::vector<VmFinding> run(const std::string& must_have) {
    std::vector<std::string> vgpus;
    for (const auto& name : machine_.devices)
      if (!pci_address(name) || view_.parent(name) || !defined_as(name).empty()) vgpus.push_back(name);
    if (vgpus.empty()) add(State::fail, "it has no vGPU of this host", "vgpukit vgpu xml VGPU prints what it needs");
    if (!must_have.empty() && std::find(vgpus.begin(), vgpus.end(), must_have) == vgpus.end())
      add(State::fail, "it does not have the vGPU " + must_have,
          "vgpukit vgpu xml " + must_have + " prints what it needs");
    if (!vgpus.empty()) uuid();
    std::set<std::string> seen;
    for (const auto& name : vgpus) {
      if (seen.insert(name).second)
        device(name);
      else
        add(State::fail, name + " is in the machine twice", "remove one of the two");
    }
    return std::move(findings_);
  }

 private:
  using State = VmFinding::State;

  void add(State state, std::string what, std::string next = "") {
    findings_.push_back({state, std::move(what), std::move(next)});
  }

  // The types of its definitions, as ids where these are known.
  [[nodiscard]] std::vector<Vgpu> defined_as(const std::string& name) const {
    std::vector<Vgpu> all;
    for (const auto& each : definitions_.all)
      if (each.name == name) all.push_back(defined_device(view_, each));
    return all;
  }

  // nvidia-vgpu-mgr finds the machine by QEMU's -uuid; without it: "Failed to get VM UUID from QEMU command-line".
  void uuid() {
    const auto how = machine_.proxmox ? "qm set " + machine_.name + " -args '... -uuid UUID', with the UUID of smbios1"
                                      : "start it with libvirt, or give QEMU a -uuid";
    bool has = machine_.uuid;
    if (machine_.pid != 0) {
      const auto words = split(sysfs_.read("/proc/" + std::to_string(machine_.pid) + "/cmdline").text, '\0');
      has = std::find(words.begin(), words.end(), "-uuid") != words.end();
    }
    if (has)
      add(State::ok, "its QEMU has a -uuid, by which nvidia-vgpu-mgr knows it");
    else
      add(State::fail, "its QEMU has no -uuid, so nvidia-vgpu-mgr does not start the vGPU (Failed to get VM UUID)",
          how);
  }

  void device(const std::string& name) {
    const auto* existing = view_.device(name);
    const auto defined = defined_as(name);
    if (!existing && defined.empty()) {
      add(State::fail, name + " neither exists nor is defined",
          "give the machine another vGPU, or define this one: vgpukit vgpu define TYPE " +
              std::string(pci_address(name) ? "--card " : "--uuid ") + name);
      return;
    }
    if (!existing) {
      add(State::fail, name + " is defined and does not exist now", "vgpukit vgpu start " + name);
    } else if (!defined.empty() && std::none_of(defined.begin(), defined.end(),
                                                [&](const Vgpu& each) { return each.type == existing->type; })) {
      add(State::fail, name + " exists as " + existing->type + " and is defined as " + defined.front().type,
          "vgpukit vgpu stop " + name + ", then vgpukit vgpu start " + name);
    } else if (defined.empty()) {
      add(State::warn, name + " exists as " + existing->type + " and is not defined: it is gone after a reboot",
          "vgpukit vgpu define " + name);
    } else {
      add(State::ok, name + " exists as it is defined: " + existing->type + " on " + existing->parent);
    }
    if (machine_.managed.contains(name) && pci_address(name))
      add(State::fail, "libvirt would take " + name + " from NVIDIA's driver: managed='yes'", "write managed='no'");
    if (existing)
      for (const auto& [of, users] : vgpu_users(sysfs_, {*existing}))
        for (const auto& user : users)
          if (user.pid != machine_.pid)
            add(State::fail, name + " is in use: " + user.text() + " has it", "shut that down");
    if (const auto others = others_with(sysfs_, machine_, name); !others.empty())
      add(State::warn, name + " is also in the definition of " + join(others, ", ") + ": one of them can run at a time",
          "give each machine a vGPU of its own");
  }

  const Sysfs& sysfs_;
  const VgpuView& view_;
  const Definitions& definitions_;
  const Machine& machine_;
  std::vector<VmFinding> findings_;
};

}  // namespace

bool VmCheck::fits() const {
  return std::none_of(findings.begin(), findings.end(),
                      [](const VmFinding& each) { return each.state == VmFinding::State::fail; });
}

Result<VmCheck> check_machine(const HostPaths& host, const Sysfs& sysfs, const std::string& machine,
                              const std::string& vgpu) {
  TRY_ASSIGN(const auto definitions, load_definitions(host));
  TRY_ASSIGN(const auto read, read_machine(host, sysfs, machine));
  const auto view = read_vgpus(sysfs);
  VmCheck check{read.name, read.file, read.pid != 0, {}};
  check.findings = Check(sysfs, view, definitions, read).run(vgpu);
  return check;
}

}  // namespace vgpukit::vgpu
