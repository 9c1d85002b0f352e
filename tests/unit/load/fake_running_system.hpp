// A kernel with modules and a service manager, in a folder. FakeRunningSystem changes /sys/module as loading and
// unloading do, or fails with the errno of a test.
#pragma once

#include <gtest/gtest.h>

#include "kernel/modules_folder.hpp"
#include "load/load_modules.hpp"
#include "module/elf_builder.hpp"
#include "support/process.hpp"
#include "vgpu/fake_cards.hpp"

namespace vgpukit::test {

inline const std::string release = "6.1.0-test";

class FakeRunningSystem : public load::RunningSystem {
 public:
  explicit FakeRunningSystem(const FakeHost& fake) : fake_(fake) {}

  std::map<std::string, int> fail_insert, fail_remove;   // a module -> an errno
  std::map<std::string, std::string> fail_service;       // "stop x.service" -> why
  std::map<std::string, std::vector<std::string>> gone;  // what stopping a service removes below the root
  std::vector<std::string> did;

  int insert(const fs::path& file, const std::string& options) override {
    const auto name = kernel::module_name(file.stem().string());
    did.push_back("insert " + name + (options.empty() ? "" : " " + options));
    if (const auto bad = fail_insert.find(name); bad != fail_insert.end()) return bad->second;
    live(name);
    return 0;
  }
  int remove(const std::string& name) override {
    if (const auto bad = fail_remove.find(name); bad != fail_remove.end()) return bad->second;
    did.push_back("remove " + name);
    fs::remove_all(fake_.folder / "sys/module" / name);
    return 0;
  }
  Status service(const std::string& verb, const std::string& unit) override {
    did.push_back(verb + " " + unit);
    if (const auto bad = fail_service.find(verb + " " + unit); bad != fail_service.end())
      return Error{ErrorKind::failed, verb + " the service " + unit, bad->second, ""};
    if (verb == "stop")
      for (const auto& path : gone[unit]) fs::remove_all(fake_.folder / path);
    return {};
  }
  void live(const std::string& name) const { fake_.file("sys/module/" + name + "/initstate", "live\n"); }

 private:
  const FakeHost& fake_;
};

// A kernel's folder of modules, with the files of a package and of depmod.
class ModuleFolder {
 public:
  explicit ModuleFolder(const FakeHost& fake) : fake_(fake) {
    const auto at = "lib/modules/" + release + "/";
    fake.file(at + "modules.order", "");
    fake.file(at + "modules.builtin", "kernel/drivers/vfio/vfio_virqfd.ko\n");
    fake.file(at + "modules.builtin.modinfo", "");
  }
  // `exports` and `imports`: names of symbols. `info`: "key=value" strings of .modinfo.
  void module(const std::string& name, const std::vector<std::string>& exports, const std::vector<std::string>& imports,
              const std::vector<std::string>& info = {}, const std::string& folder = "") const {
    module::ElfBuilder elf;
    std::string modinfo = std::string("license=GPL") + '\0' + "name=" + kernel::module_name(name) + '\0';
    for (const auto& each : info) modinfo += each + '\0';
    elf.section(".modinfo", modinfo);
    if (!exports.empty()) {
      std::string strings;
      for (const auto& each : exports) strings += each + '\0';
      elf.section("__ksymtab_strings", strings);
    }
    for (const auto& each : imports) elf.symbol(each);
    fake_.file((folder.empty() ? "lib/modules/" + release + "/updates" : folder) + "/" + name + ".ko", elf.build());
  }
  // VFIO, KVM and a vGPU host driver.
  void usual() const {
    module("vfio", {"vfio_register"}, {});
    module("mdev", {"mdev_register"}, {"vfio_register"});
    module("vfio_iommu_type1", {}, {"vfio_register"});
    module("kvm", {}, {});
    module("nvidia", {"nv_get"}, {});
    module("nvidia-vgpu-vfio", {}, {"mdev_register", "vfio_register"}, {"softdep=pre: nvidia"});
    depmod();
  }
  void depmod() const {
    Command command;
    command.argv = {find_program("depmod") ? "depmod" : "/sbin/depmod", "-b", fake_.folder.path().string(), release};
    const auto outcome = run(command);
    ASSERT_TRUE(outcome) << outcome.error().message();
    ASSERT_TRUE(outcome->ok()) << outcome->err;
  }

 private:
  const FakeHost& fake_;
};

// Everything that ModuleTools needs.
struct ModuleScene {
  FakeHost fake;
  ModuleFolder folder{fake};
  FakeDriver sysfs{fake};
  FakeRunningSystem running_system{fake};
  std::vector<system::KernelMessage> messages;  // the kernel's next messages

  [[nodiscard]] load::ModuleTools tools() {
    return {fake.host, sysfs, running_system, release, [this] { return std::exchange(messages, {}); }, [] {}};
  }
  // A process with these files open.
  void process(int pid, const std::string& name, const std::string& file, const std::string& cgroup) const {
    const auto at = "proc/" + std::to_string(pid);
    fake.file(at + "/comm", name + "\n");
    fake.file(at + "/cgroup", cgroup + "\n");
    fake.link(at + "/fd/3", file);
  }
};

}  // namespace vgpukit::test
