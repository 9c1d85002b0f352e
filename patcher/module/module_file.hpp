// A kernel module file (.ko) as the kernel's loader sees it: modinfo, imports with CRCs, exports, symbol_get() targets.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernel/facts.hpp"
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
  std::optional<std::uint32_t> crc =
      std::nullopt;  // from __kcrctab; what a sibling that imports it must have been built against
};

struct ModuleFile {
  std::filesystem::path path;
  std::string name;  // modinfo name=, else the file's name with '-' as '_'
  std::multimap<std::string, std::string> modinfo;
  std::vector<ModuleImport>
      imports;  // undefined symbols, in the order of the symbol table: the loader resolves them in it
  std::vector<ModuleExport> exports;     // __ksymtab and __ksymtab_gpl; from 7.x on __kflagstab says which are GPL-only
  std::vector<std::string> symbol_gets;  // names passed to __symbol_get(), from the relocations before each call
  bool has_versions = false;             // __versions or __version_ext_crcs is there
  std::optional<std::uint32_t>
      layout_crc;             // the CRC of module_layout, which every versioned module carries and none imports
  std::uint16_t machine = 0;  // e_machine: EM_X86_64, EM_AARCH64 ...
  std::uintmax_t bytes = 0;   // of the file, compressed as it is
  bool is_signed = false;     // by whom, only the kernel's keys can tell
  [[nodiscard]] std::string info(const std::string& key) const;  // the first value, or empty
  [[nodiscard]] bool gpl_compatible() const;                     // the kernel's license_is_gpl_compatible()
};

// Reads an ELF64 relocatable (also .ko.xz, .ko.zst, .ko.gz, through libarchive's filters). Every offset in the file is
// checked. Error: usage when it is not a kernel module (not ELF, not relocatable, no .modinfo, cut off), naming what
// was expected.
Result<ModuleFile> read_module(const std::filesystem::path& path);

struct Verdict {
  std::string module;
  std::string message;  // what the kernel would print: "nvidia: Unknown symbol foo (err -2)"
  std::string hint;     // why, and what to do
  bool refuses = true;  // false: a warning only (a symbol without a version, an export that another module may own)
};

// Would this kernel load these modules, in some order? Checks, for each: vermagic (against the probe module's),
// architecture, every undefined symbol resolved by Module.symvers or a sibling, CRCs where CONFIG_MODVERSIONS, no
// GPL-only symbol used by a module whose licence is not GPL compatible, import namespaces, every symbol_get() target
// exported GPL-only where the kernel insists (behaviour symbol-get-gpl-only), no two modules exporting one name.
// `tolerated`: undefined symbols that a missing binary object would define (--compile-only).
Result<std::vector<Verdict>> verify_modules(const std::vector<ModuleFile>& modules, kernel::Facts& facts,
                                            const std::vector<std::string>& tolerated = {});

}  // namespace vgpukit::module
