#include "install/install.hpp"

#include <algorithm>
#include <set>

#include "config.hpp"
#include "install/dkms.hpp"
#include "install/hook_files.hpp"
#include "install/install_scope.hpp"
#include "install/nvidia_installer.hpp"
#include "install/user_space.hpp"
#include "kernel/modules_folder.hpp"
#include "module/loader_check.hpp"
#include "support/atomic_file.hpp"
#include "support/hash.hpp"
#include "support/log.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::install {

namespace {

std::uintmax_t bytes_of(const fs::path& folder) {
  std::uintmax_t bytes = 0;
  std::error_code bad;
  for (auto entry = fs::recursive_directory_iterator(folder, bad); !bad && entry != fs::recursive_directory_iterator();
       entry.increment(bad)) {
    std::error_code gone;
    if (entry->is_regular_file(gone)) bytes += entry->file_size(gone);
  }
  return bytes;
}

// The record's "modules" of a kernel. Error: failed, unless each module is there once, is for this kernel and of this
// version, is in modules.dep, and the kernel would load it.
Result<nlohmann::json> check_kernel(kernel::Facts& facts, const std::string& version,
                                    const std::vector<std::string>& names) {
  const auto& kernel = facts.kernel();
  const auto there = kernel::installed_module_files(kernel.host, kernel.release, names);
  const auto wrong = [&](const std::string& why) {
    return Error{ErrorKind::failed, "use what dkms has installed for " + kernel.release, why,
                 "read " + kernel.host.in_root("/var/lib/dkms/nvidia/" + version).string() + "/" + kernel.release +
                     "/*/log/make.log"};
  };
  std::vector<module::ModuleFile> modules;
  nlohmann::json list = nlohmann::json::array();
  for (const auto& name : names) {
    const auto count = std::count_if(there.begin(), there.end(),
                                     [&](const kernel::InstalledModuleFile& each) { return each.name == name; });
    if (count == 0)
      return wrong("dkms reported no error, but " + name + ".ko is not in /lib/modules/" + kernel.release);
    if (count > 1)
      return wrong("there are " + std::to_string(count) + " modules " + name + " in /lib/modules/" + kernel.release);
  }
  const auto folder = kernel::modules_folder(kernel.host, kernel.release).value_or(fs::path());
  const auto dep = read_file(folder / "modules.dep");
  // If only the headers are installed, dkms from 3.2 on does not run depmod: the kernel's package will.
  std::error_code bad;
  const bool boots = dep || fs::is_directory(folder / "kernel", bad);
  for (const auto& each : there) {
    const auto in_dep = each.path.lexically_relative("/lib/modules/" + kernel.release).string() + ":";
    if (boots && (!dep || (!dep->starts_with(in_dep) && !contains(*dep, "\n" + in_dep))))
      return wrong("depmod has not put " + each.path.string() + " into modules.dep, so modprobe will not find it");
    TRY_ASSIGN(auto module, module::read_module(each.file));
    const auto magic = module.info("vermagic");
    if (magic.substr(0, magic.find(' ')) != kernel.release)
      return wrong(each.path.string() + " is for the kernel " + magic);
    if (const auto built = module.info("version"); !built.empty() && built != version)
      return wrong(each.path.string() + " is of version " + built + ", not " + version);
    Hasher hasher;
    TRY(hasher.add_file(each.file));
    list.push_back({{"name", each.name}, {"path", each.path.string()}, {"hash", hasher.hex()}});
    modules.push_back(std::move(module));
  }
  TRY_ASSIGN(const auto verdicts, module::verify_modules(modules, facts));
  for (const auto& verdict : verdicts)
    if (verdict.refuses) return wrong(module::with_module(verdict));
  return list;
}

Status write_our_tree(const HostPaths& host, const InstallRequest& request, const std::string& vgpukit) {
  TRY_ASSIGN(auto staged, StagedFolder::beside(host.in_root(dkms_source_folder(request.driver->version.text))));
  TRY(write_dkms_tree(staged.path(), *request.driver, request.choices, vgpukit));
  return staged.commit();
}

Status build_with_dkms(const Dkms& dkms, const JournaledChange& transaction, const InstallRequest& request,
                       const kernel::Kernel& kernel) {
  const auto& version = request.driver->version.text;
  transaction.step("dkms build " + kernel.release);
  if (request.on_step) request.on_step("dkms builds " + version + " for " + kernel.release);
  TRY(dkms.build(dkms_module_name, version, kernel.release));
  transaction.step("dkms install " + kernel.release);
  return dkms.install(dkms_module_name, version, kernel.release);
}

// The whole driver: nvidia-installer gets the modules for the first kernel and registers them with dkms. Then the
// unpatched sources with our dkms.conf replace what it registered, and dkms builds for the other kernels from those.
Status install_with_nvidia_installer(const Dkms& dkms, JournaledChange& transaction, const InstallRequest& request,
                                     kernel::Facts& facts, const std::vector<fs::path>& modules,
                                     const std::string& vgpukit) {
  const auto& kernel = facts.kernel();
  const auto& host = kernel.host;
  const auto& driver = *request.driver;
  const std::string log = "/var/log/nvidia-installer.log";
  std::vector<std::string> paths = {"/var/lib/nvidia", "/etc/ld.so.cache", log};
  for (const auto& file : installed_user_space(host)) paths.push_back(file);
  TRY(transaction.add(paths));
  TRY_ASSIGN(auto tree, transform::SourceTree::open(driver.sources));
  TRY(recipe::make_plan(*request.catalogue, driver, facts, tree, request.choices.accepted, request.choices.modules));
  transaction.step("nvidia-installer");
  if (request.on_step) request.on_step("nvidia-installer installs " + driver.version.text + " for " + kernel.release);
  std::vector<std::string> errors;
  TRY_ASSIGN(const auto status,
             run_nvidia_installer(driver, tree.edits(), modules, kernel, request.choices.accepted, log,
                                  [&](std::string_view line) {
                                    log::trace(std::string(line));
                                    // The first error is the cause and may continue on the next lines. The last error
                                    // only reports the failure.
                                    const bool error = contains(line, "ERROR: ");
                                    if (errors.empty() ? error : errors.size() < 3 && !error && !trimmed(line).empty())
                                      errors.emplace_back(line);
                                  }));
  const auto log_copy = host.machine_state() / "install" / "nvidia-installer.log";
  std::error_code bad;
  fs::copy_file(host.in_root(log), log_copy, fs::copy_options::overwrite_existing, bad);
  TRY_ASSIGN(const auto entries, dkms.status(dkms_module_name));
  const bool listed = std::any_of(entries.begin(), entries.end(), [&](const DkmsEntry& entry) {
    return entry.version == driver.version.text && entry.release == kernel.release && entry.state == "installed";
  });
  if (status != 0 || !listed)
    return Error{ErrorKind::failed, "install " + driver.version.text + " for " + kernel.release,
                 "nvidia-installer ended with status " + std::to_string(status) +
                     (listed ? "" : ", and dkms does not have its modules") +
                     (errors.empty() ? "" : "; it said: " + join(errors, " ")),
                 "read " + log_copy.string() + "; the previous state is back"};
  transaction.step("write the sources");
  TRY(write_our_tree(host, request, vgpukit));
  for (std::size_t i = 1; i < request.kernels.size(); ++i)
    TRY(build_with_dkms(dkms, transaction, request, request.kernels[i]));
  return {};
}

// Has dkms add, build and install the sources in dkms_source_folder().
Status register_with_dkms(const Dkms& dkms, const JournaledChange& transaction, const InstallRequest& request) {
  const auto& version = request.driver->version.text;
  transaction.step("dkms add");
  TRY(dkms.add(dkms_module_name, version));
  for (const auto& kernel : request.kernels) TRY(build_with_dkms(dkms, transaction, request, kernel));
  return {};
}

// The files of depmod, of dkms's key and of the hooks that were absent before vgpukit installed a driver. An uninstall
// removes them. A folder comes after its contents.
nlohmann::json made_by_us(const HostPaths& host, const JournaledChange& transaction) {
  if (const auto record = installed_record(host); record && record->contains("made")) return record->at("made");
  nlohmann::json made = nlohmann::json::array();
  std::set<std::string, std::greater<>> folders;
  const auto& hooks = hook_paths();
  for (const auto& snapshot : transaction.snapshots())
    for (const auto& path : snapshot.paths()) {
      if (path.there) continue;
      const bool hook = std::find(hooks.begin(), hooks.end(), path.path) != hooks.end();
      if (!hook && !contains(path.path, "/modules.") && !contains(path.path, "/mok.")) continue;
      made.push_back(path.path);
      if (hook)
        for (auto above = fs::path(path.path).parent_path(); above != path.above && above != "/";
             above = above.parent_path())
          folders.insert(above.string());
    }
  for (const auto& folder : folders) made.push_back(folder);
  return made;
}

struct Built {
  std::vector<kernel::Facts> facts;
  std::vector<fs::path> first;  // the modules for the first kernel
  std::uintmax_t module_bytes = 0;
  std::vector<std::string> warnings;
  std::optional<build::BuildReport> refused;
};

// Builds for all kernels, in the cache.
Result<Built> build_all(const InstallRequest& request) {
  Built built;
  for (const auto& kernel : request.kernels) {
    kernel::Facts facts(kernel, request.assumptions);
    build::BuildJob job;
    job.driver = request.driver;
    job.catalogue = request.catalogue;
    job.explanations = request.explanations;
    job.accepted = request.choices.accepted;
    job.strict = recipe::Strict::run_time;  // as dkms_build()
    job.jobs = request.jobs;
    job.on_progress = request.on_progress;
    job.on_step = request.on_step;
    if (request.choices.modules != request.driver->modules) job.modules = request.choices.modules;
    if (request.on_step) request.on_step("building and verifying for " + kernel.release);
    TRY_ASSIGN(auto report, build::run_build(facts, job));
    for (auto& warning : report.sandbox_warnings())
      if (std::find(built.warnings.begin(), built.warnings.end(), warning) == built.warnings.end())
        built.warnings.push_back(std::move(warning));
    for (const auto& module : report.modules) {
      built.module_bytes += module.bytes;
      if (built.facts.empty()) built.first.emplace_back(module.path);
    }
    if (report.result != build::BuildReport::Result::built) {
      built.refused = std::move(report);
      return built;
    }
    built.facts.push_back(std::move(facts));
  }
  return built;
}

}  // namespace

