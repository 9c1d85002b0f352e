// mdevctl's scripts for mediated devices: callouts, which can forbid a change, and notifiers. They are in
// /usr/lib/mdevctl/scripts.d and /etc/mdevctl.d/scripts.d, and are called as mdevctl's src/callouts.rs calls them:
//   SCRIPT -t TYPE -e pre|post|notify|get -a start|stop|define|undefine|capabilities -s none|success|failure
//          -u UUID -p PARENT, with the definition as JSON on standard input
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "support/process.hpp"
#include "support/result.hpp"
#include "vgpu/vgpu_plan.hpp"

namespace vgpukit::vgpu {

using RunProgram = std::function<Result<Outcome>(const Command&)>;

class Callouts {
 public:
  Callouts(const HostPaths& host, RunProgram run) : host_(host), run_(std::move(run)) {}

  // Calls the `pre` script, makes the change, and calls the `post` script and the notifiers. `action`: "start", "stop",
  // "define" or "undefine". Virtual functions have no scripts. Error: failed, if the script forbids the change (any
  // status but 0 and 2) or does not end within a minute: then nothing was changed. Otherwise that of `change`.
  Status around(const char* action, const VgpuStep& device, const std::function<Status()>& change);

 private:
  struct Call;
  Result<std::optional<fs::path>> call(const Call& call);
  std::optional<fs::path> find_versioned(Call call);
  void notify(Call call);

  const HostPaths& host_;
  RunProgram run_;
};

}  // namespace vgpukit::vgpu
