#include "vgpu/vgpu_users.hpp"

#include <algorithm>

#include "support/processes.hpp"
#include "support/text.hpp"

namespace vgpukit::vgpu {

namespace {

// The value of QEMU's -name: "guest=web,debug-threads=on" or "web,debug-threads=on".
std::string guest_name(const std::vector<std::string>& words) {
  const auto flag =
      std::find_if(words.begin(), words.end(), [](const auto& word) { return word == "-name" || word == "--name"; });
  if (flag == words.end() || flag + 1 == words.end()) return "";
  const std::string& value = flag[1];
  std::size_t begin = value.find("guest=");
  begin = begin == 0 || (begin != std::string::npos && value[begin - 1] == ',') ? begin + 6 : 0;
  return value.substr(begin, value.find(',', begin) - begin);
}

// The text between `before` and the next `end`; empty if there is none.
std::string_view between(std::string_view text, std::string_view before, std::string_view end) {
  const auto at = text.find(before);
  if (at == std::string_view::npos) return {};
  const auto from = at + before.size();
  return text.substr(from, text.find(end, from) - from);
}

// The device of libvirt's <source>: its UUID, or its address, which has four attributes (domain='0x0000' bus='0x41'
// slot='0x00' function='0x4').
std::string libvirt_name(std::string_view source) {
  if (const auto uuid = between(source, "uuid='", "'"); !uuid.empty()) return std::string(uuid);
  const auto piece = [&](std::string_view key) { return std::string(between(source, std::string(key) + "='0x", "'")); };
  return pci_address(piece("domain") + ":" + piece("bus") + ":" + piece("slot") + "." + piece("function")).value_or("");
}

class Search {
 public:
  Search(const Sysfs& sysfs, const std::vector<Vgpu>& devices) : sysfs_(sysfs) {
    for (const auto& device : devices)
      for (const auto& node : device.nodes) by_node_[node].push_back(&device);
    for (const auto& device : devices) by_name_[device.name] = &device;
  }

  std::map<std::string, std::vector<VgpuUser>> run() {
    each_process(sysfs_, [this](int pid, const std::string& folder) { process(pid, folder); });
    for (const auto& file : sysfs_.list("/run/libvirt/qemu"))
      if (file.ends_with(".xml")) machine(sysfs_.read("/run/libvirt/qemu/" + file).text);
    return std::move(users_);
  }

 private:
  void process(int pid, const std::string& folder) {
    std::vector<const Vgpu*> held;
    for (const auto& descriptor : sysfs_.list(folder + "/fd")) {
      const auto found = by_node_.find(sysfs_.link(folder + "/fd/" + descriptor));
      if (found != by_node_.end()) held.insert(held.end(), found->second.begin(), found->second.end());
    }
    const auto line = sysfs_.read(folder + "/cmdline").text;
    // Every user may read a command line, so this finds another user's QEMU, too.
    const bool is_qemu = contains(line, "-device") && contains(line, "vfio-pci");
    if (held.empty() && !is_qemu) return;
    const auto words = split(line, '\0');
    if (is_qemu)
      for (const auto& word : words)
        if (const auto* device = device_of(word)) held.push_back(device);
    const auto vm = guest_name(words);
    for (const auto* device : held) add(*device, {pid, sysfs_.read(folder + "/comm").text, vm});
  }

  [[nodiscard]] const Vgpu* device_of(const std::string& word) const {
    const auto found = by_name_.find(qemu_device_name(word));
    return found == by_name_.end() ? nullptr : found->second;
  }

  // libvirt's file of a running machine has the whole <domain>.
  void machine(const std::string& text) {
    const auto pid = libvirt_pid(text);
    if (pid == 0 || !sysfs_.exists("/proc/" + std::to_string(pid))) return;  // libvirt has not removed its file yet
    const std::string name(between(text, "<name>", "</name>"));
    for (auto& [device, users] : users_)
      for (auto& user : users)
        if (user.pid == pid) user.vm = name;
    for (const auto& device : libvirt_devices(text))
      if (const auto found = by_name_.find(device.name); found != by_name_.end()) add(*found->second, {pid, "", name});
  }

  void add(const Vgpu& device, VgpuUser user) {
    auto& users = users_[device.name];
    const auto same =
        std::find_if(users.begin(), users.end(), [&](const VgpuUser& each) { return each.pid == user.pid; });
    if (same == users.end()) users.push_back(std::move(user));
  }

  const Sysfs& sysfs_;
  std::map<std::string, std::vector<const Vgpu*>> by_node_;
  std::map<std::string, const Vgpu*> by_name_;
  std::map<std::string, std::vector<VgpuUser>> users_;
};

}  // namespace

std::vector<LibvirtDevice> libvirt_devices(std::string_view xml) {
  std::vector<LibvirtDevice> all;
  for (auto at = xml.find("<hostdev "); at != std::string_view::npos; at = xml.find("<hostdev ")) {
    xml.remove_prefix(at + 1);
    auto name = libvirt_name(between(xml, "<source", "</source>"));
    if (!name.empty()) all.push_back({std::move(name), contains(xml.substr(0, xml.find('>')), "managed='yes'")});
  }
  return all;
}

int libvirt_pid(std::string_view xml) {
  return number_in<int>(between(between(xml, "<domstatus", ">"), "pid='", "'")).value_or(0);
}

std::string qemu_device_name(std::string_view word) {
  if (!contains(word, "vfio-pci")) return "";
  for (const std::string_view key : {"sysfsdev=", "host=", "\"sysfsdev\":\"", "\"host\":\""}) {
    auto value = between(word, key, key.back() == '"' ? "\"" : ",");
    if (value.empty()) continue;
    value.remove_prefix(value.rfind('/') == std::string_view::npos ? 0 : value.rfind('/') + 1);
    return pci_address(value).value_or(std::string(value));
  }
  return "";
}

std::string VgpuUser::text() const {
  const auto process = program + (program.empty() ? "" : ", ") + "process " + std::to_string(pid);
  return vm.empty() ? process : "the virtual machine '" + vm + "' (" + process + ")";
}

std::map<std::string, std::vector<VgpuUser>> vgpu_users(const Sysfs& sysfs, const std::vector<Vgpu>& devices) {
  if (devices.empty()) return {};
  return Search(sysfs, devices).run();
}

}  // namespace vgpukit::vgpu
