// NVIDIA's driver on this host: vgpukit's record of it, dkms, Secure Boot, and nvidia-persistenced.
#include <map>
#include <set>

#include "doctor/checks.hpp"
#include "module/secure_boot.hpp"
#include "support/processes.hpp"
#include "support/text.hpp"

namespace vgpukit::doctor::check {

namespace {

constexpr const char* dkms_folder = "/var/lib/dkms";

// One version of a dkms module, as its folders say (dkms does the same: module_status() in github.com/dell/dkms).
struct DkmsVersion {
  std::string folder;                 // /var/lib/dkms/nvidia/535.247.02
  std::string source;                 // the target of its source link
  std::map<std::string, bool> built;  // release -> whether it is also installed
};

// VERSION/RELEASE/ARCH/module has the modules that were built. MODULE/kernel-RELEASE-ARCH is a link to those that are
// installed.
DkmsVersion read_dkms_version(const Sysfs& sysfs, const std::string& module, const std::string& version) {
  const auto own = std::string(dkms_folder) + "/" + module;
  DkmsVersion state;
  state.folder = own + "/" + version;
  state.source = sysfs.link(state.folder + "/source");
  for (const auto& release : sysfs.list(state.folder))
    for (const auto& arch : sysfs.list(state.folder + "/" + release)) {
      if (!sysfs.exists(state.folder + "/" + release + "/" + arch + "/module")) continue;
      state.built[release] = sysfs.link(own + "/kernel-" + release + "-" + arch).starts_with(version + "/");
    }
  return state;
}

}  // namespace

Findings driver_dkms(const CheckInput& input) {
  const auto& sysfs = input.sysfs;
  Findings findings;
  for (const auto& module : sysfs.list(dkms_folder)) {
    if (!module.starts_with("nvidia")) continue;
    std::set<std::string> installed_for;
    std::string versions, broken_log;
    for (const auto& version : sysfs.list(std::string(dkms_folder) + "/" + module)) {
      const auto folder = std::string(dkms_folder) + "/" + module + "/" + version;
      if (sysfs.link(folder + "/source").empty()) continue;  // kernel-RELEASE-ARCH, original_module
      const auto state = read_dkms_version(sysfs, module, version);
      append(versions, version);
      if (!sysfs.exists(state.folder + "/source/dkms.conf"))
        findings.push_back(
            {.state = State::fail,
             .what = "dkms has " + module + " " + version + ", but its source is gone",
             .evidence = {{state.folder + "/source", "leads to " + state.source + ", which has no dkms.conf"}},
             .why = "dkms fails at it at every kernel upgrade, and builds nothing",
             .next = "dkms remove " + module + "/" + version + " --all; if it refuses: rm -r " + state.folder});
      if (const auto log = state.folder + "/build/make.log"; sysfs.exists(log)) broken_log = log;
      for (const auto& [release, installed] : state.built)
        if (installed) installed_for.insert(release);
    }
    if (versions.empty()) continue;
    for (const auto& kernel : input.view.kernels) {
      const auto folder = std::string(dkms_folder) + "/" + module;
      if (installed_for.contains(kernel.release)) {
        findings.push_back({.what = "dkms has installed " + module + " for " + kernel.release,
                            .evidence = {{folder, versions + ", installed for " + kernel.release}}});
        continue;
      }
      const bool matters = kernel.running || &kernel == &input.view.kernels.back();
      Finding finding{.state = matters ? State::fail : State::warn,
                      .what = "dkms has " + module + " " + versions + ", but not for " + kernel.release,
                      .evidence = {{folder, "no kernel-" + kernel.release + "-* in it"}},
                      .why = "that kernel boots without it",
                      .next = "dkms autoinstall -k " + kernel.release};
      if (!broken_log.empty()) {
        finding.evidence.push_back({broken_log, "the log of a build that failed"});
        finding.next += "; if it fails, vgpukit build names the kernel change that breaks the build";
      }
      findings.push_back(std::move(finding));
    }
  }
  return findings;
}

Findings driver_persistenced(const CheckInput& input) {
  Findings findings;
  each_process(input.sysfs, [&](int pid, const std::string& process) {
    // The kernel shortens names to 15 characters.
    if (!findings.empty() || input.sysfs.read(process + "/comm").text != "nvidia-persiste") return;
    findings.push_back(
        {.what = "nvidia-persistenced runs (process " + std::to_string(pid) + "): it keeps every card open",
         .evidence = {{process + "/comm", "nvidia-persiste"}},
         .next = "systemctl stop nvidia-persistenced before a card is unbound from the driver; otherwise the unbind "
                 "waits for ever"});
  });
  return findings;
}

Findings kernel_driver(const CheckInput& input) {
  const auto& driver = input.view.driver;
  if (!driver) return {};
  Findings findings;
  if (!driver->unfinished.empty())
    findings.push_back({.state = State::fail,
                        .what = "vgpukit " + driver->unfinished + " was interrupted",
                        .evidence = {{"/var/lib/vgpukit/install", "unfinished: " + driver->unfinished}},
                        .why = "only a part of the driver is installed",
                        .next = "run vgpukit install, rollback or uninstall: each finishes or undoes it first"});
  if (driver->version.empty()) return findings;
  for (const auto& kernel : driver->kernels) {
    if (kernel.problem.empty()) {
      findings.push_back({.what = "the driver " + driver->version + " is installed for " + kernel.release,
                          .evidence = {{"/lib/modules/" + kernel.release, "modules are there"}}});
      continue;
    }
    findings.push_back(
        {.state = kernel.running || kernel.next ? State::fail : State::warn,
         .what = "the driver " + driver->version + " does not work for " + kernel.release + ": " + kernel.problem,
         .evidence = {{"/lib/modules/" + kernel.release, kernel.problem}},
         .why = kernel.next ? "it is the kernel that boots next" : "that kernel boots without it",
         .next = "vgpukit install " + driver->version + " --kernel " + kernel.release});
  }
  return findings;
}

Findings secure_boot(const CheckInput& input) {
  const auto state = vgpukit::module::secure_boot(input.view.host);
  const std::string file = module::secure_boot_variable;
  if (!state.problem.empty())
    return {{.state = State::unknown,
             .what = "whether Secure Boot is on cannot be read",
             .evidence = {{file, state.problem}}}};
  if (!state.firmware) return {};
  if (!*state.firmware) return {{.what = "Secure Boot is off", .evidence = {{file, "0"}}}};
  if (!state.on)
    return {{.what = "Secure Boot is on, but shim checks no signatures (mokutil --disable-validation)",
             .evidence = {{file, "1"}, {"MokSBStateRT", "1"}}}};
  Finding finding{.state = State::warn,
                  .what = "Secure Boot is on",
                  .evidence = {{file, "1"}},
                  .why =
                      "the kernel refuses modules that are not signed with an enrolled key (Key was rejected by "
                      "service); so does a guest with Secure Boot",
                  .next =
                      "sign the modules with a key that mokutil --import enrolled (dkms has one: "
                      "/var/lib/dkms/mok.pub), or switch Secure Boot off in the firmware's setup"};
  if (const auto text = input.sysfs.read("/sys/kernel/security/lockdown").text; !text.empty())
    finding.evidence.push_back({"/sys/kernel/security/lockdown", text});
  if (const auto* line = input.view.log.find("unavailable key")) {
    finding.state = State::fail;
    finding.evidence.push_back({input.view.log.source, *line});
  }
  return {finding};
}

}  // namespace vgpukit::doctor::check
