#include "module/symbol_get.hpp"

#include <algorithm>
#include <cstdint>

#include "support/text.hpp"

namespace vgpukit::module {
namespace {

// symbol_get("x") is a load of the string's address and a call. The compiler may move a few instructions in between.
constexpr std::uint64_t max_distance = 96;

bool is_symbol_name(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_identifier_character(c) || c == '.'; });
}

// The string that a relocation in code refers to; empty if it refers to none.
std::string_view string_of(const ElfFile& elf, const ElfRelocation& relocation) {
  const GElf_Sym& symbol = elf.symbols()[relocation.symbol].symbol;
  if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= elf.sections().size()) return {};
  const ElfSection& section = elf.sections()[symbol.st_shndx];
  if ((section.header.sh_flags & SHF_ALLOC) == 0 || (section.header.sh_flags & SHF_EXECINSTR) != 0) return {};
  std::int64_t addend = relocation.addend;
  // A PC-relative operand is relative to the end of the instruction, which in a lea is the end of the operand.
  if (relocation.type == R_X86_64_PC32)
    addend += 4;
  else if (relocation.type != R_X86_64_32S && relocation.type != R_X86_64_32 && relocation.type != R_X86_64_64)
    return {};
  const std::string_view text = elf.string_at(symbol.st_shndx, symbol.st_value + static_cast<std::uint64_t>(addend));
  return is_symbol_name(text) ? text : std::string_view{};
}

// Whether the operand at `offset` is loaded into %rdi: mov $imm32,%rdi; mov $imm32,%edi; lea disp32(%rip),%rdi; movabs
// $imm64,%rdi.
bool loads_first_argument(std::string_view code, std::uint64_t offset) {
  if (offset < 1 || offset > code.size()) return false;
  const std::string_view before = code.substr(0, offset);
  return before.ends_with("\x48\xc7\xc7") || before.ends_with("\xbf") || before.ends_with("\x48\x8d\x3d");
}

bool calls_symbol_get(const ElfFile& elf, const ElfRelocation& relocation) {
  if (relocation.type != R_X86_64_PLT32 && relocation.type != R_X86_64_PC32) return false;
  const ElfSymbol& symbol = elf.symbols()[relocation.symbol];
  return symbol.undefined() && (symbol.name == "__symbol_get" || symbol.name == "__symbol_get_gpl");
}

}  // namespace

std::vector<std::string> find_symbol_gets(const ElfFile& elf) {
  std::vector<std::string> names;
  if (elf.machine() != EM_X86_64) return names;
  const bool wanted = std::any_of(elf.symbols().begin(), elf.symbols().end(), [](const ElfSymbol& symbol) {
    return symbol.undefined() && symbol.name.starts_with("__symbol_get");
  });
  if (!wanted) return names;  // most modules: no relocations need to be read

  for (std::size_t index = 0; index < elf.sections().size(); ++index) {
    const ElfSection& section = elf.sections()[index];
    if ((section.header.sh_flags & SHF_EXECINSTR) == 0) continue;
    const std::vector<ElfRelocation> relocations = elf.relocations(index);
    for (std::size_t call = 0; call < relocations.size(); ++call) {
      if (!calls_symbol_get(elf, relocations[call])) continue;
      std::string_view nearest;
      std::string_view argument;
      for (std::size_t i = call; i-- > 0 && argument.empty();) {
        if (relocations[call].offset - relocations[i].offset > max_distance) break;
        const std::string_view text = string_of(elf, relocations[i]);
        if (text.empty()) continue;
        if (nearest.empty()) nearest = text;
        if (loads_first_argument(section.bytes, relocations[i].offset)) argument = text;
      }
      const std::string name(!argument.empty() ? argument : nearest);
      if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

}  // namespace vgpukit::module