Result<InstallOutcome> install_driver(const HostPaths& host, InstallRequest request) {
  InstallOutcome outcome;
  const auto& driver = *request.driver;
  const auto& version = driver.version.text;
  if (request.choices.modules.empty()) request.choices.modules = driver.modules;
  TRY_ASSIGN(const auto vgpukit, vgpukit_of(host, "install a driver in " + host.root.string()));
  TRY_ASSIGN(const auto dkms, Dkms::open(host, [](std::string_view line) { log::trace(std::string(line)); }));
  std::error_code no_size;
  const bool run_file = request.with_nvidia_installer && driver.package.member.empty();
  const auto package_bytes = run_file ? fs::file_size(driver.package.file, no_size) : 0;
  ConflictRequest conflict_request{
      version, request.with_nvidia_installer, bytes_of(driver.sources),
      0,       no_size ? 0 : package_bytes,   installer_ignores_loaded_modules(driver.version)};
  const auto blocked = [&](const std::vector<DkmsEntry>& entries) {
    outcome.conflicts = find_conflicts(host, conflict_request, entries);
    return std::any_of(outcome.conflicts.begin(), outcome.conflicts.end(),
                       [](const Conflict& each) { return each.blocks; });
  };
  // Before the long build. After an interrupted change the state is not meant: the transaction below undoes that first.
  if (!unfinished_change(install_rules(host))) {
    TRY_ASSIGN(const auto entries, dkms.status(""));
    if (blocked(entries)) return outcome;
  }
  TRY_ASSIGN(auto built, build_all(request));
  if (built.refused) {
    outcome.refused = std::move(built.refused);
    return outcome;
  }
  outcome.warnings = std::move(built.warnings);
  // The transaction locks out other changes and finishes or undoes an interrupted one. Only then the state of the
  // system is read.
  TRY_ASSIGN(auto transaction, JournaledChange::begin(install_rules(host), "install " + version, {}, request.at));
  TRY_ASSIGN(const auto entries, dkms.status(""));  // distributions call it nvidia-current, nvidia-srv
  conflict_request.module_bytes = built.module_bytes;
  if (blocked(entries)) return outcome;

  const auto old = old_version(host);
  std::vector<std::string> versions = {version};
  if (!old.empty() && old != version) versions.push_back(old);
  TRY(transaction.add(install_scope(host, versions)));
  if (!old.empty()) {
    transaction.step("remove " + old);
    TRY(remove_installed(host, dkms, old));
  }
  transaction.step("signing");
  TRY(write_dkms_signing(host));
  // Such an entry without a record comes from an interrupted run of an older vgpukit. dkms refuses to add a version
  // twice.
  TRY(remove_installed(host, dkms, version));
  if (request.with_nvidia_installer) {
    TRY(install_with_nvidia_installer(dkms, transaction, request, built.facts.front(), built.first, vgpukit));
    for (auto& warning : service_warnings(host, driver)) outcome.warnings.push_back(std::move(warning));
  } else {
    transaction.step("write the sources");
    TRY(write_our_tree(host, request, vgpukit));
    TRY(register_with_dkms(dkms, transaction, request));
  }

  // Only the first installation writes the hooks: a user may have removed them since.
  if (old.empty()) {
    transaction.step("hooks");
    TRY_ASSIGN(outcome.hooks, install_hooks(host, vgpukit));
  }

  transaction.step("check");
  nlohmann::json kernels = nlohmann::json::object();
  TRY_ASSIGN(const auto now, dkms.status(dkms_module_name));
  for (auto& facts : built.facts) {
    const auto& release = facts.kernel().release;
    const bool listed = std::any_of(now.begin(), now.end(), [&](const DkmsEntry& entry) {
      return entry.version == version && entry.release == release && entry.state == "installed" &&
             !contains(entry.remark, "iff");
    });
    if (!listed)
      return Error{ErrorKind::failed, "install " + version + " for " + release,
                   "dkms reported no error, but does not list it as installed",
                   "dkms status -m nvidia shows its entries"};
    TRY_ASSIGN(auto modules, check_kernel(facts, version, request.choices.modules));
    kernels[release] = {{"modules", std::move(modules)}};
  }
  outcome.record = {{"version", version},
                    {"flavour", driver::flavour_name(driver.flavour)},
                    {"from", driver.path.string()},
                    {"by", request.with_nvidia_installer ? "nvidia-installer" : "dkms"},
                    {"installed", utc_now()},
                    {"vgpukit", VGPUKIT_VERSION},
                    {"accepted", request.choices.accepted},
                    {"modules", request.choices.modules},
                    {"kernels", kernels},
                    {"made", made_by_us(host, transaction)}};
  TRY(transaction.commit(outcome.record));
  outcome.installed = true;
  return outcome;
}

}  // namespace vgpukit::install
