// What a package manager's hook does after kernels were installed: looks whether each has a working driver, has dkms
// build it where not, says so in a line, and keeps it for `vgpukit status`.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::install {

enum class HookCaller { person, pacman, postinst, kernel_install };

// The kernels that were just installed, as the caller names them, each once: pacman's targets on stdin (`input`:
// "usr/lib/modules/REL/vmlinuz" lines), the first argument of a script in /etc/kernel/postinst.d, kernel-install's "add
// REL DIR". A person names them as arguments. Words that can be no release are left out.
std::vector<std::string> hook_releases(HookCaller caller, const std::vector<std::string>& words,
                                       std::string_view input);

struct HookKernel {
  enum class Result { ready, built, failed } result = Result::failed;
  std::string release;
  std::string by;      // ready: "dkms", "vgpukit"
  std::string why;     // failed: why it has no working driver, in one line
  std::string next;    // failed: what to do
  std::string log;     // failed: where the whole story is; may be empty
  double seconds = 0;  // built
};

struct HookOutcome {
  std::string version;              // of the installed driver; empty: none is, and nothing was done
  std::vector<HookKernel> kernels;  // from the oldest to the newest
  std::string next_boot_problem;    // "the kernel you will boot next ..." where that has no working driver
};

struct HookRequest {
  std::string caller;  // for the record
  std::vector<std::string> releases;
  // Above zero: the process that runs our hook and then dkms's, which leaves what we could not build alone while that
  // one lives.
  int parent = 0;
  std::function<void(const std::string&)> on_begin;      // a build begins: what, for which kernel
  std::function<void(const HookKernel&)> on_kernel;      // a kernel is done
  std::function<void(std::string_view)> on_output = {};  // what dkms prints
};

// What run_hook() leaves for our dkms.conf where a kernel has no working driver: HookRequest::parent. (dkms up to 3.0
// does not tell dkms.conf rightly which kernel it is about.)
inline constexpr const char* gave_up_file = "/run/vgpukit/gave-up";

// Modules that work are never touched. Where nothing has to be done nothing is written. Error: missing (the disk is
// full, no dkms); "interrupted".
Result<HookOutcome> run_hook(const HostPaths& host, const HookRequest& request);

// STATE/hooks/last.json: {"time", "by", "summary", "kernels": {REL: {"result", "why", "next", "log", "time",
// "stamp"}}}. Kernels of earlier runs are kept in it while they are installed.
std::optional<nlohmann::json> last_hook_run(const HostPaths& host);
// What that says against a kernel, where its modules are still those that it saw; else empty.
std::string last_hook_failure(const HostPaths& host, const nlohmann::json& last, const std::string& release);

}  // namespace vgpukit::install
