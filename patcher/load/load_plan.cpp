#include "load/load_plan.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "kernel/modules_folder.hpp"
#include "load/module_index.hpp"
#include "module/module_file.hpp"
#include "support/text.hpp"

namespace vgpukit::load {

namespace {

constexpr const char* part_of_driver = "part of the driver";

// The modules of a folder, by name. Error: usage when it is no folder or has none.
Result<std::map<std::string, module::ModuleFile>> modules_in(const fs::path& folder) {
  std::map<std::string, module::ModuleFile> modules;
  const auto tried = "load modules from " + folder.string();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto name = entry.path().filename().string();
    if (!contains(name, ".ko") || name.starts_with('.')) continue;
    auto module = module::read_module(entry.path());
    if (!module) return module.error();
    auto key = kernel::module_name(module->name);
    modules.emplace(std::move(key), std::move(*module));
  }
  if (error)
    return Error{ErrorKind::usage, tried, error.message(), "name the folder that vgpukit build --output filled"};
  if (modules.empty())
    return Error{ErrorKind::usage, tried, "there is no .ko file in it",
                 "name the folder that vgpukit build --output filled"};
  return modules;
}

class Planner {
 public:
  Planner(const ModuleIndex& index, const Sysfs& sysfs, std::map<std::string, module::ModuleFile> files)
      : index_(index), sysfs_(sysfs), files_(std::move(files)) {}

  // A folder's module hides an installed one of the same name.
  [[nodiscard]] bool has(const std::string& name) const { return files_.contains(name) || index_.find(name); }

  // Adds the module after everything that it needs. `softly`: it may be absent or fail to load.
  void add(const std::string& name, const std::string& reason, bool softly, bool driver = false) {
    const auto settings = index_.settings(name);
    PlannedModule planned{name, {}, settings.options, reason, PlannedModule::State::absent, driver, softly, ""};
    const auto known =
        std::find_if(planned_.begin(), planned_.end(), [&](const auto& each) { return each.name == name; });
    if (known != planned_.end()) {
      known->optional = known->optional && softly;
      return;
    }
    if (!begun_.insert(name).second) return;  // a cycle of softdeps
    std::vector<std::string> needs;
    auto softly_before = settings.before, after = settings.after;
    if (const auto file = files_.find(name); file != files_.end()) {
      planned.file = file->second.path;
      const auto depends = file->second.info("depends");
      for (const auto word : words_of(depends, ",")) needs.emplace_back(word);
      own_softdeps(file->second, softly_before, after);
    } else if (const auto installed = index_.find(name)) {
      planned.file = installed->file;
      needs = installed->depends;
      if (installed->file.empty()) planned.state = PlannedModule::State::builtin;
    } else {
      return;  // an absent optional module; callers have checked has() for the others
    }
    if (sysfs_.read("/sys/module/" + name + "/initstate").text == "live") planned.state = PlannedModule::State::live;
    planned.skipped_because = why_not(planned, settings, reason);
    if (planned.skipped_because.empty() && planned.state == PlannedModule::State::absent) {
      for (const auto& each : softly_before) add(kernel::module_name(each), "softdep of " + name, true);
      for (const auto& each : needs) add(kernel::module_name(each), "needed by " + name, softly);
      if (driver) hidden_needs(planned, needs);
    }
    planned_.push_back(planned);
    if (planned.skipped_because.empty())
      for (const auto& each : after) add(kernel::module_name(each), "softdep of " + name, true);
  }

  std::vector<PlannedModule> planned() && { return std::move(planned_); }

 private:
  static std::string why_not(const PlannedModule& planned, const ModuleSettings& settings, const std::string& reason) {
    if (planned.state != PlannedModule::State::absent) return "";
    // As modprobe does: a blacklist does not apply to modules that the user names or that another module needs.
    if (settings.blacklisted && (planned.optional || reason == part_of_driver))
      return "blacklisted in modprobe.d; vgpukit load " + planned.name + " loads it all the same";
    if (settings.install_command.empty()) return "";
    if (settings.install_command.ends_with("/true") || settings.install_command.ends_with("/false"))
      return "switched off in modprobe.d (install " + planned.name + " " + settings.install_command + ")";
    return "modprobe.d has an install command for it, which only modprobe runs: modprobe " + planned.name;
  }

