// Unpacks a description of a host (tests/fixtures/hosts/*.host) into a folder with its sysfs, procfs and /etc.
//
//   pci ADDRESS id=10de:1e04 class=030000 [sub=1b4c:12ae] [rev=a1] [driver=nouveau [module=nouveau]] [group=1]
//       [under=BRIDGE] [boot_vga=0] [reset=flr,bus] [width=16] [override=vfio-pci]
//   file PATH             its text follows in lines that begin with "| "
//   bytes PATH HEX        a file of these bytes
//   link PATH TARGET
//   dir PATH
//   include FILE          another description, beside this one
//   # a comment
//
// Paths are relative to the root. Any other line throws an exception, so that a test does not run on a wrong fixture.
#pragma once

#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

namespace vgpukit::test {

namespace fs = std::filesystem;

class HostTree {
 public:
  explicit HostTree(fs::path root) : root_(std::move(root)) {
    dir("sys/bus/pci/devices");
    dir("sys/kernel/iommu_groups");
  }

  void file(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << text;
  }
  void dir(const std::string& path) const { fs::create_directories(root_ / path); }
  void link(const std::string& path, const std::string& target) const {
    fs::create_directories((root_ / path).parent_path());
    std::error_code ignored;
    fs::remove(root_ / path, ignored);
    fs::create_symlink(target, root_ / path);
  }
  // A link to another path of the tree, relative as in sysfs.
  void link_to(const std::string& path, const std::string& inside) const {
    link(path, fs::path(inside).lexically_relative(fs::path(path).parent_path()).string());
  }

  void pci(const std::string& address, std::map<std::string, std::string> words) {
    const auto take = [&](const char* key, const std::string& otherwise = "") {
      const auto found = words.find(key);
      if (found == words.end()) return otherwise;
      auto value = found->second;
      words.erase(found);
      return value;
    };
    const auto under = take("under");
    const auto above = under.empty() ? "sys/devices/pci" + address.substr(0, address.rfind(':')) : folders_.at(under);
    const auto folder = folders_[address] = above + "/" + address;
    const auto id = take("id"), sub = take("sub", "0000:0000"), kind = take("class");
    if (id.size() != 9 || kind.size() != 6) throw std::runtime_error("pci " + address + ": id= and class= are needed");
    file(folder + "/vendor", "0x" + id.substr(0, 4) + "\n");
    file(folder + "/device", "0x" + id.substr(5) + "\n");
    file(folder + "/subsystem_vendor", "0x" + sub.substr(0, 4) + "\n");
    file(folder + "/subsystem_device", "0x" + sub.substr(5) + "\n");
    file(folder + "/class", "0x" + kind + "\n");
    file(folder + "/revision", "0x" + take("rev", "00") + "\n");
    // The kernel writes modaliases with capital digits.
    const auto capital = [](std::string digits) {
      for (auto& c : digits) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      return digits;
    };
    file(folder + "/modalias", "pci:v0000" + capital(id.substr(0, 4)) + "d0000" + capital(id.substr(5)) +
                                   "sv00000000sd00000000bc" + capital(kind.substr(0, 2)) + "sc" +
                                   capital(kind.substr(2, 2)) + "i" + capital(kind.substr(4)) + "\n");
    file(folder + "/driver_override", take("override", "(null)") + "\n");
    if (const auto vga = take("boot_vga"); !vga.empty()) file(folder + "/boot_vga", vga + "\n");
    if (const auto width = take("width"); !width.empty()) file(folder + "/max_link_width", width + "\n");
    if (auto reset = take("reset"); !reset.empty()) {
      for (auto& c : reset)
        if (c == ',') c = ' ';
      file(folder + "/reset_method", reset + "\n");
    }
    link_to("sys/bus/pci/devices/" + address, folder);
    if (const auto driver = take("driver"); !driver.empty()) {
      const auto at = "sys/bus/pci/drivers/" + driver;
      file(at + "/bind", "");
      file(at + "/unbind", "");
      link_to(folder + "/driver", at);
      link_to(at + "/" + address, folder);
      if (const auto module = take("module"); !module.empty()) link_to(at + "/module", "sys/module/" + module);
      dir("sys/module/" + driver);
    }
    if (const auto group = take("group"); !group.empty()) {
      const auto at = "sys/kernel/iommu_groups/" + group;
      file(at + "/type", "DMA-FQ\n");
      link_to(folder + "/iommu_group", at);
      link_to(at + "/devices/" + address, folder);
    }
    if (!words.empty()) throw std::runtime_error("pci " + address + ": unknown word " + words.begin()->first + "=");
  }

  void unpack(std::istream& text) {
    std::string open;  // the file that the next lines belong to
    std::string lines;
    const auto close = [&] {
      if (!open.empty()) file(open, lines);
      open.clear();
      lines.clear();
    };
    for (std::string line; std::getline(text, line);) {
      if (line.rfind("| ", 0) == 0 || line == "|") {
        if (open.empty()) throw std::runtime_error("text without a file: " + line);
        lines += (line.size() > 2 ? line.substr(2) : "") + "\n";
        continue;
      }
      close();
      if (line.empty() || line[0] == '#') continue;
      std::istringstream words(line);
      std::string what, path, more;
      words >> what >> path;
      if (what == "file") {
        open = path;
      } else if (what == "include") {
        unpack_file(beside_ / path);
      } else if (what == "dir") {
        dir(path);
      } else if (what == "link") {
        words >> more;
        link(path, more);
      } else if (what == "bytes") {
        words >> more;
        std::string bytes;
        for (std::size_t i = 0; i + 1 < more.size(); i += 2)
          bytes += static_cast<char>(std::stoi(more.substr(i, 2), nullptr, 16));
        file(path, bytes);
      } else if (what == "pci") {
        std::map<std::string, std::string> values;
        while (words >> more) values[more.substr(0, more.find('='))] = more.substr(more.find('=') + 1);
        pci(path, std::move(values));
      } else {
        throw std::runtime_error("unknown line: " + line);
      }
    }
    close();
  }

  void unpack_file(const fs::path& description) {
    std::ifstream text(description);
    beside_ = description.parent_path();
    if (!text) throw std::runtime_error("cannot read " + description.string());
    unpack(text);
  }

 private:
  fs::path root_;
  fs::path beside_;
  std::map<std::string, std::string> folders_;  // address -> its folder
};

}  // namespace vgpukit::test
