#include "install/hook_run.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "install/dkms.hpp"
#include "install/dkms_tree.hpp"
#include "install/install_scope.hpp"
#include "kernel/facts.hpp"
#include "module/loader_check.hpp"
#include "support/atomic_file.hpp"
#include "support/hash.hpp"
#include "support/interrupt.hpp"
#include "support/json_file.hpp"
#include "support/log.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::install {

namespace {

using nlohmann::json;

fs::path folder_of(const HostPaths& host) {
  return host.machine_state() / "hooks";
}

// Whether the kernel's make accepts the word as a release (include/config/kernel.release). A path is none.
bool can_be_release(std::string_view word) {
  return !word.empty() && word.size() < 65 && word.front() != '.' && word.front() != '-' &&
         std::all_of(word.begin(), word.end(), [](char c) {
           return is_identifier_character(c) || contains(".+~-", {&c, 1});
         });
}

// "usr/lib/modules/REL/..." -> REL
std::string release_of_target(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.starts_with("usr/")) path.remove_prefix(4);
  if (!path.starts_with("lib/modules/")) return {};
  path.remove_prefix(12);
  return std::string(path.substr(0, path.find('/')));
}

// Changes when the modules, or the kernel that they were built for, change. This is cheaper than to read compressed
// modules.
std::string stamp_of(const HostPaths& host, const std::string& release, const InstallRecord& record,
                     const std::vector<kernel::InstalledModuleFile>& modules) {
  Hasher hasher;
  hasher.add(record.value("version", std::string()));
  std::vector<fs::path> files;
  for (const auto& module : modules) files.push_back(module.file);
  if (const auto symvers = host.resolve("/lib/modules/" + release + "/build/Module.symvers")) files.push_back(*symvers);
  for (const auto& file : files) {
    struct stat is {};
    if (::stat(file.c_str(), &is) != 0) continue;
    hasher.add(host.inside(file).string())
        .add(std::to_string(is.st_size) + " " + std::to_string(is.st_mtim.tv_sec) + "." +
             std::to_string(is.st_mtim.tv_nsec));
  }
  return hasher.hex();
}

// Why the kernel would refuse modules that are for it and of the right version. Empty if it would load them, or if that
// cannot be found out.
std::string loader_refusal(const HostPaths& host, const std::string& release, const InstallRecord& record,
                           const std::vector<kernel::InstalledModuleFile>& there) {
  auto kernel = kernel::open_kernel(host, release, /*any_compiler=*/true);
  if (!kernel) return {};
  std::vector<module::ModuleFile> modules;
  const auto names = record.value("modules", std::vector<std::string>());
  for (const auto& each : there) {
    if (std::find(names.begin(), names.end(), each.name) == names.end()) continue;
    auto module = module::read_module(each.file);
    if (module) modules.push_back(std::move(*module));
  }
  kernel::Facts facts(std::move(*kernel), {});
  const auto verdicts = module::verify_modules(modules, facts);
  if (!verdicts) return {};
  for (const auto& verdict : *verdicts)
    if (verdict.refuses) return module::with_module(verdict);
  return {};
}

// The words that keep the machine from a reboot until the new kernel has its modules. None without systemd, or if
// systemd refuses: a build without that protection is better than no build.
std::vector<std::string> inhibit_words(const HostPaths& host) {
  std::error_code bad;
  if (!fs::is_directory(host.in_root("/run/systemd/system"), bad) || !find_program("systemd-inhibit", host.root))
    return {};
  const std::vector<std::string> words = {"systemd-inhibit", "--what=shutdown:sleep", "--who=vgpukit", "--mode=block",
                                          "--why=The driver of the new kernel is being built"};
  Command probe;
  probe.root = host.root;
  probe.argv = words;
  probe.argv.emplace_back("true");
  probe.deadline = std::chrono::seconds(5);
  const auto said = run(probe);
  return said && said->ok() ? words : std::vector<std::string>{};
}

