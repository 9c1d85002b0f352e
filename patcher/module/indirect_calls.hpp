// Functions that are called through pointers, and what x86 kernels require at their beginning. Internal to module/.
#pragma once

#include <cstdint>
#include <string>

#include "module/elf_file.hpp"

namespace vgpukit::module {

// The functions of a module whose address is taken, and which of them lack a mark. The names are those of the first.
struct IndirectCalls {
  std::size_t functions = 0;
  std::size_t without_endbr = 0;  // ENDBR64, which the processor requires (CONFIG_X86_KERNEL_IBT)
  std::string first_without_endbr;
  std::size_t without_hash = 0;  // of the type, which the caller compares (CONFIG_CFI, CONFIG_CFI_CLANG)
  std::string first_without_hash;
};

// `padding`: CONFIG_FUNCTION_PADDING_CFI, the bytes between the hash and the function. A function without a symbol is
// not counted. The sections that objtool does not regard either (validate_ibt()) are left out: the addresses in them
// are not for calls.
IndirectCalls indirect_calls(const ElfFile& elf, std::uint64_t padding);

}  // namespace vgpukit::module
