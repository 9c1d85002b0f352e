#include "module/module_file.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_map>

#include "module/elf_file.hpp"
#include "module/symbol_get.hpp"
#include "support/text.hpp"

namespace vgpukit::module {
namespace {

// include/linux/module.h: struct modversion_info is an unsigned long and a name, 64 bytes together.
constexpr std::size_t version_entry = 64;
constexpr std::size_t version_name = 8;
constexpr unsigned char flag_gpl_only = 1;  // include/linux/module_symbol.h: KSYM_FLAG_GPL_ONLY

std::uint32_t u32_at(std::string_view bytes, std::size_t offset) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

// The text before the first NUL, or all of it.
std::string_view until_nul(std::string_view bytes) {
  return bytes.substr(0, bytes.find('\0'));
}

std::multimap<std::string, std::string> read_modinfo(std::string_view bytes) {
  std::multimap<std::string, std::string> info;
  while (!bytes.empty()) {
    const std::string_view entry = until_nul(bytes);
    if (const auto equals = entry.find('='); equals != std::string_view::npos)
      info.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    bytes.remove_prefix(std::min(bytes.size(), entry.size() + 1));
  }
  return info;
}

using Versions = std::unordered_map<std::string_view, std::uint32_t>;

// The kernel uses the extended table (CONFIG_EXTENDED_MODVERSIONS, 6.14) if there is one.
Versions read_versions(const ElfFile& elf, bool& present) {
  Versions versions;
  const ElfSection* crcs = elf.section("__version_ext_crcs");
  const ElfSection* names = elf.section("__version_ext_names");
  present = true;
  if (crcs != nullptr && names != nullptr) {
    std::string_view rest = names->bytes;
    for (std::size_t i = 0; i + 4 <= crcs->bytes.size() && !rest.empty(); i += 4) {
      const std::string_view name = until_nul(rest);
      versions.emplace(name, u32_at(crcs->bytes, i));
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    }
    return versions;
  }
  const ElfSection* table = elf.section("__versions");
  present = table != nullptr;
  if (table == nullptr) return versions;
  for (std::size_t i = 0; i + version_entry <= table->bytes.size(); i += version_entry) {
    versions.emplace(until_nul(table->bytes.substr(i + version_name, version_entry - version_name)),
                     u32_at(table->bytes, i));
  }
  return versions;
}

// Whether the section is this table of exports: "__ksymtab" if module.lds merged it, otherwise "___ksymtab+name".
bool is_table(std::string_view section, std::string_view table) {
  if (section.starts_with("___")) section.remove_prefix(1);
  return section == table ||
         (section.starts_with(table) && section.size() > table.size() && section[table.size()] == '+');
}

bool is_export_table(std::string_view section) {
  return is_table(section, "__ksymtab") || is_table(section, "__ksymtab_gpl") ||
         is_table(section, "__ksymtab_gpl_future");
}

// The name of the table of CRCs or flags of a table of exports.
std::string related_table(std::string_view table, std::string_view word) {
  std::string name(table);
  name.replace(name.find("ksymtab"), 7, word);
  return name;
}

// struct kernel_symbol has value, name and namespace, as 4-byte relative or 8-byte absolute references, depending on
// the architecture. All of them are relocations: one to the symbol, then two into __ksymtab_strings.
std::vector<ModuleExport> read_table(const ElfFile& elf, std::size_t index) {
  std::vector<ModuleExport> exports;
  int strings = 2;
  for (const ElfRelocation& relocation : elf.relocations(index)) {
    const GElf_Sym& symbol = elf.symbols()[relocation.symbol].symbol;
    const bool is_string =
        symbol.st_shndx < elf.sections().size() && elf.sections()[symbol.st_shndx].name == "__ksymtab_strings";
    if (!is_string) {
      exports.emplace_back();
      strings = 0;
      continue;
    }
    if (exports.empty() || strings >= 2) continue;
    const std::string_view text =
        elf.string_at(symbol.st_shndx, symbol.st_value + static_cast<std::uint64_t>(relocation.addend));
    (strings++ == 0 ? exports.back().name : exports.back().name_space) = text;
  }
  return exports;
}

// A CRC is in the table itself (6.4 and newer) or is the value of the absolute symbol __crc_NAME.
void read_crcs(const ElfFile& elf, const std::string& table, std::vector<ModuleExport>& exports) {
  const ElfSection* section = elf.section(table);
  if (section == nullptr || section->bytes.size() < exports.size() * 4) return;
  const auto relocations = elf.relocations(static_cast<std::size_t>(section - elf.sections().data()));
  for (std::size_t i = 0; i < exports.size(); ++i) exports[i].crc = u32_at(section->bytes, i * 4);
  for (const ElfRelocation& relocation : relocations) {
    if (relocation.offset % 4 != 0 || relocation.offset / 4 >= exports.size()) continue;
    const GElf_Sym& symbol = elf.symbols()[relocation.symbol].symbol;
    auto& crc = exports[relocation.offset / 4].crc;
    // A CRC in another section (MODULE_REL_CRCS) or of an undefined symbol is not read, and then not compared.
    if (symbol.st_shndx == SHN_ABS)
      crc = static_cast<std::uint32_t>(symbol.st_value + static_cast<std::uint64_t>(relocation.addend));
    else
      crc = std::nullopt;
  }
}

std::vector<ModuleExport> read_exports(const ElfFile& elf) {
  std::vector<ModuleExport> all;
  for (std::size_t index = 0; index < elf.sections().size(); ++index) {
    const std::string_view table = elf.sections()[index].name;
    if (!is_export_table(table)) continue;
    std::vector<ModuleExport> exports = read_table(elf, index);
    const bool gpl_table = contains(table, "ksymtab_gpl");
    const ElfSection* flags = elf.section(related_table(table, "kflagstab"));
    for (std::size_t i = 0; i < exports.size(); ++i) {
      exports[i].gpl_only = gpl_table;
      if (flags != nullptr && i < flags->bytes.size())
        exports[i].gpl_only = (static_cast<unsigned char>(flags->bytes[i]) & flag_gpl_only) != 0;
    }
    read_crcs(elf, related_table(table, "kcrctab"), exports);
    for (ModuleExport& one : exports)
      if (!one.name.empty()) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

std::string module_name(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  if (const auto dot = name.find(".ko"); dot != std::string::npos) name.erase(dot);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string ModuleFile::info(const std::string& key) const {
  const auto found = modinfo.lower_bound(key);
  return found == modinfo.end() || found->first != key ? std::string() : found->second;
}

bool ModuleFile::gpl_compatible() const {
  static constexpr std::array<std::string_view, 6> licences{"GPL",          "GPL v2",       "GPL and additional rights",
                                                            "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"};
  return std::find(licences.begin(), licences.end(), info("license")) != licences.end();
}

Result<ModuleFile> read_module(const std::filesystem::path& path) {
  TRY_ASSIGN(const ElfFile elf, ElfFile::open(path));
  ModuleFile module;
  module.path = path;
  module.machine = elf.machine();
  module.bytes = elf.file_bytes();
  module.is_signed = elf.is_signed();

  const ElfSection* modinfo = elf.section(".modinfo");
  if (modinfo == nullptr) {
    return Error{ErrorKind::usage, "read the module " + path.string(),
                 "it is an object file without .modinfo, not a module",
                 "name the .ko file that the last step of the build makes"};
  }
  module.modinfo = read_modinfo(modinfo->bytes);
  module.name = module.info("name");
  if (module.name.empty()) module.name = module_name(path.native());

  const Versions versions = read_versions(elf, module.has_versions);
  const auto crc_of = [&](std::string_view name) -> std::optional<std::uint32_t> {
    const auto found = versions.find(name);
    return found == versions.end() ? std::nullopt : std::optional(found->second);
  };
  module.layout_crc = crc_of("module_layout");
  for (const ElfSymbol& symbol : elf.symbols()) {
    if (symbol.undefined()) module.imports.push_back({std::string(symbol.name), symbol.weak(), crc_of(symbol.name)});
  }
  module.exports = read_exports(elf);
  module.symbol_gets = find_symbol_gets(elf);
  return module;
}

}  // namespace vgpukit::module
