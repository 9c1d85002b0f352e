// `vgpukit hook run`, which package managers call after they have installed kernels. It checks whether each kernel has
// a working driver, has dkms build it otherwise, reports that in a line, and writes it down for `vgpukit status`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "install/install_status.hpp"

namespace vgpukit::install {

enum class HookCaller { person, pacman, postinst, kernel_install };

// The kernels that were just installed, each once. pacman names them on stdin (`input`: lines such as
// "usr/lib/modules/REL/vmlinuz"), /etc/kernel/postinst.d in the first argument, kernel-install as "add REL DIR", a
// person as arguments. A word that cannot be a release is skipped.
std::vector<std::string> hook_releases(HookCaller caller, const std::vector<std::string>& words,
                                       std::string_view input);

struct HookKernel {
  enum class Result { ready, built, failed } result = Result::failed;
  std::string release;
  ModuleOwner owner = ModuleOwner::none;  // ready: who has built the modules
  std::string why;                        // failed: why it has no working driver, in one line
  std::string next;                       // failed: what to do
  std::string log;                        // failed: the log of the build; may be empty
  double seconds = 0;                     // built
};

struct HookOutcome {
  std::string version;              // of the installed driver; empty: there is none, and nothing was done
  std::vector<HookKernel> kernels;  // from the oldest to the newest
  std::string next_boot_problem;    // set if the kernel that boots next has no working driver
};

struct HookRequest {
  std::string caller;  // for the record
  std::vector<std::string> releases;
  // Above zero: the process that runs our hook and then dkms's. While it runs, dkms does not build what this hook could
  // not build.
  int parent = 0;
  std::function<void(const std::string&)> on_begin;      // a build begins: what, for which kernel
  std::function<void(const HookKernel&)> on_kernel;      // a kernel is done
  std::function<void(std::string_view)> on_output = {};  // what dkms prints
};

// Holds HookRequest::parent if a kernel has no working driver; our dkms.conf reads it. (dkms up to 3.0 does not always
// tell dkms.conf the right kernel.)
inline constexpr const char* gave_up_file = "/run/vgpukit/gave-up";

// Working modules are never touched. If there is nothing to do, nothing is written. Errors: missing (no dkms),
// no_space, interrupted.
Result<HookOutcome> run_hook(const HostPaths& host, const HookRequest& request);

// STATE/hooks/last.json: {"time", "by", "summary", "kernels": {REL: {"result", "why", "next", "log", "time",
// "stamp"}}}. Kernels of earlier runs stay in it while they are installed.
std::optional<nlohmann::json> last_hook_run(const HostPaths& host);
// The failure that it has for a kernel, if the modules have not changed since then; otherwise empty.
std::string last_hook_failure(const HostPaths& host, const nlohmann::json& last, const std::string& release);

}  // namespace vgpukit::install
