// The checks of the kernel's module loader (kernel/module/main.c, version.c), without loading a module.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/facts.hpp"
#include "kernel/symvers.hpp"
#include "module/module_file.hpp"

namespace vgpukit::module {

// What one kernel checks.
struct LoaderRules {
  const kernel::Symvers* symvers = nullptr;  // not null
  std::string vermagic;                      // of every module for this kernel
  std::uint16_t machine = 0;                 // e_machine of its modules; 0: not known and not compared
  bool modversions = false;                  // CONFIG_MODVERSIONS
  bool missing_imports_allowed = false;      // CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS
  bool symbol_get_gpl_only = false;          // __symbol_get() rejects symbols that are not GPL-only
};

struct Verdict {
  std::string module;
  std::string message;  // what the kernel would print: "nvidia: Unknown symbol foo (err -2)"
  std::string hint;     // why, and what to do
  bool refuses = true;  // false: a warning (a symbol without a version, an export that another module may own)
};

// The message, with the module's name in front: not every message of the kernel begins with it.
std::string with_module(const Verdict& verdict);

// All refusals and warnings, for each module in the order of the loader's checks. `tolerated`: undefined symbols that a
// missing binary object would define (--compile-only).
std::vector<Verdict> check_modules(const std::vector<ModuleFile>& modules, const LoaderRules& rules,
                                   const std::vector<std::string>& tolerated);

// Whether this kernel would load these modules, in some order. Checks of each module: vermagic (as in the probe
// module), architecture, undefined symbols (in Module.symvers or the other modules), CRCs with CONFIG_MODVERSIONS,
// GPL-only symbols of a module whose licence is not GPL compatible, import namespaces, symbol_get() targets that are
// not GPL-only if the kernel requires it (behaviour symbol-get-gpl-only), names that two modules export, and
// missing_dependencies(). Warnings, too: functions that are called through pointers without what IBT and CFI require.
Result<std::vector<Verdict>> verify_modules(const std::vector<ModuleFile>& modules, kernel::Facts& facts,
                                            const std::vector<std::string>& tolerated = {});

// Refusals of modules without a signature, if the kernel was built with CONFIG_MODULE_SIG_FORCE. Not part of
// verify_modules(), because a build signs after it.
std::vector<Verdict> refuse_unsigned(const std::vector<ModuleFile>& modules, const kernel::Kernel& kernel);

// The kernel's same_magic(): with CRCs the release (the first word) may differ.
bool same_magic(std::string_view module, std::string_view kernel, bool has_crcs);

// Whether a "module:a,b-*" namespace (6.16) names this module. False for every other namespace.
bool namespace_names_module(std::string_view name_space, std::string_view module);

// A checksum of a symbol: "0x1a2b3c4d".
std::string checksum_text(std::uint32_t value);

}  // namespace vgpukit::module
