#include "vgpu/callouts.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "support/atomic_file.hpp"
#include "support/json_file.hpp"
#include "support/log.hpp"
#include "support/text.hpp"
#include "vgpu/mdevctl.hpp"

namespace vgpukit::vgpu {

namespace {

constexpr std::chrono::seconds limit{60};
constexpr int other_type = 2;  // the script is not for this type of device

// What mdevctl 1.3 and newer offer; a script that answers with its own list is used for all events.
constexpr const char* capabilities =
    R"({"provides":{"version":2,"actions":["start","stop","define","undefine","modify","attributes","capabilities"],)"
    R"("events":["pre","post","notify","get","live"]}})";

std::vector<fs::path> scripts_of(const HostPaths& host, const char* kind) {
  std::vector<fs::path> all;
  for (const std::string folder : {"/usr/lib/mdevctl/scripts.d/", "/etc/mdevctl.d/scripts.d/"}) {
    auto scripts = entries_of(host.in_root(folder + kind));
    std::sort(scripts.begin(), scripts.end());
    for (const auto& script : scripts) all.push_back(fs::path(folder) / kind / script.filename());
  }
  return all;
}

bool supports(const std::string& answer, const std::string& list, const std::string& word) {
  const auto data = parse_json(answer.substr(0, answer.find('\0')));
  if (!data.is_object() || !data.contains("supports")) return false;
  const auto& all = data["supports"];
  if (!all.is_object() || !all.contains(list) || !all[list].is_array()) return false;
  return std::find(all[list].begin(), all[list].end(), word) != all[list].end();
}

}  // namespace

struct Callouts::Call {
  const VgpuStep& device;
  std::string event, action, state, input;

  [[nodiscard]] Command command(const HostPaths& host, const fs::path& script) const {
    Command command;
    command.argv = {script.string(), "-t", device.type, "-e", event,        "-a", action, "-s",
                    state,           "-u", device.name, "-p", device.parent};
    if (!host.is_host()) command.root = host.root;
    command.input = input;
    command.deadline = limit;
    return command;
  }
};

namespace {

std::string why_of(const fs::path& script, const Outcome& outcome) {
  auto why = script.string() + (outcome.timed_out
                                    ? " did not end within " + std::to_string(limit.count()) + " s and was stopped"
                                    : " ended with status " + std::to_string(outcome.status));
  const auto words = trimmed(outcome.err.empty() ? outcome.out : outcome.err);
  if (!words.empty()) why += "; it said: " + printable(words, 300);
  return why;
}

}  // namespace

// The first script for the device's type. Error: it forbids the event's command.
Result<std::optional<fs::path>> Callouts::call(const Call& call) {
  for (const auto& script : scripts_of(host_, "callouts")) {
    const auto outcome = run_(call.command(host_, script));
    if (!outcome) {
      if (outcome.error().kind == ErrorKind::interrupted) return outcome.error();
      log::warning("mdevctl's script " + script.string() + " is left out: " + outcome.error().why);
      continue;
    }
    // Above 128: a signal ended it.
    if (!outcome->timed_out && (outcome->status == other_type || outcome->status > 128)) continue;
    if (outcome->ok()) return std::optional(script);
    return Error{ErrorKind::failed, call.action + " the vGPU " + call.device.name, why_of(script, *outcome),
                 "mdevctl's script forbids it: see what it says, or remove it"};
  }
  return std::optional<fs::path>();
}

std::optional<fs::path> Callouts::find_versioned(Call call) {
  const auto action = call.action;
  call.event = "get";
  call.action = "capabilities";
  call.input = capabilities;
  for (const auto& script : scripts_of(host_, "callouts")) {
    const auto outcome = run_(call.command(host_, script));
    if (outcome && !outcome->timed_out && outcome->status != other_type && supports(outcome->out, "actions", action) &&
        supports(outcome->out, "events", "pre"))
      return script;
  }
  return std::nullopt;
}

void Callouts::notify(Call call) {
  call.event = "notify";
  for (const auto& script : scripts_of(host_, "notifiers"))
    if (const auto outcome = run_(call.command(host_, script)); outcome && !outcome->ok())
      log::debug(why_of(script, *outcome));
}

Status Callouts::around(const char* action, const VgpuStep& device, const std::function<Status()>& change) {
  if (device.interface != VgpuInterface::mdev) return change();
  VgpuDefinition definition;
  definition.type = device.type;
  definition.automatic = device.automatic;
  definition.attributes = device.attributes;
  Call call{device, "pre", action, "none", mdevctl_text(definition)};
  auto script = find_versioned(call);
  Status before;
  if (script) {
    const auto outcome = run_(call.command(host_, *script));
    if (!outcome)
      before = outcome.error();
    else if (!outcome->ok())
      before = Error{ErrorKind::failed, std::string(action) + " the vGPU " + device.name, why_of(*script, *outcome),
                     "mdevctl's script forbids it: see what it says, or remove it"};
  } else if (auto found = this->call(call)) {
    script = *found;
  } else {
    before = found.error();
  }
  if (!before) {
    notify(call);
    return before;
  }
  auto done = change();
  call.event = "post";
  call.state = done ? "success" : "failure";
  if (script) {
    if (const auto outcome = run_(call.command(host_, *script)); outcome && !outcome->ok())
      log::debug(why_of(*script, *outcome));
  }
  notify(call);
  return done;
}

}  // namespace vgpukit::vgpu
