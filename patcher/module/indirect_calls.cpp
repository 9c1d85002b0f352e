#include "module/indirect_calls.hpp"

#include <elf.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace vgpukit::module {

namespace {

using Place = std::pair<std::size_t, std::uint64_t>;  // section, offset

constexpr std::string_view endbr64 = "\xf3\x0f\x1e\xfa";
constexpr char mov_to_eax = '\xb8';  // the hash is its operand: 5 bytes
constexpr std::uint64_t hash_bytes = 5;

bool is_executable(const ElfFile& elf, std::size_t index) {
  return index < elf.sections().size() && (elf.sections()[index].header.sh_flags & SHF_EXECINSTR) != 0;
}

bool has_no_calls(std::string_view section) {
  static constexpr std::array<std::string_view, 24> prefixes = {".discard",
                                                                ".altinstructions",
                                                                ".ibt_endbr_seal",
                                                                ".orc_",
                                                                ".retpoline_sites",
                                                                ".return_sites",
                                                                ".call_sites",
                                                                ".cfi_sites",
                                                                ".kcfi_traps",
                                                                ".smp_locks",
                                                                ".parainstructions",
                                                                ".static_call_sites",
                                                                ".static_call_tramp_key",
                                                                ".gnu.linkonce.this_module",
                                                                "_error_injection_whitelist",
                                                                "_kprobe_blacklist",
                                                                "__bug_table",
                                                                "__ex_table",
                                                                "__jump_table",
                                                                "__mcount_loc",
                                                                "__ksymtab",
                                                                "___ksymtab",
                                                                "__tracepoints",
                                                                "__patchable_function_entries"};
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view each) { return section.starts_with(each); });
}

// The offset that a relocation refers to, unless it belongs to a direct call or jump.
std::optional<std::uint64_t> address_of(const ElfSection& section, bool is_code, const ElfRelocation& relocation,
                                        std::uint64_t symbol) {
  const auto target = symbol + static_cast<std::uint64_t>(relocation.addend);
  switch (relocation.type) {
    case R_X86_64_64:
    case R_X86_64_32:
    case R_X86_64_32S:
      return target;
    case R_X86_64_PC32:
      break;
    default:
      return std::nullopt;
  }
  const auto at = relocation.offset;
  if (!is_code || at < 2 || at > section.bytes.size()) return std::nullopt;
  const auto before = static_cast<unsigned char>(section.bytes[at - 1]);
  const bool direct = before == 0xe8 || before == 0xe9 || (section.bytes[at - 2] == 0x0f && (before & 0xf0U) == 0x80);
  // Relative to the end of the instruction, which ends with these 4 bytes (lea).
  return direct ? std::nullopt : std::optional(target + 4);
}

}  // namespace

IndirectCalls indirect_calls(const ElfFile& elf, std::uint64_t padding) {
  std::map<Place, std::string_view> functions;
  for (const auto& symbol : elf.symbols())
    if (GELF_ST_TYPE(symbol.symbol.st_info) == STT_FUNC && is_executable(elf, symbol.symbol.st_shndx))
      functions.try_emplace({symbol.symbol.st_shndx, symbol.symbol.st_value}, symbol.name);

  std::set<Place> taken;
  for (std::size_t index = 0; index < elf.sections().size(); ++index) {
    const auto& section = elf.sections()[index];
    if ((section.header.sh_flags & SHF_ALLOC) == 0 || has_no_calls(section.name)) continue;
    for (const auto& relocation : elf.relocations(index)) {
      const auto& symbol = elf.symbols()[relocation.symbol].symbol;
      if (!is_executable(elf, symbol.st_shndx)) continue;
      const auto offset = address_of(section, is_executable(elf, index), relocation, symbol.st_value);
      if (offset && functions.contains({symbol.st_shndx, *offset})) taken.insert({symbol.st_shndx, *offset});
    }
  }

  IndirectCalls calls;
  calls.functions = taken.size();
  for (const auto& place : taken) {
    const auto& [index, offset] = place;
    const auto bytes = elf.sections()[index].bytes;
    if (offset >= bytes.size()) continue;
    const auto hash = offset - hash_bytes - padding;
    if (!bytes.substr(offset).starts_with(endbr64) && calls.without_endbr++ == 0)
      calls.first_without_endbr = functions[place];
    if ((offset < hash_bytes + padding || bytes[hash] != mov_to_eax) && calls.without_hash++ == 0)
      calls.first_without_hash = functions[place];
  }
  return calls;
}

}  // namespace vgpukit::module
