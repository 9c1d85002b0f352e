#include "module/loader_check.hpp"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "kernel/modules_folder.hpp"
#include "module/indirect_calls.hpp"
#include "module/missing_dependencies.hpp"
#include "module/symvers_check.hpp"

namespace vgpukit::module {
namespace {

// The symbol that an import resolves to: the kernel's first, then that of another module, as in find_symbol().
struct Found {
  bool gpl_only = false;
  std::string_view name_space;
  std::optional<std::uint32_t> crc;
  const ModuleFile* sibling = nullptr;  // the module that exports it; null: the kernel
  int line = 0;                         // of the kernel's Module.symvers
};

class Loader {
 public:
  Loader(const std::vector<ModuleFile>& modules, const LoaderRules& rules, const std::vector<std::string>& tolerated)
      : modules_(modules), rules_(rules), tolerated_(tolerated.begin(), tolerated.end()) {
    for (const ModuleFile& module : modules_) {
      names_.insert(module.name);
      for (const ModuleExport& one : module.exports) exports_.try_emplace(one.name, &module, &one);
    }
    find_proprietary();
  }

  std::vector<Verdict> run() {
    for (const ModuleFile& module : modules_) {
      module_ = &module;
      // The loader stops at the first of these.
      if (!check_format()) continue;
      check_imports();
      check_exports();
      check_symbol_gets();
    }
    return std::move(verdicts_);
  }

 private:
  void add(std::string message, std::string hint, bool refuses = true) {
    verdicts_.push_back({module_->name, std::move(message), std::move(hint), refuses});
  }

  void add_prefixed(const std::string& message, std::string hint, bool refuses = true) {
    add(module_->name + ": " + message, std::move(hint), refuses);
  }

  [[nodiscard]] std::optional<Found> find(std::string_view name) const {
    const kernel::ExportedSymbol* kernel = rules_.symvers->find(name);
    const auto sibling = exports_.find(name);
    // If the distribution ships the driver too, Module.symvers has its symbols; the checked files have precedence.
    if (kernel != nullptr && (sibling == exports_.end() || !names_.contains(kernel::module_name(kernel->module)))) {
      return Found{kernel->gpl_only, kernel->name_space, kernel->crc, nullptr, kernel->line};
    }
    if (sibling == exports_.end() || sibling->second.first == module_) return std::nullopt;
    const ModuleExport& one = *sibling->second.second;
    return Found{one.gpl_only, one.name_space, one.crc, sibling->second.first, 0};
  }

  // A module that imports from a proprietary one counts as proprietary (5.9, TAINT_PROPRIETARY_MODULE).
  void find_proprietary() {
    for (const ModuleFile& module : modules_)
      if (!module.gpl_compatible()) proprietary_.insert(&module);
    for (bool changed = true; changed;) {
      changed = false;
      for (const ModuleFile& module : modules_) {
        module_ = &module;
        if (proprietary_.contains(&module)) continue;
        const bool inherits =
            std::any_of(module.imports.begin(), module.imports.end(), [&](const ModuleImport& import) {
              const auto found = find(import.name);
              return found && found->sibling != nullptr && proprietary_.contains(found->sibling);
            });
        if (inherits) changed = proprietary_.insert(&module).second;
      }
    }
  }

  bool check_format() {
    if (rules_.machine != 0 && module_->machine != rules_.machine) {
      add_prefixed("Invalid architecture in ELF header: " + std::to_string(module_->machine),
                   "the module was built for another processor architecture");
      return false;
    }
    const std::string magic = module_->info("vermagic");
    if (!same_magic(magic, rules_.vermagic, module_->has_versions && rules_.modversions)) {
      add_prefixed(
          "version magic '" + magic + "' should be '" + rules_.vermagic + "'",
          "the module was built for another kernel or another configuration of it; build it again for this kernel");
      return false;
    }
    if (!rules_.modversions || !module_->layout_crc) return true;
    const kernel::ExportedSymbol* layout = rules_.symvers->find("module_layout");
    if (layout == nullptr || layout->crc == *module_->layout_crc) return true;
    add_prefixed("disagrees about version of symbol module_layout",
                 "the module was built against other headers than this kernel's (CRC " +
                     checksum_text(*module_->layout_crc) + ", the kernel has " + checksum_text(layout->crc) +
                     "); build it again");
    return false;
  }