// The first line of a failed build's log that tells the reason.
std::string reason_in(std::string_view log) {
  for (const auto& line : lines_of(log)) {
    const auto at = line.find("error: ");
    if (at != std::string::npos && (at == 0 || line[at - 1] == ' ')) return line.substr(at == 0 ? 7 : 0);
    if (line.starts_with("ERROR: ") || line.starts_with("vgpukit: vgpukit is not")) return line;
  }
  return {};
}

class Run {
 public:
  Run(const HostPaths& host, const HookRequest& request, InstallRecord record)
      : host_(host), request_(request), record_(std::move(record)), version_(record_.value("version", std::string())) {
    if (auto last = last_hook_run(host)) kernels_ = last->value("kernels", json::object());
    if (!kernels_.is_object()) kernels_ = json::object();
  }

  HookKernel check(const std::string& release) {
    HookKernel kernel;
    kernel.release = release;
    if (!kernel::modules_folder(host_, release)) {
      kernel.why = "there is no " + host_.in_root("/lib/modules/" + release).string();
      kernel.next = "was it removed again?";
      return kernel;
    }
    auto there = kernel::installed_module_files(host_, release, nvidia_module_names());
    const auto stamp = stamp_of(host_, release, record_, there);
    auto problem = seen(release, stamp) ? std::string() : module_problem(host_, release, record_, there);
    bool stale = false;
    if (problem.empty() && !seen(release, stamp)) {
      problem = loader_refusal(host_, release, record_, there);
      stale = !problem.empty();
    }
    if (problem.empty()) {
      kernel.result = HookKernel::Result::ready;
      kernel.owner = owner(release);
      remember(kernel, stamp);
      return kernel;
    }
    build(kernel, problem, stale);
    tell_dkms(kernel);
    there = kernel::installed_module_files(host_, release, nvidia_module_names());
    remember(kernel, stamp_of(host_, release, record_, there));
    return kernel;
  }

  Status write() {
    const auto now = kernel::releases_of(host_);
    std::set<std::string> gone;
    for (const auto& [release, entry] : kernels_.items())
      if (std::find(now.begin(), now.end(), release) == now.end()) gone.insert(release);
    for (const auto& release : gone) kernels_.erase(release);
    if (!changed_ && gone.empty()) return {};
    std::string summary;
    for (const auto& release : request_.releases)
      if (kernels_.contains(release))
        append(summary, release + ": " + kernels_.at(release).value("text", std::string()), "; ");
    const json document = {{"time", utc_now()}, {"by", request_.caller}, {"summary", summary}, {"kernels", kernels_}};
    return write_file(folder_of(host_) / "last.json", json_text(document, 2) + "\n");
  }

 private:
  // Whether an earlier run has found the same modules to be working.
  [[nodiscard]] bool seen(const std::string& release, const std::string& stamp) const {
    if (!kernels_.contains(release)) return false;
    const auto& entry = kernels_.at(release);
    return entry.value("stamp", std::string()) == stamp && entry.value("result", std::string()) != "failed";
  }

  [[nodiscard]] ModuleOwner owner(const std::string& release) const {
    std::error_code bad;
    return fs::exists(host_.in_root("/var/lib/dkms/nvidia/" + version_ + "/" + release), bad) ? ModuleOwner::dkms
                                                                                              : ModuleOwner::vgpukit;
  }

  void remember(const HookKernel& kernel, const std::string& stamp) {
    const char* result = kernel.result == HookKernel::Result::failed  ? "failed"
                         : kernel.result == HookKernel::Result::built ? "built"
                                                                      : "ready";
    const auto text = kernel.result == HookKernel::Result::failed  ? "no working driver: " + kernel.why
                      : kernel.result == HookKernel::Result::built ? "built and installed"
                                                                   : "the driver is there";
    if (kernel.result == HookKernel::Result::ready && seen(kernel.release, stamp)) return;
    changed_ = true;
    kernels_[kernel.release] = {{"result", result},    {"text", text},      {"why", kernel.why},
                                {"next", kernel.next}, {"log", kernel.log}, {"version", version_},
                                {"time", utc_now()},   {"stamp", stamp},    {"seconds", kernel.seconds}};
  }

