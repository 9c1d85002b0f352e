// Which symbols a module asks for by name while it runs: the strings that it hands to __symbol_get().
#pragma once

#include <string>
#include <vector>

#include "module/elf_file.hpp"

namespace vgpukit::module {

// From the last string that is loaded into the first argument's register before each call. x86-64 only; empty for the
// others.
std::vector<std::string> find_symbol_gets(const ModuleImage& image);

}  // namespace vgpukit::module
