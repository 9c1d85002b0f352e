#include "load/module_index.hpp"

#include <syslog.h>

#include "kernel/modules_folder.hpp"

namespace vgpukit::load {

namespace {

std::string text(const char* from) {
  return from ? from : "";
}

std::vector<std::string> names(const kmod_list* list) {
  std::vector<std::string> all;
  const kmod_list* entry = nullptr;
  kmod_list_foreach(entry, list) {
    const KmodModule module(kmod_module_get_module(entry));
    all.push_back(text(kmod_module_get_name(module.get())));
  }
  return all;
}

KmodModule by_name(kmod_ctx* context, const std::string& name) {
  kmod_module* found = nullptr;
  return KmodModule(kmod_module_new_from_name(context, name.c_str(), &found) < 0 ? nullptr : found);
}

}  // namespace

Result<ModuleIndex> ModuleIndex::open(const HostPaths& host, const std::string& release) {
  const auto folder = kernel::modules_folder(host, release);
  std::error_code ignored;
  if (!folder || !fs::exists(*folder / "modules.dep.bin", ignored))
    return Error{ErrorKind::missing, "look up the modules of " + release,
                 host.in_root("/lib/modules/" + release).string() + " has no modules.dep.bin",
                 "install that kernel's modules, or run depmod " + release};
  // libkmod's own list of folders. A file in an earlier folder hides one of the same name in a later folder.
  std::vector<std::string> folders;
  for (const auto* each :
       {"/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"})
    folders.push_back(host.in_root(each).string());
  folders.push_back((*folder / "modules.softdep").string());  // the modules' own MODULE_SOFTDEP
  std::vector<const char*> configuration;
  for (const auto& each : folders) configuration.push_back(each.c_str());
  configuration.push_back(nullptr);
  ModuleIndex index;
  index.context_.reset(kmod_new(folder->c_str(), configuration.data()));
  if (!index.context_)
    return Error{ErrorKind::failed, "read " + folder->string(), "libkmod cannot", "run depmod " + release};
  kmod_set_log_priority(index.context_.get(), LOG_CRIT);
  return index;
}

std::optional<InstalledModule> ModuleIndex::find(const std::string& name) const {
  kmod_list* found = nullptr;
  if (kmod_module_new_from_lookup(context_.get(), name.c_str(), &found) < 0 || !found) return std::nullopt;
  const KmodList list(found);
  const KmodModule module(kmod_module_get_module(list.get()));
  InstalledModule installed;
  installed.name = text(kmod_module_get_name(module.get()));
  installed.file = text(kmod_module_get_path(module.get()));
  // libkmod also knows names without a module, from an install command or an alias in modprobe.d.
  if (installed.file.empty() && kmod_module_get_initstate(module.get()) != KMOD_MODULE_BUILTIN) return std::nullopt;
  const KmodList depends(kmod_module_get_dependencies(module.get()));
  installed.depends = names(depends.get());
  return installed;
}

ModuleSettings ModuleIndex::settings(const std::string& name) const {
  ModuleSettings settings;
  const auto module = by_name(context_.get(), name);
  if (!module) return settings;
  settings.options = text(kmod_module_get_options(module.get()));
  settings.install_command = text(kmod_module_get_install_commands(module.get()));
  kmod_list *before = nullptr, *after = nullptr;
  if (kmod_module_get_softdeps(module.get(), &before, &after) == 0) {
    const KmodList keep_before(before), keep_after(after);
    settings.before = names(before);
    settings.after = names(after);
  }
  auto* all = kmod_config_get_blacklists(context_.get());
  while (all && kmod_config_iter_next(all))
    settings.blacklisted = settings.blacklisted || name == kmod_config_iter_get_key(all);
  kmod_config_iter_free_iter(all);
  return settings;
}

}  // namespace vgpukit::load