  [[nodiscard]] std::string where(const Found& found) const {
    if (found.sibling != nullptr) return found.sibling->name + " exports it";
    return rules_.symvers->name() + ":" + std::to_string(found.line);
  }

  void unknown(const std::string& name, int error, std::string hint) {
    add_prefixed("Unknown symbol " + name + " (err " + std::to_string(error) + ")", std::move(hint));
  }

  void check_imports() {
    const bool licence_ok = module_->gpl_compatible();
    bool tainted = !licence_ok;
    bool using_gpl_only = false;
    for (const ModuleImport& import : module_->imports) {
      // binutils before 2.37 leave this symbol; the loader ignores it (5.12, ignore_undef_symbol()).
      if (import.name == "_GLOBAL_OFFSET_TABLE_" || tolerated_.contains(import.name)) continue;
      const auto found = find(import.name);
      if (!found) {
        if (!import.weak)
          unknown(import.name, -2,
                  "neither this kernel nor another checked module exports it; a recipe must replace its use");
        continue;
      }
      if (found->gpl_only && tainted) {
        if (!import.weak) gpl_only(import.name, *found, licence_ok);
        continue;
      }
      using_gpl_only |= found->gpl_only;
      if (found->sibling != nullptr && proprietary_.contains(found->sibling)) {
        if (using_gpl_only) {
          add_prefixed("module using GPL-only symbols uses symbols " + import.name + " from proprietary module " +
                           found->sibling->name + ".",
                       "the kernel rejects a module with both; its GPL-only imports must be removed");
          continue;
        }
        tainted = true;
      }
      if (!check_version(import, *found)) continue;
      check_namespace(import, *found);
    }
  }

  void gpl_only(const std::string& name, const Found& found, bool licence_ok) {
    const std::string licence = module_->info("license");
    const std::string why = licence_ok ? "the module imports from a proprietary one and counts as proprietary"
                                       : "the module's licence ('" + licence + "') is not GPL compatible";
    unknown(name, -2,
            "GPL-incompatible module uses GPL-only symbol '" + name + "' (" + where(found) + "): " + why +
                "; a recipe must avoid the symbol");
  }

  bool check_version(const ModuleImport& import, const Found& found) {
    if (!rules_.modversions || !found.crc) return true;
    if (!module_->has_versions) {
      unknown(import.name, -22,
              "this kernel checks symbol versions (CONFIG_MODVERSIONS) and the module has none; build it again for "
              "this kernel");
      return false;
    }
    if (!import.crc) {
      add_prefixed("no symbol version for " + import.name,
                   "the Module.symvers of the module's build did not have it; the kernel does not check it", false);
      return true;
    }
    if (*import.crc == *found.crc) return true;
    add_prefixed("disagrees about version of symbol " + import.name,
                 "the module was built against CRC " + checksum_text(*import.crc) + ", but " +
                     (found.sibling != nullptr ? found.sibling->name : std::string("this kernel")) + " exports " +
                     checksum_text(*found.crc) + "; build " +
                     (found.sibling != nullptr ? "both modules together" : "it again for this kernel"));
    return false;
  }

  void check_namespace(const ModuleImport& import, const Found& found) {
    if (found.name_space.empty() || namespace_names_module(found.name_space, module_->name)) return;
    const auto [first, last] = module_->modinfo.equal_range("import_ns");
    if (std::any_of(first, last, [&](const auto& entry) { return entry.second == found.name_space; })) return;
    const std::string name(found.name_space);
    const std::string hint =
        name.starts_with("module:")
            ? "the kernel exports this symbol only to " + name.substr(7) + "; a recipe must avoid it"
            : "MODULE_IMPORT_NS(\"" + name + "\") is missing in the module's source (before 6.13 without the quotes)";
    add_prefixed("module uses symbol (" + import.name + ") from namespace " + name + ", but does not import it.", hint,
                 !rules_.missing_imports_allowed);
  }

