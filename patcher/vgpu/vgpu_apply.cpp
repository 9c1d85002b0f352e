#include "vgpu/vgpu_apply.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "support/interrupt.hpp"
#include "support/text.hpp"
#include "vgpu/card_modes.hpp"
#include "vgpu/mdevctl.hpp"
#include "vgpu/vendor_vfio.hpp"
#include "vgpu/vgpu_define.hpp"
#include "vgpu/vgpu_support.hpp"
#include "vgpu/vgpu_users.hpp"

namespace vgpukit::vgpu {

namespace {

// Whether the vGPU of the step exists: another program, such as mdevctl at boot, has made it since the plan.
bool appeared(const VgpuTools& tools, const VgpuStep& step, const Error& error) {
  if (error.number != EEXIST && error.number != EPERM) return false;
  const auto view = read_vgpus(tools.sysfs);
  const auto* device = view.device(step.name);
  return device && device->parent == step.parent && device->type == step.type;
}

// Makes all vGPUs of one card, or none. Those that another program has made meanwhile go to `plan.existing`.
void apply_card(const VgpuTools& tools, const VgpuView& view, CardPlan& plan, CardOutcome& outcome) {
  const auto steps = plan.create;
  for (const auto& step : steps) {
    auto done = Interrupt::caught() == 0
                    ? start_vgpu(tools, view, step)
                    : Status(Error{ErrorKind::interrupted, "make the vGPU " + step.name, "interrupted", ""});
    if (!done && appeared(tools, step, done.error())) {
      std::erase_if(plan.create, [&](const VgpuStep& each) { return each.name == step.name; });
      plan.existing.push_back(step);
      continue;
    }
    if (done) {
      outcome.created.push_back(step);
      continue;
    }
    outcome.error = done.error();
    for (; !outcome.created.empty(); outcome.created.pop_back())
      if (const auto undone = stop_vgpu(tools, outcome.created.back()); !undone)
        append(outcome.error->next, undone.error().message(), "; ");
    return;
  }
}

// Writes the mediated devices of vgpus.yaml for mdevctl, too: as "manual", so that an outdated file starts nothing at
// boot. Files of devices that vgpus.yaml no longer has are removed.
Status export_to_mdevctl(const HostPaths& host, const std::vector<VgpuDefinition>& definitions, const VgpuPlan& plan) {
  std::set<std::string> ours;
  for (const auto& each : definitions)
    if (!each.from_mdevctl) ours.insert(each.name);
  std::vector<Error> ignored;
  const auto there = load_mdevctl(host, ignored);
  std::map<std::string, const VgpuDefinition*> by_file;
  for (const auto& each : there) by_file[each.where.file] = &each;
  std::map<std::string, std::string> wanted;  // a UUID, and its file below the parent that it is on now
  const auto one = [&](const VgpuStep& step) -> Status {
    if (step.interface != VgpuInterface::mdev || !ours.contains(step.name)) return {};
    const auto file = mdevctl_file(host, step.parent, step.name);
    wanted[step.name] = file;
    const auto same = by_file.find(file);
    if (same != by_file.end() && !same->second->exported) return {};
    if (same != by_file.end() && same->second->type == step.type && same->second->attributes == step.attributes)
      return {};
    // A file that cannot be read is reported as a bad definition, and the user has to correct it.
    std::error_code bad;
    if (same == by_file.end() && fs::exists(file, bad)) return {};
    VgpuDefinition definition;
    definition.type = step.type;
    definition.automatic = false;
    definition.exported = true;
    definition.attributes = step.attributes;
    return write_file(file, mdevctl_text(definition));
  };
  for (const auto& card : plan.cards) {
    for (const auto& step : card.existing) TRY(one(step));
    for (const auto& step : card.create) TRY(one(step));
  }
  for (const auto& each : there) {
    // While the card is absent, the device is still in vgpus.yaml, so its copy stays.
    const auto place = wanted.find(each.name);
    const bool current = place == wanted.end() ? ours.contains(each.name) : place->second == each.where.file;
    if (each.exported && !current) TRY(remove_mdevctl_file(each.where.file));
  }
  return {};
}

// Adds why a card offers no types to its problems.
void explain_missing_types(const VgpuTools& tools, const VgpuView& view, VgpuPlan& plan) {
  for (auto& each : plan.cards) {
    const auto* card = view.card(each.card);
    if (!card || !card->types.empty() || each.problems.empty()) continue;
    const auto why = no_types(tools.host, tools.sysfs, each.card);
    each.problems.push_back(why.why + "; " + why.next);
  }
}

}  // namespace

bool AppliedVgpus::complete() const {
  if (!bad.empty()) return false;
  if (std::any_of(plan.cards.begin(), plan.cards.end(), [](const auto& card) { return !card.problems.empty(); }))
    return false;
  return std::none_of(outcomes.begin(), outcomes.end(), [](const auto& outcome) { return outcome.error.has_value(); });
}

namespace {

// Removes the vGPUs that no definition names and nobody uses, or lists them in a dry run.
void prune(const VgpuTools& tools, const VgpuView& view, const std::vector<VgpuDefinition>& definitions,
           AppliedVgpus& applied) {
  std::set<std::string> defined;
  for (const auto& each : definitions) defined.insert(each.name);
  std::vector<Vgpu> devices;
  for (const auto& name : applied.plan.undefined)
    if (const auto* device = view.device(name); device && !defined.contains(name)) devices.push_back(*device);
  const auto users = vgpu_users(tools.sysfs, devices);
  for (const auto& device : devices) {
    if (!applied.bad.empty()) {
      applied.not_pruned.push_back({device.name, "a definition cannot be read, and it may be this vGPU's"});
      continue;
    }
    if (const auto user = users.find(device.name); user != users.end()) {
      applied.not_pruned.push_back({device.name, user->second.front().text() + " has it"});
      continue;
    }
    const VgpuStep step{device.interface, device.parent, device.type, device.name, {}};
    const auto removed = applied.dry_run ? Status() : stop_vgpu(tools, step);
    if (removed)
      applied.pruned.push_back(step);
    else
      applied.not_pruned.push_back({device.name, removed.error().message()});
  }
}

void warn_of_params(const VgpuPlan& plan) {
  std::set<std::string> warned;
  for (const auto& card : plan.cards)
    for (const auto& step : card.create)
      for (const auto& param : params_of(step.attributes))
        if (warned.insert(param.first).second) warn_of_unknown_params({param});
}

VgpuPlan plan_all(const VgpuTools& tools, const VgpuView& view, const Definitions& definitions) {
  auto plan = plan_vgpus(tools.sysfs, view, definitions.all);
  explain_missing_types(tools, view, plan);
  plan_modes(tools, view, definitions.cards, plan);
  check_sizes(tools, view, definitions.cards, plan);
  return plan;
}

// What a card needs before its vGPUs can be made, in the order that the driver wants.
Status prepare_card(const VgpuTools& tools, const CardPlan& plan, CardOutcome& outcome) {
  if (plan.modes.mig) {
    TRY(switch_mig_on(tools, plan.card));
    outcome.modes.mig = true;
  }
  if (plan.needs_functions) {
    TRY(make_functions(tools.host, tools.sysfs, plan.card, tools.retry_pause()));
    outcome.made_functions = true;
  }
  if (!plan.modes.gpu_instances.empty()) {
    TRY(make_gpu_instances(tools, plan.card, plan.modes.gpu_instances));
    outcome.modes.gpu_instances = plan.modes.gpu_instances;
  }
  if (plan.modes.mixed) {
    TRY(switch_mixed_on(tools, plan.card));
    outcome.modes.mixed = true;
  }
  return {};
}

// Makes what the definitions want.
void carry_out(const VgpuTools& tools, const Definitions& definitions, VgpuView view, AppliedVgpus& applied) {
  warn_of_params(applied.plan);
  std::map<std::string, CardOutcome> prepared;
  for (const auto& card : applied.plan.cards) {
    if (!card.problems.empty() || (!card.needs_functions && !card.modes.any())) continue;
    auto& outcome = prepared[card.card];
    if (auto done = prepare_card(tools, card, outcome); !done) outcome.error = std::move(done.error());
  }
  if (!prepared.empty()) {
    view = read_vgpus(tools.sysfs);
    remember_type_names(tools.host, view);
    applied.plan = plan_all(tools, view, definitions);
  }
  for (auto& card : applied.plan.cards) {
    auto& outcome = applied.outcomes.emplace_back();
    if (const auto done = prepared.find(card.card); done != prepared.end()) outcome = done->second;
    if (card.problems.empty() && !outcome.error) apply_card(tools, view, card, outcome);
  }
}

}  // namespace

Result<AppliedVgpus> apply_vgpus(const VgpuTools& tools, const ApplyRequest& request) {
  std::optional<FileLock> lock;
  if (!request.dry_run) {
    TRY(need_root(tools.host, "apply the definitions of vGPUs", root_hint));
    TRY_ASSIGN(lock, lock_vgpus(tools));
  }
  // This is read under the lock: the process that held it before may have changed the definitions.
  TRY_ASSIGN(auto definitions, load_definitions(tools.host));
  auto view = read_vgpus(tools.sysfs);
  if (!request.dry_run) remember_type_names(tools.host, view);
  AppliedVgpus applied;
  applied.dry_run = request.dry_run;
  applied.bad = std::move(definitions.bad);
  applied.plan = plan_all(tools, view, definitions);
  if (request.prune) {
    prune(tools, view, definitions.all, applied);
    // What is removed makes space for what is defined.
    if (!applied.pruned.empty()) {
      view = request.dry_run ? view_without(std::move(view), applied.pruned) : read_vgpus(tools.sysfs);
      applied.plan = plan_all(tools, view, definitions);
    }
  }
  if (request.dry_run) return applied;
  carry_out(tools, definitions, std::move(view), applied);
  // If mdevctl's copy cannot be written, the vGPUs stay and are reported all the same.
  if (auto exported = export_to_mdevctl(tools.host, definitions.all, applied.plan); !exported)
    applied.bad.push_back(std::move(exported.error()));
  return applied;
}

Result<StartedVgpu> start_defined(const VgpuTools& tools, const std::string& name, const std::string& card) {
  TRY_ASSIGN(const auto wanted, vgpu_name(name));
  const auto tried = "start the vGPU " + wanted;
  TRY(need_root(tools.host, tried, root_hint));
  TRY_ASSIGN(const auto lock, lock_vgpus(tools));
  TRY_ASSIGN(const auto known, load_definitions(tools.host));
  auto view = read_vgpus(tools.sysfs);
  remember_type_names(tools.host, view);
  Definitions definitions;
  TRY_ASSIGN(definitions.all, definitions_named(view, known.all, wanted, card, tried));
  const bool automatic = definitions.all.front().automatic;
  for (auto& each : definitions.all) each.automatic = true;
  for (const auto& each : known.cards) {
    const auto place = find_place(view, each.card);
    const auto own = find_place(view, definitions.all.front().card);
    if (place && own && place->card == own->card) definitions.cards.push_back(each);
  }
  AppliedVgpus applied;
  applied.plan = plan_all(tools, view, definitions);
  carry_out(tools, definitions, std::move(view), applied);
  for (std::size_t i = 0; i < applied.plan.cards.size(); ++i) {
    auto& plan = applied.plan.cards[i];
    if (!plan.problems.empty())
      return Error{ErrorKind::failed, tried, join(plan.problems, "; "),
                   "vgpukit vgpu types and list show what there is"};
    if (applied.outcomes[i].error) return *applied.outcomes[i].error;
    TRY(export_to_mdevctl(tools.host, known.all, applied.plan));
    for (const auto* steps : {&applied.outcomes[i].created, &plan.existing})
      for (auto step : *steps) {
        step.automatic = automatic;
        return StartedVgpu{step, steps == &plan.existing};
      }
  }
  return Error{ErrorKind::failed, tried, "there is nothing to make for it", "vgpukit vgpu list shows it"};
}

Result<Vgpu> stop_defined(const VgpuTools& tools, const std::string& name) {
  TRY_ASSIGN(const auto wanted, vgpu_name(name));
  TRY_ASSIGN(const auto known, load_definitions(tools.host));
  if (std::none_of(known.all.begin(), known.all.end(), [&](const auto& each) { return each.name == wanted; }))
    return Error{ErrorKind::usage, "stop the vGPU " + wanted, "it is not defined, so it could not be started again",
                 "vgpukit vgpu define " + wanted + " defines it as it is; vgpukit vgpu remove " + wanted +
                     " removes it for good"};
  return remove_vgpu(tools, wanted);
}

}  // namespace vgpukit::vgpu
