// The ELF file of a module: sections, symbols and relocations, read with checked bounds.
//
// It uses libelf, because libkmod reads names, modinfo and CRCs, but not which exports are GPL-only, namespaces, the
// __kflagstab of 7.x, and relocations.
#pragma once

#include <gelf.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::module {

struct ElfSection {
  std::string_view name;
  GElf_Shdr header{};
  std::string_view bytes;  // empty for SHT_NOBITS
};

struct ElfSymbol {
  std::string_view name;
  GElf_Sym symbol{};
  [[nodiscard]] bool undefined() const { return symbol.st_shndx == SHN_UNDEF && !name.empty(); }
  [[nodiscard]] bool weak() const { return GELF_ST_BIND(symbol.st_info) == STB_WEAK; }
};

struct ElfRelocation {
  std::uint64_t offset = 0;  // in the section that it applies to
  std::uint32_t type = 0;
  std::size_t symbol = 0;  // an index into symbols()
  std::int64_t addend = 0;
};

class ElfFile {
 public:
  // Error: as read_module().
  static Result<ElfFile> open(const std::filesystem::path& path);

  [[nodiscard]] std::uint16_t machine() const { return machine_; }
  [[nodiscard]] std::uintmax_t file_bytes() const { return file_bytes_; }
  // Whether it ends in MODULE_SIG_STRING (linux/module_signature.h).
  [[nodiscard]] bool is_signed() const { return is_signed_; }
  [[nodiscard]] const std::vector<ElfSection>& sections() const { return sections_; }
  [[nodiscard]] const std::vector<ElfSymbol>& symbols() const { return symbols_; }
  [[nodiscard]] const ElfSection* section(std::string_view name) const;
  // The relocations of the section with this index, sorted by offset, without those with a bad symbol index.
  [[nodiscard]] std::vector<ElfRelocation> relocations(std::size_t section_index) const;
  // The string at an offset of a section, up to its NUL. Empty if the offset is outside or there is no NUL.
  [[nodiscard]] std::string_view string_at(std::size_t section_index, std::uint64_t offset) const;

 private:
  struct Closer {
    void operator()(Elf* elf) const { elf_end(elf); }
  };
  Status read(const std::string& tried);
  Status read_symbols(const std::string& tried, std::size_t index);

  std::shared_ptr<std::string> unpacked_;  // of a compressed module; libelf points into it
  std::unique_ptr<Elf, Closer> elf_;       // before the members that point into it: it is destroyed after them
  std::vector<ElfSection> sections_;
  std::vector<ElfSymbol> symbols_;
  std::uint16_t machine_ = 0;
  std::uintmax_t file_bytes_ = 0;
  bool is_signed_ = false;
};

}  // namespace vgpukit::module
