// A fixture host with installed kernels, and programs that write /boot from the files in /etc, as the real ones do.
#pragma once

#include <sys/stat.h>

#include <map>

#include "passthrough/passthrough.hpp"
#include "support/atomic_file.hpp"
#include "support/text.hpp"
#include "system/fixture_host.hpp"
#include "system/grub_defaults.hpp"
#include "system/pe_image.hpp"

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

  // Every path with its type, mode, owner and content, but the lock of `passthrough`, which stays.
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
    const fs::path lock = "/var/lib/vgpukit/passthrough/lock";
    found.erase(lock.string());
    for (auto above = lock.parent_path(); above != "/"; above = above.parent_path()) {
      const auto next = found.lower_bound(above.string() + "/");
      if (next == found.end() || !next->first.starts_with(above.string() + "/")) found.erase(above.string());
    }
    return found;
  }
  [[nodiscard]] std::string text(const std::string& path) const {
    const auto read = read_file(host.in_root(path));
    return read ? *read : "absent";
  }
  [[nodiscard]] bool has(const std::string& path) const { return fs::exists(host.in_root(path)); }

  // What the real programs do, as far as tests look at it: images get the content of /etc at that time, and menus the
  // kernel's parameters from the files that each program reads.
  Status make_boot(const std::vector<std::string>& argv) const {
    const auto program = fs::path(argv.front()).filename().string();
    if (program == "grubby") return run_grubby(argv.back());
    if (program == "sdbootutil" && argv.back() == "update-all-entries")
      return set_entries(first_line(text("/etc/kernel/cmdline")));
    std::string etc;
    for (const auto& [path, what] : all())
      if (path.starts_with("/etc/")) etc += path + what;
    if (program.find("grub") != std::string::npos || program == "proxmox-boot-tool") {
      const bool second = program.starts_with("grub2") || has("/boot/grub2/grub.cfg");
      for (auto at = etc.find('\n'); at != std::string::npos; at = etc.find('\n', at + 2)) etc.insert(at + 1, "#");
      return write_file(host.root / (second ? "boot/grub2/grub.cfg" : "boot/grub/grub.cfg"),
                        "menuentry 'Linux' {\n\tlinux /vmlinuz root=/dev/sda1 " + grub_parameters() +
                            "\n\tinitrd /initrd.img\n}\n#" + etc + "\n");
    }
    std::error_code bad;
    for (const auto& entry : fs::directory_iterator(host.root / "boot", bad))
      if (entry.path().filename().string().starts_with("initrd.img-") || entry.path().extension() == ".img")
        TRY(write_file(entry.path(), etc));
    if (program.starts_with("limine")) return write_limine_menu();
    for (const auto& entry : fs::directory_iterator(host.root / "boot/EFI/Linux", bad))
      TRY(write_file(entry.path(), pe_image(".cmdline", image_parameters())));
    return {};
  }
  static std::string first_line(const std::string& from) { return from.substr(0, from.find('\n')); }
  [[nodiscard]] std::string shell_value(const std::vector<std::string>& files, const std::string& name) const {
    std::string value;
    for (const auto& file : files)
      if (const auto found = system::assignments_of(has(file) ? text(file) : "", name, file))
        value = system::value_after(*found, name, value);
    return value;
  }
  [[nodiscard]] std::string grub_parameters() const {
    std::vector<std::string> files = {"/etc/default/grub"};
    for (const auto& path : entries_of(host.root / "etc/default/grub.d")) files.push_back(host.inside(path).string());
    return shell_value(files, "GRUB_CMDLINE_LINUX") + " " + shell_value(files, "GRUB_CMDLINE_LINUX_DEFAULT");
  }
  [[nodiscard]] std::string image_parameters() const {
    if (has("/etc/kernel/cmdline")) return first_line(text("/etc/kernel/cmdline"));
    std::string line;
    for (const auto& path : entries_of(host.root / "etc/cmdline.d"))
      append(line, first_line(text(host.inside(path).string())), " ");
    if (!line.empty()) return line;
    line = first_line(text("/proc/cmdline"));
    for (const auto& path : entries_of(host.root / "etc/dracut.conf.d"))
      line += " " + shell_value({host.inside(path).string()}, "kernel_cmdline");
    return line;
  }
  Status set_entries(const std::string& options) const {
    for (const auto& path : entries_of(host.root / "boot/loader/entries")) {
      std::string changed;
      for (const auto& line : lines_of(*read_file(path)))
        changed += (line.starts_with("options") ? "options " + options : line) + "\n";
      TRY(write_file(path, changed));
    }
    return {};
  }
  // grubby --update-kernel=ALL --args=... changes all entries, and two files that later entries are made from.
  Status run_grubby(const std::string& argument) const {
    const bool add = argument.starts_with("--args=");
    const auto words = split_words(argument.substr(argument.find('=') + 1));
    const auto changed = [&](const std::string& line) {
      std::string result;
      for (const auto& word : split_words(line))
        if (add || std::find(words.begin(), words.end(), word) == words.end()) append(result, word, " ");
      for (const auto& word : words)
        if (add) append(result, word, " ");
      return result;
    };
    for (const auto& path : entries_of(host.root / "boot/loader/entries")) {
      std::string all_lines;
      for (const auto& line : lines_of(*read_file(path)))
        all_lines += (line.starts_with("options") ? changed(line) : line) + "\n";
      TRY(write_file(path, all_lines));
    }
    if (has("/etc/kernel/cmdline"))
      TRY(write_file(host.root / "etc/kernel/cmdline", changed(first_line(text("/etc/kernel/cmdline"))) + "\n"));
    return {};
  }
  Status write_limine_menu() const {
    const auto options = shell_value({"/etc/default/limine"}, "KERNEL_CMDLINE[default]");
    std::string menu;
    for (const auto& line : lines_of(text("/boot/limine.conf")))
      menu += (line.find("cmdline:") != std::string::npos ? "  cmdline: " + options : line) + "\n";
    return write_file(host.root / "boot/limine.conf", menu);
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
