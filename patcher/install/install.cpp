#include "install/install.hpp"

#include <algorithm>
#include <ctime>

#include "build/module.hpp"
#include "config.hpp"
#include "install/dkms.hpp"
#include "install/modules_there.hpp"
#include "install/nvidia_installer.hpp"
#include "install/scope.hpp"
#include "support/atomic_file.hpp"
#include "support/hash.hpp"
#include "support/log.hpp"
#include "support/process.hpp"

namespace vgpukit {

namespace {

constexpr const char* kModule = "nvidia";  // nvidia-installer's name for it in dkms, too

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

// The vgpukit that dkms of this root will call.
Result<std::string> vgpukit_of(const HostPaths& host) {
  if (host.is_host()) {
    std::error_code bad;
    const auto self = fs::read_symlink("/proc/self/exe", bad);
    // Run through a program loader, the name in the PATH says more.
    if (!bad && self.filename() == "vgpukit") return self.string();
  }
  if (const auto found = find_program("vgpukit", host.root)) return found->string();
  return Error{Exit::missing, "install a driver in " + host.root.string(),
               "dkms there would call vgpukit for each new kernel, and vgpukit is not installed there",
               "install vgpukit in that root"};
}

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

std::string old_version(const HostPaths& host) {
  const auto record = installed_record(host);
  return record ? record->value("version", std::string()) : std::string();
}

// Are the modules of this kernel there, for it, and of this version, and would it load them?
Result<nlohmann::json> check_kernel(Facts& facts, const std::string& version, const std::vector<std::string>& names) {
  const auto& kernel = facts.kernel();
  const auto there = modules_there(kernel.host, kernel.release, names);
  const auto wrong = [&](const std::string& why) {
    return Error{
        Exit::failed, "use what dkms has installed for " + kernel.release, why,
        "read " + kernel.host.in_root("/var/lib/dkms/nvidia/" + version).string() + "/" + kernel.release + "/*/log/make.log"};
  };
  std::vector<ModuleFile> modules;
  nlohmann::json list = nlohmann::json::array();
  for (const auto& name : names) {
    const auto count = std::count_if(there.begin(), there.end(), [&](const ModuleThere& each) { return each.name == name; });
    if (count == 0) return wrong("dkms says that all is well, and " + name + ".ko is not in /lib/modules/" + kernel.release);
    if (count > 1) return wrong("there are " + std::to_string(count) + " modules " + name + " in /lib/modules/" + kernel.release);
  }
  for (const auto& each : there) {
    const auto file = kernel.host.in_root(each.path);
    TRY_ASSIGN(auto module, read_module(file));
    const auto magic = module.info("vermagic");
    if (magic.substr(0, magic.find(' ')) != kernel.release) return wrong(each.path.string() + " is for the kernel " + magic);
    if (const auto says = module.info("version"); !says.empty() && says != version)
      return wrong(each.path.string() + " is of version " + says + ", not " + version);
    Hasher hasher;
    TRY(hasher.add_file(file));
    list.push_back({{"name", each.name}, {"path", each.path.string()}, {"hash", hasher.hex()}});
    modules.push_back(std::move(module));
  }
  TRY_ASSIGN(const auto verdicts, verify_modules(modules, facts));
  for (const auto& verdict : verdicts)
    if (verdict.refuses) return wrong(verdict.module + ": " + verdict.message);
  return list;
}

// Takes out what is installed, by dkms where it is dkms's. The copies of a transaction are kept already.
Status remove_installed(const HostPaths& host, const Dkms& dkms, const std::string& version) {
  TRY(dkms.remove(kModule, version));
  std::error_code bad;
  const auto folder = host.in_root(dkms_source_folder(version));
  if (is_our_dkms_tree(folder)) fs::remove_all(folder, bad);
  return {};
}

Status write_our_tree(const HostPaths& host, const InstallRequest& request, const std::string& vgpukit) {
  TRY_ASSIGN(auto staged, StagedFolder::beside(host.in_root(dkms_source_folder(request.driver->version.text))));
  TRY(write_dkms_tree(staged.path(), *request.driver, request.choices, vgpukit));
  return staged.commit();
}

Status build_with_dkms(const Dkms& dkms, const Transaction& transaction, const InstallRequest& request, const Kernel& kernel) {
  const auto& version = request.driver->version.text;
  transaction.step("dkms build " + kernel.release);
  if (request.on_step) request.on_step("dkms builds " + version + " for " + kernel.release);
  TRY(dkms.build(kModule, version, kernel.release));
  transaction.step("dkms install " + kernel.release);
  return dkms.install(kModule, version, kernel.release);
}

// The whole driver: nvidia-installer builds the patched sources for the first kernel and registers what it built with dkms. What is
// registered becomes the original then, with our dkms.conf, and dkms builds the other kernels from that.
Status install_with_nvidia_installer(const Dkms& dkms, Transaction& transaction, const InstallRequest& request, Facts& facts,
                                     const std::string& vgpukit) {
  const auto& kernel = facts.kernel();
  const auto& host = kernel.host;
  const auto& driver = *request.driver;
  const std::string log = "/var/log/nvidia-installer.log";
  std::vector<std::string> paths = {"/var/lib/nvidia", "/etc/ld.so.cache", log};
  if (const auto old = read_file(host.in_root("/var/lib/nvidia/log")))
    for (const auto& file : files_of_installer_log(*old)) paths.push_back(file);
  TRY(transaction.add(paths));
  TRY_ASSIGN(auto tree, SourceTree::open(driver.sources));
  TRY(make_plan(*request.catalogue, driver, facts, tree, request.choices.accepted));
  transaction.step("nvidia-installer");
  if (request.on_step) request.on_step("nvidia-installer installs " + driver.version.text + " for " + kernel.release);
  std::string last;
  TRY_ASSIGN(const auto status, run_nvidia_installer(driver, tree.edits(), kernel, log, request.jobs, [&](std::string_view line) {
               log::trace(std::string(line));
               if (line.find("ERROR") != std::string_view::npos || line.find("WARNING") != std::string_view::npos) last = line;
             }));
  const auto kept_log = machine_state(host) / "install" / "nvidia-installer.log";
  std::error_code bad;
  fs::copy_file(host.in_root(log), kept_log, fs::copy_options::overwrite_existing, bad);
  TRY_ASSIGN(const auto entries, dkms.status(kModule));
  const bool listed = std::any_of(entries.begin(), entries.end(), [&](const DkmsEntry& entry) {
    return entry.version == driver.version.text && entry.release == kernel.release && entry.state == "installed";
  });
  if (status != 0 || !listed)
    return Error{Exit::failed, "install " + driver.version.text + " for " + kernel.release,
                 "nvidia-installer ended with status " + std::to_string(status) +
                     (listed ? "" : ", and dkms does not have its modules") + (last.empty() ? "" : "; it said: " + last),
                 "read " + kept_log.string() + "; what was there before is back"};
  transaction.step("write the sources");
  TRY(write_our_tree(host, request, vgpukit));
  for (std::size_t i = 1; i < request.kernels.size(); ++i) TRY(build_with_dkms(dkms, transaction, request, request.kernels[i]));
  return {};
}

// Has dkms add, build and install the tree that is at its place.
Status register_with_dkms(const Dkms& dkms, const Transaction& transaction, const InstallRequest& request) {
  const auto& version = request.driver->version.text;
  transaction.step("dkms add");
  TRY(dkms.add(kModule, version));
  for (const auto& kernel : request.kernels) TRY(build_with_dkms(dkms, transaction, request, kernel));
  return {};
}

// Which of the files that depmod writes, and of dkms's key, were not there before a driver of ours was: an uninstall takes them
// away again.
nlohmann::json made_by_us(const HostPaths& host, const Transaction& transaction) {
  if (const auto record = installed_record(host); record && record->contains("made")) return record->at("made");
  nlohmann::json made = nlohmann::json::array();
  for (const auto& kept : transaction.kept())
    for (const auto& path : kept.paths())
      if (!path.there && (path.path.find("/modules.") != std::string::npos || path.path.find("/mok.") != std::string::npos))
        made.push_back(path.path);
  return made;
}

// dkms's key stays where it may be enrolled in the firmware, or where other modules are signed with it.
void remove_made(const HostPaths& host, const InstallRecord& record, const Dkms& dkms) {
  std::error_code bad;
  const auto others = dkms.status("");
  const bool keep_key = fs::exists(host.in_root("/sys/firmware/efi"), bad) || !others || !others->empty();
  for (const auto& path : record.value("made", std::vector<std::string>()))
    if (!keep_key || path.find("/mok.") == std::string::npos) fs::remove(host.in_root(path), bad);
}

struct Built {
  std::vector<Facts> facts;
  std::uintmax_t module_bytes = 0;
  std::optional<BuildReport> refused;
};

// All kernels, before the system is touched.
Result<Built> rehearse(const InstallRequest& request) {
  Built built;
  for (const auto& kernel : request.kernels) {
    Facts facts(kernel, request.assumptions);
    BuildJob job;
    job.driver = request.driver;
    job.catalogue = request.catalogue;
    job.explanations = request.explanations;
    job.accepted = request.choices.accepted;
    job.jobs = request.jobs;
    job.on_progress = request.on_progress;
    job.on_step = request.on_step;
    if (request.choices.modules != request.driver->modules) job.modules = request.choices.modules;
    if (request.on_step) request.on_step("building and verifying for " + kernel.release);
    TRY_ASSIGN(auto report, run_build(facts, job));
    for (const auto& module : report.modules) built.module_bytes += module.bytes;
    if (report.result != "built") {
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
  TRY_ASSIGN(const auto vgpukit, vgpukit_of(host));
  TRY_ASSIGN(const auto dkms, Dkms::open(host, [](std::string_view line) { log::trace(std::string(line)); }));
  TRY_ASSIGN(auto built, rehearse(request));
  if (built.refused) {
    outcome.refused = std::move(built.refused);
    return outcome;
  }
  TRY_ASSIGN(const auto entries, dkms.status(kModule));
  const ConflictQuestion question{request.with_nvidia_installer, bytes_of(driver.sources), built.module_bytes};
  outcome.conflicts = find_conflicts(host, question, entries);
  if (std::any_of(outcome.conflicts.begin(), outcome.conflicts.end(), [](const Conflict& each) { return each.blocks; }))
    return outcome;

  const auto old = old_version(host);
  std::vector<std::string> versions = {version};
  if (!old.empty() && old != version) versions.push_back(old);
  TRY_ASSIGN(auto transaction, Transaction::begin(host, "install " + version, install_scope(host, versions), request.at));
  if (!old.empty()) {
    transaction.step("remove " + old);
    TRY(remove_installed(host, dkms, old));
  }
  // An entry of ours without a record is what is left of an interrupted run of an older vgpukit; dkms would refuse to add another.
  TRY(remove_installed(host, dkms, version));
  if (request.with_nvidia_installer) {
    TRY(install_with_nvidia_installer(dkms, transaction, request, built.facts.front(), vgpukit));
  } else {
    transaction.step("write the sources");
    TRY(write_our_tree(host, request, vgpukit));
    TRY(register_with_dkms(dkms, transaction, request));
  }

  transaction.step("look");
  nlohmann::json kernels = nlohmann::json::object();
  TRY_ASSIGN(const auto now, dkms.status(kModule));
  for (auto& facts : built.facts) {
    const auto& release = facts.kernel().release;
    const bool listed = std::any_of(now.begin(), now.end(), [&](const DkmsEntry& entry) {
      return entry.version == version && entry.release == release && entry.state == "installed" &&
             entry.remark.find("iff") == std::string::npos;
    });
    if (!listed)
      return Error{Exit::failed, "install " + version + " for " + release, "dkms ended well and does not list it as installed",
                   "dkms status -m nvidia shows what it thinks"};
    TRY_ASSIGN(auto modules, check_kernel(facts, version, request.choices.modules));
    kernels[release] = {{"modules", std::move(modules)}};
  }
  outcome.record = {{"version", version},
                    {"flavour", flavour_name(driver.flavour)},
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

Result<UninstallOutcome> uninstall_driver(const HostPaths& host, const OnStep& at) {
  UninstallOutcome outcome;
  outcome.version = old_version(host);
  // A command that was interrupted may have a version of its own; begin() ends it, then we look again.
  if (outcome.version.empty() && !unfinished_work(host)) return outcome;
  TRY_ASSIGN(auto transaction, Transaction::begin(host, "uninstall " + outcome.version, {}, at));
  const auto record = installed_record(host);
  outcome.version = record ? record->value("version", std::string()) : std::string();
  if (record) {
    TRY(transaction.add(install_scope(host, {outcome.version})));
    transaction.step("dkms remove");
    TRY_ASSIGN(const auto dkms, Dkms::open(host, [](std::string_view line) { log::trace(std::string(line)); }));
    TRY(remove_installed(host, dkms, outcome.version));
    transaction.step("remove the modules");
    for (const auto& release : releases_of(host))
      for (const auto& module : modules_there(host, release, nvidia_module_names()))
        outcome.left.push_back(module.path.string() + ", which dkms did not install for us");
    remove_made(host, *record, dkms);
  }
  TRY(transaction.commit_removed());
  std::error_code bad;
  fs::remove_all(host.is_host() ? host.cache : host.in_root("/var/cache/vgpukit"), bad);
  if (fs::exists(host.in_root("/var/lib/dkms/mok.pub"), bad))
    outcome.left.push_back("/var/lib/dkms/mok.*, the key that dkms signs with: it may be enrolled, and other modules may need it");
  if (fs::exists(host.in_root("/var/lib/nvidia"), bad))
    outcome.left.push_back("/var/lib/nvidia and the user space of NVIDIA's installer: nvidia-uninstall removes those");
  return outcome;
}

Result<RollbackOutcome> rollback_driver(const HostPaths& host, const std::function<void(std::string_view)>& on_step,
                                        const OnStep& at) {
  RollbackOutcome outcome;
  // An interrupted command is ended first: what it has left is no state to go back to or from.
  TRY_ASSIGN(auto transaction, Transaction::begin(host, "rollback", {}, at));
  TRY_ASSIGN(const auto before, previous_state(host));
  outcome.from = old_version(host);
  if (before.empty())
    return Error{Exit::usage, "go back to the driver before " + (outcome.from.empty() ? "this one" : outcome.from),
                 "nothing is kept of one", "vgpukit status tells what is installed"};
  const auto record = previous_record(host);
  outcome.to = record ? record->value("version", std::string()) : std::string();
  std::vector<std::string> scope = install_scope(host, {outcome.from});
  for (const auto& kept : before) {
    const auto names = kept.names();
    scope.insert(scope.end(), names.begin(), names.end());
  }
  TRY(transaction.add(scope));
  TRY_ASSIGN(const auto dkms, Dkms::open(host, [](std::string_view line) { log::trace(std::string(line)); }));
  // The kernels that have a driver now shall have one afterwards, also those that came since then.
  TRY_ASSIGN(const auto now, dkms.status(kModule));
  if (!outcome.from.empty()) {
    transaction.step("remove " + outcome.from);
    TRY(remove_installed(host, dkms, outcome.from));
  }
  // What depmod writes belongs to all modules of a kernel, and those may have changed: it is made again. Kernels that are gone stay
  // so.
  const auto releases = releases_of(host);
  const auto wanted = [&](const std::string& path) {
    if (!path.starts_with("/lib/modules/")) return true;
    const auto rest = path.substr(13);
    const auto release = rest.substr(0, rest.find('/'));
    if (std::find(releases.begin(), releases.end(), release) == releases.end()) return false;
    return rest.find("/modules.") == std::string::npos;
  };
  for (auto kept = before.rbegin(); kept != before.rend(); ++kept) TRY(kept->restore(wanted, at));
  for (const auto& entry : now) {
    if (entry.state != "installed" || outcome.to.empty()) continue;
    TRY_ASSIGN(const auto entries, dkms.status(kModule));
    const bool has = std::any_of(entries.begin(), entries.end(), [&](const DkmsEntry& each) {
      return each.version == outcome.to && each.release == entry.release && each.state == "installed";
    });
    if (has) continue;
    if (on_step) on_step("dkms builds " + outcome.to + " for " + entry.release);
    TRY(dkms.build(kModule, outcome.to, entry.release));
    TRY(dkms.install(kModule, outcome.to, entry.release));
    outcome.built_now.push_back(entry.release);
  }
  transaction.step("depmod");
  std::error_code bad;
  for (const auto& release : releases) {
    if (fs::exists(host.modules() / release / "modules.dep", bad)) TRY(run_depmod(host, release));
    if (!outcome.to.empty() && !modules_there(host, release, nvidia_module_names()).empty()) outcome.releases.push_back(release);
  }
  if (record) {
    auto again = *record;
    again["rolled-back"] = utc_now();
    TRY(transaction.commit(again));
    return outcome;
  }
  if (const auto current = installed_record(host)) remove_made(host, *current, dkms);
  TRY(transaction.commit_removed());
  return outcome;
}

}  // namespace vgpukit
