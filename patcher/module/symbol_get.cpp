#include "module/symbol_get.hpp"

#include <algorithm>
#include <cstdint>

namespace vgpukit::module {
namespace {

// symbol_get("x") is a load of the string's address and a call, next to each other but for what the compiler moves in
// between.
constexpr std::uint64_t max_distance = 96;

bool is_symbol_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  });
}

// The string that a relocation in code refers to; empty when it is none.
std::string_view string_of(const ModuleImage& image, const ElfRelocation& relocation) {
  const GElf_Sym& symbol = image.symbols()[relocation.symbol].symbol;
  if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= image.sections().size()) return {};
  const ElfSection& section = image.sections()[symbol.st_shndx];
  if ((section.header.sh_flags & SHF_ALLOC) == 0 || (section.header.sh_flags & SHF_EXECINSTR) != 0) return {};
  std::int64_t addend = relocation.addend;
  // A PC-relative operand counts from the end of the instruction, which is the end of the operand in a lea.
  if (relocation.type == R_X86_64_PC32)
    addend += 4;
  else if (relocation.type != R_X86_64_32S && relocation.type != R_X86_64_32 && relocation.type != R_X86_64_64)
    return {};
  const std::string_view text = image.string_at(symbol.st_shndx, symbol.st_value + static_cast<std::uint64_t>(addend));
  return is_symbol_name(text) ? text : std::string_view{};
}

// Does the operand at `offset` go into %rdi: mov $imm32,%rdi; mov $imm32,%edi; lea disp32(%rip),%rdi; movabs
// $imm64,%rdi?
bool loads_first_argument(std::string_view code, std::uint64_t offset) {
  if (offset < 1 || offset > code.size()) return false;
  const std::string_view before = code.substr(0, offset);
  return before.ends_with("\x48\xc7\xc7") || before.ends_with("\xbf") || before.ends_with("\x48\x8d\x3d");
}

bool calls_symbol_get(const ModuleImage& image, const ElfRelocation& relocation) {
  if (relocation.type != R_X86_64_PLT32 && relocation.type != R_X86_64_PC32) return false;
  const ElfSymbol& symbol = image.symbols()[relocation.symbol];
  return symbol.undefined() && (symbol.name == "__symbol_get" || symbol.name == "__symbol_get_gpl");
}

}  // namespace

std::vector<std::string> find_symbol_gets(const ModuleImage& image) {
  std::vector<std::string> names;
  if (image.machine() != EM_X86_64) return names;
  const bool wanted = std::any_of(image.symbols().begin(), image.symbols().end(), [](const ElfSymbol& symbol) {
    return symbol.undefined() && symbol.name.starts_with("__symbol_get");
  });
  if (!wanted) return names;  // most modules: spare the reading of all their relocations

  for (std::size_t index = 0; index < image.sections().size(); ++index) {
    const ElfSection& section = image.sections()[index];
    if ((section.header.sh_flags & SHF_EXECINSTR) == 0) continue;
    const std::vector<ElfRelocation> relocations = image.relocations(index);
    for (std::size_t call = 0; call < relocations.size(); ++call) {
      if (!calls_symbol_get(image, relocations[call])) continue;
      std::string_view nearest;
      std::string_view argument;
      for (std::size_t i = call; i-- > 0 && argument.empty();) {
        if (relocations[call].offset - relocations[i].offset > max_distance) break;
        const std::string_view text = string_of(image, relocations[i]);
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