  void build(HookKernel& kernel, const std::string& problem, bool stale) {
    kernel.why = problem;
    // This comes first, because it names the package with the headers, which are what is missing most often.
    if (const auto opened = kernel::open_kernel(host_, kernel.release, /*any_compiler=*/true); !opened) {
      kernel.why = problem + ": " + opened.error().why;
      kernel.next = opened.error().next;
      return;
    }
    auto dkms = Dkms::open(host_, [&](std::string_view line) {
      if (request_.on_output) request_.on_output(line);
    });
    if (!dkms) {
      kernel.why = dkms.error().why;
      kernel.next = dkms.error().next;
      return;
    }
    if (!is_our_dkms_tree(host_.in_root(dkms_source_folder(version_)))) {
      kernel.why = dkms_source_folder(version_).string() + " is not as vgpukit install left it";
      kernel.next = "install the driver again: vgpukit install";
      return;
    }
    if (const auto diverted = diverted_dkms(host_, version_); !diverted.empty()) {
      kernel.why = diverted;
      kernel.next = "remove that line, or the file";
      return;
    }
    dkms->run_under(inhibit_words(host_));
    if (request_.on_begin)
      request_.on_begin("building NVIDIA " + version_ + " for " + kernel.release + " (" + problem + ")");
    const auto start = std::chrono::steady_clock::now();
    Status done;
    // dkms 2.x builds nothing twice, and this command does not remove what dkms has built.
    const bool builds_again = dkms->version() >= *Version::parse("3");
    if (stale && builds_again) done = dkms->build(dkms_module_name, version_, kernel.release, /*again=*/true);
    if (done) done = dkms->install(dkms_module_name, version_, kernel.release);
    kernel.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const auto there = kernel::installed_module_files(host_, kernel.release, nvidia_module_names());
    auto now = module_problem(host_, kernel.release, record_, there);
    if (done && now.empty()) now = loader_refusal(host_, kernel.release, record_, there);
    if (done && now.empty()) {
      kernel.result = HookKernel::Result::built;
      kernel.why.clear();
      return;
    }
    explain(kernel, done, now.empty() ? problem : now);
    if (stale && !builds_again)
      kernel.next = "this dkms builds nothing twice: dkms remove -m nvidia -v " + version_ + " -k " + kernel.release +
                    ", then vgpukit hook run " + kernel.release;
  }

  // Our dkms.conf reads this file. If it cannot be written, dkms tries the build once more.
  void tell_dkms(const HookKernel& kernel) {
    const auto file = host_.in_root(gave_up_file);
    if (kernel.result == HookKernel::Result::failed && request_.parent > 0) {
      if (const auto written = write_file(file, std::to_string(request_.parent) + "\n"); !written)
        log::warning(written.error().message());
      return;
    }
    fs::remove(file, bad_);
  }

  // The log of the build tells the reason; dkms's own messages do not.
  void explain(HookKernel& kernel, const Status& done, const std::string& problem) {
    kernel.why = done ? problem : done.error().why;
    kernel.next = done ? "" : done.error().next;
    for (const auto& name : {"/var/lib/dkms/nvidia/" + version_ + "/build/make.log",
                             "/var/lib/dkms/nvidia/" + version_ + "/" + kernel.release + "/x86_64/log/make.log"}) {
      const auto text = read_file(host_.in_root(name));
      // It may be the log of a build for another kernel.
      if (!text || text->find(kernel.release) == std::string::npos) continue;
      const auto copy = folder_of(host_) / (kernel.release + ".log");
      kernel.log = write_file(copy, *text) ? host_.inside(copy).string() : name;
      kernel.next = "read " + kernel.log;
      if (const auto reason = reason_in(*text); !reason.empty()) kernel.why = reason;
      break;
    }
    if (const auto newline = kernel.why.find('\n'); newline != std::string::npos) {
      // The first of dkms's last lines is mostly its error message.
      auto line = kernel.why.substr(newline + 1);
      line = line.substr(0, line.find('\n'));
      kernel.why =
          kernel.why.substr(0, newline) + ": " + line.substr(std::min(line.find_first_not_of(' '), line.size()));
    }
  }

