#include "module/missing_dependencies.hpp"

#include <set>

#include "kernel/modules_folder.hpp"
#include "support/libkmod.hpp"

namespace vgpukit::module {

namespace {

bool has_module(kmod_ctx* context, const std::string& name) {
  kmod_list* found = nullptr;
  const bool known = kmod_module_new_from_lookup(context, name.c_str(), &found) >= 0;
  return KmodList(found) && known;
}

}  // namespace

std::vector<Verdict> missing_dependencies(const std::vector<ModuleFile>& modules, const kernel::Symvers& symvers,
                                          const kernel::Kernel& kernel) {
  const auto folder = kernel::modules_folder(kernel.host, kernel.release);
  std::error_code ignored;
  if (!folder || !fs::exists(*folder / "modules.dep", ignored)) return {};
  // Without configuration: aliases and blacklists of this machine do not change which modules exist.
  const char* const no_configuration[] = {nullptr};
  const KmodContext context(kmod_new(folder->c_str(), no_configuration));
  if (!context) return {};
  std::set<std::string> siblings;
  for (const auto& module : modules) siblings.insert(module.name);
  std::vector<Verdict> verdicts;
  for (const auto& module : modules) {
    std::set<std::string> asked;
    for (const auto& import : module.imports) {
      const auto* exported = symvers.find(import.name);
      if (!exported || exported->module == "vmlinux" || import.weak) continue;
      const auto name = kernel::module_name(exported->module);
      if (siblings.contains(name) || !asked.insert(name).second || has_module(context.get(), name)) continue;
      verdicts.push_back({module.name,
                          "needs the kernel's module " + name + " (for " + import.name + "), and " + folder->string() +
                              " does not have it",
                          "install the kernel's full package of modules (Debian's cloud kernels do not contain them), "
                          "then run depmod " +
                              kernel.release,
                          false});
    }
  }
  return verdicts;
}

}  // namespace vgpukit::module
