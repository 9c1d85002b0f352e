// module/: a built kernel module: its ELF file, symbols, the checks of the kernel's loader, signing and Secure Boot. It
// uses kernel/.
//
// A module file (.ko): modinfo, imports with CRCs, exports, symbol_get() targets.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::module {

struct ModuleImport {
  std::string name;
  bool weak = false;
  std::optional<std::uint32_t> crc = std::nullopt;  // from __versions or __version_ext_crcs
};

struct ModuleExport {
  std::string name;
  bool gpl_only = false;
  std::string name_space;
  std::optional<std::uint32_t> crc = std::nullopt;  // from __kcrctab
};

struct ModuleFile {
  std::filesystem::path path;
  std::string name;  // modinfo name=, otherwise module_name(path)
  std::multimap<std::string, std::string> modinfo;
  // Undefined symbols, in the order of the symbol table, in which the loader resolves them.
  std::vector<ModuleImport> imports;
  std::vector<ModuleExport> exports;        // __ksymtab and __ksymtab_gpl; since 7.x __kflagstab says GPL-only
  std::vector<std::string> symbol_gets;     // names passed to __symbol_get(), from the relocations before each call
  bool has_versions = false;                // it has __versions or __version_ext_crcs
  std::optional<std::uint32_t> layout_crc;  // of module_layout; every versioned module has it, none imports it
  std::uint16_t machine = 0;                // e_machine: EM_X86_64, EM_AARCH64 ...
  std::uintmax_t bytes = 0;                 // the size of the file, compressed or not
  bool is_signed = false;                   // with any key
  [[nodiscard]] std::string info(const std::string& key) const;  // the first value, or empty
  [[nodiscard]] bool gpl_compatible() const;                     // the kernel's license_is_gpl_compatible()
};

// Reads an ELF64 relocatable (also .ko.xz, .ko.zst, .ko.gz, through libarchive's filters). Every offset in the file is
// checked. Error: usage if it is not a kernel module (not ELF, not relocatable, no .modinfo, cut off).
Result<ModuleFile> read_module(const std::filesystem::path& path);

// The module's name of a file or of a Module.symvers entry: "drivers/gpu/drm/nvidia-drm.ko.xz" -> nvidia_drm.
std::string module_name(std::string_view path);

}  // namespace vgpukit::module
