#include "system/efi_variables.hpp"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>

namespace vgpukit::system {

namespace {

constexpr const char* loader_vendor = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
constexpr const char* global_vendor = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

unsigned short_at(std::string_view bytes, std::size_t at) {
  return byte_at(bytes, at) | byte_at(bytes, at + 1) << 8U;
}

// UTF-16 up to its NUL, as UTF-8. Surrogates, which no loader uses, become '?'.
std::string text_of(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
    const auto c = short_at(bytes, at);
    if (c == 0) break;
    if (c < 0x80) {
      text += static_cast<char>(c);
    } else if (c < 0x800) {
      text += {static_cast<char>(0xc0U | c >> 6U), static_cast<char>(0x80U | (c & 0x3fU))};
    } else if (c >= 0xd800 && c < 0xe000) {
      text += '?';
    } else {
      text += {static_cast<char>(0xe0U | c >> 12U), static_cast<char>(0x80U | (c >> 6U & 0x3fU)),
               static_cast<char>(0x80U | (c & 0x3fU))};
    }
  }
  return text;
}

class Reader {
 public:
  Reader(const Sysfs& sysfs, std::string& problem) : sysfs_(sysfs), problem_(problem) {}

  // The value, without the four bytes of attributes in front of it.
  std::optional<std::string> bytes(const std::string& name, const char* vendor) {
    const auto path = "/sys/firmware/efi/efivars/" + name + "-" + vendor;
    auto said = sysfs_.read_bytes(path);
    if (said.error == ENOENT || said.error == ENOTDIR) return std::nullopt;
    if (said.error != 0) return bad(path, std::strerror(said.error));
    if (said.text.size() < 4) return bad(path, "it is cut off");
    return said.text.substr(4);
  }
  std::string text(const std::string& name) {
    const auto value = bytes(name, loader_vendor);
    return value ? text_of(*value) : std::string();
  }
  // EFI_LOAD_OPTION: attributes (4 bytes), length of the path list (2), the description, the path list.
  void boot_option(EfiVariables& found) {
    const auto current = bytes("BootCurrent", global_vendor);
    if (!current || current->size() < 2) return;
    char name[16];
    std::snprintf(name, sizeof name, "Boot%04X", short_at(*current, 0));
    const auto option = bytes(name, global_vendor);
    if (!option) return;
    if (option->size() < 8) {
      bad(name, "it is cut off");
      return;
    }
    const std::string_view all = *option;
    const std::size_t length = short_at(all, 4);
    auto at = all.find(std::string_view("\0\0", 2), 6);
    while (at != std::string_view::npos && at % 2 != 0) at = all.find(std::string_view("\0\0", 2), at + 1);
    if (at == std::string_view::npos) return;
    found.boot_name = text_of(all.substr(6, at - 6));
    const auto end = std::min(all.size(), at + 2 + length);
    // Nodes of a device path: type, subtype, length (with these four bytes). 4, 4 is a file's path.
    for (at += 2; at + 4 <= end;) {
      const std::size_t size = short_at(all, at + 2);
      if (size < 4 || at + size > end) return;
      if (byte_at(all, at) == 4 && byte_at(all, at + 1) == 4) found.boot_path += text_of(all.substr(at + 4, size - 4));
      at += size;
    }
  }

 private:
  std::nullopt_t bad(const std::string& path, const std::string& why) {
    if (problem_.empty()) problem_ = path + ": " + why;
    return std::nullopt;
  }
  const Sysfs& sysfs_;
  std::string& problem_;
};

}  // namespace

EfiVariables read_efi_variables(const Sysfs& sysfs) {
  EfiVariables found;
  Reader read(sysfs, found.problem);
  found.loader_info = read.text("LoaderInfo");
  found.entry_selected = read.text("LoaderEntrySelected");
  found.stub_info = read.text("StubInfo");
  read.boot_option(found);
  return found;
}

}  // namespace vgpukit::system