  const HostPaths& host_;
  const HookRequest& request_;
  InstallRecord record_;
  std::string version_;
  json kernels_ = json::object();
  bool changed_ = false;
  std::error_code bad_;
};

}  // namespace

std::vector<std::string> hook_releases(HookCaller caller, const std::vector<std::string>& words,
                                       std::string_view input) {
  std::vector<std::string> all;
  switch (caller) {
    case HookCaller::pacman:
      for (const auto& line : lines_of(input)) all.push_back(release_of_target(line));
      break;
    case HookCaller::postinst:
      if (!words.empty()) all.push_back(words.front());
      break;
    case HookCaller::kernel_install:
      if (words.size() > 1 && words.front() == "add") all.push_back(words[1]);
      break;
    case HookCaller::person:
      all = words;
      break;
  }
  std::vector<std::string> releases;
  for (auto& release : all)
    if (can_be_release(release) && std::find(releases.begin(), releases.end(), release) == releases.end())
      releases.push_back(std::move(release));
  std::stable_sort(releases.begin(), releases.end(), [](const auto& a, const auto& b) {
    const auto left = Version::leading(a);
    const auto right = Version::leading(b);
    return left && right && *left < *right;
  });
  return releases;
}

Result<HookOutcome> run_hook(const HostPaths& host, const HookRequest& request) {
  HookOutcome outcome;
  if (!installed_record(host) && !unfinished_change(install_rules(host))) return outcome;
  TRY_ASSIGN(const auto lock, lock_changes(install_rules(host)));
  auto record = installed_record(host);  // an interrupted install may have been undone
  if (!record || request.releases.empty()) return outcome;
  outcome.version = record->value("version", std::string());
  Run run(host, request, std::move(*record));
  for (const auto& release : request.releases) {
    outcome.kernels.push_back(run.check(release));
    if (request.on_kernel) request.on_kernel(outcome.kernels.back());
    // After each kernel, because the build for the next one may crash the machine. A full disk must not stop that
    // build.
    if (const auto written = run.write(); !written) log::warning(written.error().message());
    if (Interrupt::caught() != 0)
      return Error{ErrorKind::interrupted, "build the driver for the kernels that were installed", "interrupted",
                   "vgpukit hook run " + release};
  }
  const bool all = std::all_of(outcome.kernels.begin(), outcome.kernels.end(),
                               [](const HookKernel& each) { return each.result != HookKernel::Result::failed; });
  if (all) return outcome;
  TRY_ASSIGN(const auto status, install_status(host));
  for (const auto& kernel : status.kernels) {
    if (!kernel.next || kernel.problem.empty()) continue;
    outcome.next_boot_problem = "the kernel you will boot next, " + kernel.release + ", has no working driver";
    // The reason was already reported for the kernels of this run.
    if (std::find(request.releases.begin(), request.releases.end(), kernel.release) == request.releases.end())
      outcome.next_boot_problem += ": " + kernel.problem;
  }
  return outcome;
}

std::optional<json> last_hook_run(const HostPaths& host) {
  auto last = json_if_readable(folder_of(host) / "last.json");
  const auto is_kernel = [](const json& each) {
    return has_texts(each, {"time", "text", "stamp", "result", "why", "next"});
  };
  if (last && has_texts(*last, {"time", "by", "summary"}) && has_map(*last, "kernels", is_kernel)) return last;
  return std::nullopt;
}

std::string last_hook_failure(const HostPaths& host, const json& last, const std::string& release) {
  const auto record = installed_record(host);
  if (!record || !last.contains("kernels") || !last.at("kernels").is_object() || !last.at("kernels").contains(release))
    return {};
  const auto& entry = last.at("kernels").at(release);
  if (!entry.is_object() || entry.value("result", std::string()) != "failed") return {};
  const auto there = kernel::installed_module_files(host, release, nvidia_module_names());
  if (entry.value("stamp", std::string()) != stamp_of(host, release, *record, there)) return {};
  const auto next = entry.value("next", std::string());
  return entry.value("why", std::string()) + (next.empty() ? "" : " (" + next + ")");
}

}  // namespace vgpukit::install