  void check_exports() {
    for (const ModuleExport& one : module_->exports) {
      const std::string message = "exports duplicate symbol " + one.name + " (owned by ";
      if (const auto first = exports_.find(one.name); first->second.first != module_) {
        add_prefixed(message + first->second.first->name + ")", "only one of the two modules can be loaded");
        continue;
      }
      const kernel::ExportedSymbol* kernel = rules_.symvers->find(one.name);
      if (kernel == nullptr) continue;
      const std::string owner = kernel::module_name(kernel->module);
      if (names_.contains(owner)) continue;  // its own entry
      if (kernel->module == "vmlinux")
        add_prefixed(message + "kernel)",
                     "the kernel exports this name itself; the driver's symbol must be renamed or removed");
      else
        add_prefixed(message + owner + ")", "the two cannot be loaded together: unload " + owner + " first", false);
    }
  }

  void check_symbol_gets() {
    for (const std::string& name : module_->symbol_gets) {
      const auto found = find(name);
      if (!found || found->gpl_only || !rules_.symbol_get_gpl_only) continue;
      add("failing symbol_get of non-GPLONLY symbol " + name + ".",
          module_->name +
              " calls symbol_get() for it, and this kernel returns only symbols that are exported with "
              "EXPORT_SYMBOL_GPL (" +
              where(*found) + "); a recipe must change the export");
    }
  }

  const std::vector<ModuleFile>& modules_;
  const LoaderRules& rules_;
  std::unordered_set<std::string> tolerated_;
  std::unordered_set<std::string> names_;
  std::unordered_map<std::string_view, std::pair<const ModuleFile*, const ModuleExport*>> exports_;
  std::set<const ModuleFile*> proprietary_;
  const ModuleFile* module_ = nullptr;
  std::vector<Verdict> verdicts_;
};

std::uint16_t machine_of(const kernel::Kernel& kernel) {
  static constexpr std::array<std::pair<std::string_view, std::uint16_t>, 4> machines{{{"CONFIG_X86_64", EM_X86_64},
                                                                                       {"CONFIG_ARM64", EM_AARCH64},
                                                                                       {"CONFIG_PPC64", EM_PPC64},
                                                                                       {"CONFIG_RISCV", EM_RISCV}}};
  for (const auto& [option, machine] : machines)
    if (kernel.has(option)) return machine;
  return 0;
}

// The module loads, but a call through a pointer ends in a trap.
Status check_indirect_calls(const std::vector<ModuleFile>& modules, const kernel::Kernel& kernel,
                            std::vector<Verdict>& verdicts) {
  const bool ibt = kernel.has("CONFIG_X86_KERNEL_IBT");
  const bool cfi = kernel.has("CONFIG_X86_64") && (kernel.has("CONFIG_CFI") || kernel.has("CONFIG_CFI_CLANG"));
  if (!ibt && !cfi) return {};
  const auto padding = kernel.config.find("CONFIG_FUNCTION_PADDING_CFI");
  const auto bytes = padding == kernel.config.end() ? 0 : std::strtoul(padding->second.c_str(), nullptr, 10);
  for (const auto& module : modules) {
    TRY_ASSIGN(const auto elf, ElfFile::open(module.path));
    const auto calls = indirect_calls(elf, bytes);
    const auto warn = [&](std::size_t count, const std::string& first, const std::string& mark, std::string hint) {
      if (count > 0)
        verdicts.push_back({module.name,
                            module.name + ": " + std::to_string(count) + " of " + std::to_string(calls.functions) +
                                " functions that are called through pointers lack " + mark + " (" + first + ")",
                            std::move(hint), false});
    };
    if (ibt)
      warn(calls.without_endbr, calls.first_without_endbr, "ENDBR64",
           "a processor with IBT (Intel's, from the 11th generation on) traps at the first such call: boot with "
           "ibt=off there");
    if (cfi)
      warn(calls.without_hash, calls.first_without_hash, "the type hash of CFI",
           "the kernel, or a module compiled for it, traps if it calls one: boot with cfi=off");
  }
  return {};
}

}  // namespace

std::string checksum_text(std::uint32_t value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "0x%08x", static_cast<unsigned>(value));
  return text.data();
}

