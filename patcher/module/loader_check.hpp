// The rules by which a kernel's module loader accepts modules, applied to plain data (kernel/module/main.c, version.c).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/symvers.hpp"
#include "module/module_file.hpp"

namespace vgpukit::module {

// What one kernel insists on.
struct LoaderRules {
  const kernel::Symvers* symvers = nullptr;  // never null when used
  std::string vermagic;                      // what every module for this kernel carries
  std::uint16_t machine = 0;                 // e_machine of its modules; 0: not known, not compared
  bool modversions = false;                  // CONFIG_MODVERSIONS
  bool missing_imports_allowed = false;      // CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS
  bool symbol_get_gpl_only = false;          // __symbol_get() refuses what is not exported GPL-only
};

// All refusals and warnings, module by module, in the order in which the loader would meet them.
std::vector<Verdict> check_modules(const std::vector<ModuleFile>& modules, const LoaderRules& rules,
                                   const std::vector<std::string>& tolerated);

// The kernel's same_magic(): with CRCs the release (the first word) may differ, because the CRCs say more.
bool same_magic(std::string_view module, std::string_view kernel, bool has_crcs);

// Does a "module:a,b-*" namespace (6.16) name this module? False for every other namespace.
bool namespace_names_module(std::string_view name_space, std::string_view module);

}  // namespace vgpukit::module
