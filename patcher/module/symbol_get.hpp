#pragma once

#include <string>
#include <vector>

#include "module/elf_file.hpp"

namespace vgpukit::module {

// The names that a module passes to __symbol_get(): for each call the last string that is loaded into the register of
// the first argument. Empty for architectures other than x86-64.
std::vector<std::string> find_symbol_gets(const ElfFile& elf);

}  // namespace vgpukit::module
