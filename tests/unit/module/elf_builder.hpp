// Writes small module files for tests: sections, symbols and relocations.
#pragma once

#include <elf.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace vgpukit::module {

class ElfBuilder {
 public:
  std::uint16_t type = ET_REL;
  std::uint16_t machine = EM_X86_64;

  ElfBuilder() {
    sections_.push_back({});
    symbols_.push_back({});
  }

  // Returns the section's index.
  std::size_t section(std::string name, std::string bytes, std::uint64_t flags = SHF_ALLOC,
                      std::uint32_t section_type = SHT_PROGBITS) {
    Section one;
    one.name = std::move(name);
    one.bytes = std::move(bytes);
    one.header.sh_type = section_type;
    one.header.sh_flags = flags;
    sections_.push_back(std::move(one));
    return sections_.size() - 1;
  }

  // Returns the symbol's index. `in`: a section's index, SHN_UNDEF or SHN_ABS.
  std::size_t symbol(const std::string& name, std::size_t in = SHN_UNDEF, std::uint64_t value = 0,
                     unsigned char bind = STB_GLOBAL, unsigned char kind = STT_NOTYPE) {
    Elf64_Sym one{};
    one.st_name = text(names_, name);
    one.st_shndx = static_cast<Elf64_Half>(in);
    one.st_value = value;
    one.st_info = static_cast<unsigned char>(ELF64_ST_INFO(bind, kind));
    symbols_.push_back(one);
    return symbols_.size() - 1;
  }

  void relocate(std::size_t section_index, std::uint64_t offset, std::uint32_t kind, std::size_t to,
                std::int64_t addend = 0) {
    Elf64_Rela one{};
    one.r_offset = offset;
    one.r_info = ELF64_R_INFO(static_cast<Elf64_Xword>(to), kind);
    one.r_addend = addend;
    relocations_.push_back({section_index, one});
  }

  // One entry of an export table, as modpost's assembler makes it: value, name, namespace, each relative to itself.
  void exported(std::size_t table, std::size_t strings, std::size_t entry, std::size_t value, std::uint64_t name,
                std::uint64_t name_space) {
    const std::size_t base = symbol("", strings, 0, STB_LOCAL);
    relocate(table, entry * 12, R_X86_64_PC32, value);
    relocate(table, entry * 12 + 4, R_X86_64_PC32, base, static_cast<std::int64_t>(name));
    relocate(table, entry * 12 + 8, R_X86_64_PC32, base, static_cast<std::int64_t>(name_space));
  }

  [[nodiscard]] std::string build() const {
    std::vector<Section> all = sections_;
    const std::size_t symbol_table = all.size();
    all.push_back(made(".symtab", SHT_SYMTAB, raw(symbols_)));
    all.back().header.sh_link = static_cast<Elf64_Word>(symbol_table + 1);
    all.back().header.sh_entsize = sizeof(Elf64_Sym);
    all.push_back(made(".strtab", SHT_STRTAB, names_));
    for (std::size_t target = 1; target < sections_.size(); ++target) {
      std::vector<Elf64_Rela> entries;
      for (const auto& [section_index, one] : relocations_)
        if (section_index == target) entries.push_back(one);
      if (entries.empty()) continue;
      all.push_back(made(".rela" + sections_[target].name, SHT_RELA, raw(entries)));
      all.back().header.sh_link = static_cast<Elf64_Word>(symbol_table);
      all.back().header.sh_info = static_cast<Elf64_Word>(target);
      all.back().header.sh_entsize = sizeof(Elf64_Rela);
    }
    all.push_back(made(".shstrtab", SHT_STRTAB, std::string(1, '\0')));
    std::string section_names(1, '\0');
    for (Section& one : all) one.header.sh_name = one.name.empty() ? 0 : text(section_names, one.name);
    all.back().bytes = section_names;

    std::string file(sizeof(Elf64_Ehdr), '\0');
    for (Section& one : all) {
      file.resize((file.size() + 7) / 8 * 8, '\0');
      one.header.sh_offset = one.header.sh_type == SHT_NULL ? 0 : file.size();
      one.header.sh_size = one.bytes.size();
      one.header.sh_addralign = 1;
      file += one.bytes;
    }
    file.resize((file.size() + 7) / 8 * 8, '\0');
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = type;
    header.e_machine = machine;
    header.e_version = EV_CURRENT;
    header.e_ehsize = sizeof header;
    header.e_shoff = file.size();
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = static_cast<Elf64_Half>(all.size());
    header.e_shstrndx = static_cast<Elf64_Half>(all.size() - 1);
    std::memcpy(file.data(), &header, sizeof header);
    for (const Section& one : all) file.append(reinterpret_cast<const char*>(&one.header), sizeof one.header);
    return file;
  }

 private:
  struct Section {
    std::string name;
    std::string bytes;
    Elf64_Shdr header{};
  };
  struct Relocation {
    std::size_t section;
    Elf64_Rela entry;
  };

  static Elf64_Word text(std::string& table, const std::string& name) {
    const auto at = static_cast<Elf64_Word>(table.size());
    table += name + '\0';
    return at;
  }
  static Section made(std::string name, std::uint32_t kind, std::string bytes) {
    Section one;
    one.name = std::move(name);
    one.bytes = std::move(bytes);
    one.header.sh_type = kind;
    return one;
  }
  template <class T>
  static std::string raw(const std::vector<T>& items) {
    return {reinterpret_cast<const char*>(items.data()), items.size() * sizeof(T)};
  }

  std::vector<Section> sections_;
  std::vector<Elf64_Sym> symbols_;
  std::vector<Relocation> relocations_;
  std::string names_ = std::string(1, '\0');
};

}  // namespace vgpukit::module