  // MODULE_SOFTDEP("pre: a b post: c"). For installed modules, depmod has written these to modules.softdep.
  static void own_softdeps(const module::ModuleFile& file, std::vector<std::string>& before,
                           std::vector<std::string>& after) {
    const auto [begin, end] = file.modinfo.equal_range("softdep");
    for (auto each = begin; each != end; ++each) {
      auto* into = &before;
      for (const auto word : words_of(each->second)) {
        if (word == "pre:" || word == "post:")
          into = word == "pre:" ? &before : &after;
        else
          into->emplace_back(word);
      }
    }
  }

  // Needs that modules.dep does not have: symbols for symbol_get(), and an IOMMU backend for VFIO devices.
  void hidden_needs(const PlannedModule& planned, const std::vector<std::string>& needs) {
    auto file = files_.find(planned.name);
    if (file == files_.end()) {
      auto read = module::read_module(planned.file);
      if (!read) return;
      file = files_.emplace(planned.name, std::move(*read)).first;
    }
    if (!file->second.symbol_gets.empty() && planned.name != "nvidia" && has("nvidia"))
      add("nvidia", "asked for symbols by " + planned.name, false, true);
    if (std::find(needs.begin(), needs.end(), "vfio") == needs.end()) return;
    add("vfio_iommu_type1", "VFIO devices need it", true);
    add("kvm", "virtual machines need it", true);
  }

  const ModuleIndex& index_;
  const Sysfs& sysfs_;
  std::map<std::string, module::ModuleFile> files_;
  std::vector<PlannedModule> planned_;
  std::set<std::string> begun_;
};

}  // namespace

const std::vector<std::string>& driver_modules() {
  static const std::vector<std::string> names = {"nvidia",         "nvidia_vgpu_vfio", "nvidia_uvm",
                                                 "nvidia_modeset", "nvidia_drm",       "nvidia_peermem"};
  return names;
}

Result<LoadPlan> plan_load(const HostPaths& host, const Sysfs& sysfs, const std::string& release,
                           const LoadRequest& request) {
  const bool from_folder = !request.from.empty();
  std::map<std::string, module::ModuleFile> files;
  if (from_folder) {
    TRY_ASSIGN(files, modules_in(request.from));
  }
  TRY_ASSIGN(const auto index, ModuleIndex::open(host, release));
  std::vector<std::string> wanted;
  for (const auto& word : request.modules) {
    const auto name = word.find('/') == std::string::npos ? kernel::module_name(word) : word;  // a path names no module
    const auto& known = driver_modules();
    if (std::find(known.begin(), known.end(), name) == known.end() && !files.contains(name))
      return Error{ErrorKind::usage, "load the module " + word, "it is none of NVIDIA's",
                   "modprobe loads others; without a name vgpukit load loads all of the driver's"};
    if (!files.contains(name) && !index.find(name))
      return Error{ErrorKind::usage, "load the module " + word,
                   "there is none of that name in " +
                       (from_folder ? request.from : host.in_root("/lib/modules/" + release)).string(),
                   "vgpukit install DRIVER, or vgpukit load --from DIR"};
    wanted.push_back(name);
  }
  if (wanted.empty())
    for (const auto& name : driver_modules()) {
      // nvidia_peermem needs RDMA, so it is loaded only if the user names it.
      if (name != "nvidia_peermem" && (from_folder ? files.contains(name) : index.find(name).has_value()))
        wanted.push_back(name);
    }
  if (wanted.empty())
    return Error{
        ErrorKind::missing, "load the NVIDIA driver",
        "there is none for " + release + " in " + host.in_root("/lib/modules").string(),
        "vgpukit install DRIVER, or vgpukit load --from DIR with the folder that vgpukit build --output filled"};
  Planner planner(index, sysfs, std::move(files));
  for (const auto& name : wanted)
    planner.add(name, request.modules.empty() ? part_of_driver : "asked for", false, true);
  return LoadPlan{release, std::move(planner).planned()};
}

}  // namespace vgpukit::load