bool same_magic(std::string_view module, std::string_view kernel, bool has_crcs) {
  if (has_crcs) {
    module.remove_prefix(std::min(module.find(' '), module.size()));
    kernel.remove_prefix(std::min(kernel.find(' '), kernel.size()));
  }
  return module == kernel;
}

bool namespace_names_module(std::string_view name_space, std::string_view module) {
  if (!name_space.starts_with("module:")) return false;
  name_space.remove_prefix(7);
  const auto same = [](char a, char b) { return a == b || ((a == '-' || a == '_') && (b == '-' || b == '_')); };
  while (!name_space.empty()) {
    const auto comma = std::min(name_space.find(','), name_space.size());
    std::string_view pattern = name_space.substr(0, comma);
    name_space.remove_prefix(std::min(comma + 1, name_space.size()));
    const bool glob = pattern.ends_with('*');
    if (glob) pattern.remove_suffix(1);
    if (pattern.size() > module.size() || (!glob && pattern.size() != module.size())) continue;
    if (std::equal(pattern.begin(), pattern.end(), module.begin(), same)) return true;
  }
  return false;
}

std::vector<Verdict> check_modules(const std::vector<ModuleFile>& modules, const LoaderRules& rules,
                                   const std::vector<std::string>& tolerated) {
  return Loader(modules, rules, tolerated).run();
}

std::string with_module(const Verdict& verdict) {
  return verdict.message.starts_with(verdict.module + ": ") ? verdict.message : verdict.module + ": " + verdict.message;
}

Result<std::vector<Verdict>> verify_modules(const std::vector<ModuleFile>& modules, kernel::Facts& facts,
                                            const std::vector<std::string>& tolerated) {
  LoaderRules rules;
  TRY_ASSIGN(rules.symvers, facts.symvers());
  TRY_ASSIGN(const kernel::ProbeBuild* probe, facts.probe());
  rules.vermagic = probe->vermagic;
  const kernel::Kernel& kernel = facts.kernel();
  rules.machine = machine_of(kernel);
  rules.modversions = kernel.has("CONFIG_MODVERSIONS");
  rules.missing_imports_allowed = kernel.has("CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS");
  // Only a module that calls symbol_get() needs the answer.
  if (std::any_of(modules.begin(), modules.end(),
                  [](const ModuleFile& module) { return !module.symbol_gets.empty(); })) {
    kernel::Question question;
    question.kind = kernel::Question::Kind::behaviour;
    question.name = "symbol-get-gpl-only";
    TRY_ASSIGN(const kernel::Answer answer, facts.ask(question));
    rules.symbol_get_gpl_only = answer.yes;
  }
  auto verdicts = check_modules(modules, rules, tolerated);
  if (const auto problem = symvers_problem(kernel, *rules.symvers); problem && !modules.empty())
    verdicts.insert(verdicts.begin(), {modules.front().name, problem->message, problem->hint});
  for (auto& verdict : missing_dependencies(modules, *rules.symvers, kernel)) verdicts.push_back(std::move(verdict));
  TRY(check_indirect_calls(modules, kernel, verdicts));
  return verdicts;
}

std::vector<Verdict> refuse_unsigned(const std::vector<ModuleFile>& modules, const kernel::Kernel& kernel) {
  std::vector<Verdict> verdicts;
  if (!kernel.has("CONFIG_MODULE_SIG_FORCE")) return verdicts;
  for (const auto& module : modules)
    if (!module.is_signed)
      verdicts.push_back({module.name, "Loading of unsigned module is rejected",
                          "this kernel loads only signed modules (CONFIG_MODULE_SIG_FORCE): name a key whose "
                          "certificate is enrolled, as signing: in the configuration file, and build again"});
  return verdicts;
}

}  // namespace vgpukit::module
