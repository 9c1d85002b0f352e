// A fixture host with installed kernels, and programs that write /boot from the files in /etc, as the real ones do.
#pragma once

#include <sys/stat.h>

#include <map>

#include "passthrough/passthrough.hpp"
#include "support/atomic_file.hpp"
#include "system/fixture_host.hpp"

namespace vgpukit::test {

class BootHost : public FixtureHost {
 public:
  explicit BootHost(const std::string& name = "") : FixtureHost(name) {
    tree.dir("var/lib");
    tree.dir("run");
  }
  void kernel(const std::string& release, const std::vector<std::string>& loadable,
              const std::vector<std::string>& built_in = {}, const std::string& aliases = "") const {
    const auto list = [](const std::vector<std::string>& names, const char* end) {
      std::string text;
      for (const auto& each : names) text += "kernel/drivers/" + each + end + "\n";
      return text;
    };
    tree.file("lib/modules/" + release + "/modules.dep", list(loadable, ".ko.xz:"));
    tree.file("lib/modules/" + release + "/modules.builtin", list(built_in, ".ko"));
    tree.file("lib/modules/" + release + "/modules.alias", aliases);
    tree.file("boot/initrd.img-" + release, "");
  }
  void usual_kernel() const {
    kernel("6.12.9", {"vfio/vfio", "vfio/pci/vfio-pci", "vfio/vfio_iommu_type1", "usb/host/xhci-pci"});
  }

  // Every path with its type, mode, owner and content.
  [[nodiscard]] std::map<std::string, std::string> all() const {
    std::map<std::string, std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(host.root)) {
      struct stat is {};
      ::lstat(entry.path().c_str(), &is);
      auto what = std::to_string(is.st_mode) + " " + std::to_string(is.st_uid) + ":" + std::to_string(is.st_gid) + " ";
      if (entry.is_symlink())
        what += fs::read_symlink(entry.path()).string();
      else if (entry.is_regular_file())
        what += *read_file(entry.path());
      found[host.inside(entry.path()).string()] = what;
    }
    return found;
  }
  [[nodiscard]] std::string text(const std::string& path) const {
    const auto read = read_file(host.in_root(path));
    return read ? *read : "absent";
  }
  [[nodiscard]] bool has(const std::string& path) const { return fs::exists(host.in_root(path)); }

  // Images and menus get the content of /etc at that time.
  Status make_boot(const std::vector<std::string>& argv) const {
    std::string etc;
    for (const auto& [path, what] : all())
      if (path.starts_with("/etc/")) etc += path + what;
    const auto product =
        argv.front().find("grub") != std::string::npos ? std::string("boot/grub/grub.cfg") : std::string();
    if (!product.empty()) return write_file(host.root / product, etc);
    std::error_code bad;
    for (const auto& entry : fs::directory_iterator(host.root / "boot", bad))
      if (entry.path().filename().string().starts_with("initrd.img-")) TRY(write_file(entry.path(), etc));
    return {};
  }
  [[nodiscard]] passthrough::ChangeTools tools(OnStep on_step = {}, bool overwrite = false) const {
    return {host, [this](const std::vector<std::string>& argv) { return make_boot(argv); }, std::move(on_step),
            overwrite};
  }
  // The images and menus of a host before any change.
  void boot_is_made() const {
    ASSERT_TRUE(make_boot({"update-grub"}));
    ASSERT_TRUE(make_boot({"update-initramfs"}));
  }

  Result<passthrough::PassthroughPlan> plan(const std::string& card) const {
    return passthrough::plan_passthrough(host, Sysfs(host), card);
  }
  Result<passthrough::PassthroughPlan> apply(const std::string& card, OnStep on_step = {},
                                             bool overwrite = false) const {
    return passthrough::apply_passthrough(tools(std::move(on_step), overwrite), Sysfs(host), card,
                                          {passthrough::force_display, passthrough::force_host_devices});
  }
  Result<passthrough::PassthroughUndone> undo(const std::string& card, OnStep on_step = {},
                                              bool overwrite = false) const {
    return passthrough::undo_passthrough(tools(std::move(on_step), overwrite), card, false);
  }
};

}  // namespace vgpukit::test
