#include "cli/vgpu_text.hpp"

#include <algorithm>

#include "support/number.hpp"
#include "support/text.hpp"
#include "vgpu/vgpu_support.hpp"

namespace vgpukit::cli {

namespace {

// A table with columns as wide as their longest text, and two blanks between them.
std::string table(const std::vector<std::vector<std::string>>& rows, const std::string& indent) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line = indent;
    for (std::size_t i = 0; i < row.size(); ++i) line += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : text;
}

std::string number(const std::optional<unsigned>& value, const char* unit = "") {
  return value ? std::to_string(*value) + unit : "-";
}

nlohmann::json optional_json(const std::optional<unsigned>& value) {
  return value ? nlohmann::json(*value) : nlohmann::json();
}

nlohmann::json text_json(const std::string& text) {
  return text.empty() ? nlohmann::json() : nlohmann::json(text);
}

constexpr const char* mig_key = "MIG Mode/Current";
constexpr const char* pending_key = "MIG Mode/Pending";
constexpr const char* mixed_key = "GPU Virtualization Mode/vGPU Heterogeneous Mode";

nlohmann::json number_json(const std::string& text) {
  const auto value = number_in<unsigned>(text);
  return value ? nlohmann::json(*value) : nlohmann::json();
}

std::string step_line(const char* sign, const vgpu::VgpuStep& step) {
  const auto where = step.name == step.parent ? "" : " on " + step.parent;
  return "  " + std::string(sign) + " " + step.name + "  " + step.type + where + "\n";
}

}  // namespace

std::string types_text(const Sysfs& sysfs, const vgpu::VgpuView& view, const system::NvidiaSmi& smi,
                       const std::string& card, const Style& style) {
  std::string text;
  for (const auto& each : view.cards) {
    if (!card.empty() && each.address != card) continue;
    text += style.bold(each.address) + (each.model.empty() ? "" : "  " + each.model);
    if (each.interface != vgpu::VgpuInterface::none)
      text += "  (" + std::string(vgpu::interface_name(each.interface)) + ")";
    if (each.most_functions > 0)
      text +=
          "  " + std::to_string(each.functions) + " of " + std::to_string(each.most_functions) + " virtual functions";
    text += "\n";
    const auto mig = smi.value(each.address, mig_key);
    const auto pending = smi.value(each.address, pending_key);
    if (!mig.empty())
      text += "  MIG mode: " + mig +
              (pending.empty() || pending == mig ? "" : ", and " + pending + " after a reset of this GPU") +
              (mig == "Enabled" ? "" : "; for MIG-backed types: " + vgpu::mig_mode_hint(sysfs, each.address)) + "\n";
    if (const auto mixed = smi.value(each.address, mixed_key); !mixed.empty()) text += "  mixed sizes: " + mixed + "\n";
    if (each.types.empty()) {
      text += each.interface == vgpu::VgpuInterface::none && each.most_functions > 0 && each.functions == 0
                  ? "  offers types when its virtual functions exist; vgpu create --card " + each.address +
                        " and vgpu apply make them\n"
                  : "  offers no vGPU types\n";
      continue;
    }
    std::vector<std::vector<std::string>> rows = {
        {"TYPE", "NAME", "KIND", "MEMORY", "HEADS", "RESOLUTION", "FREE", "USED"}};
    for (const auto& [id, type] : each.types) {
      const auto use = vgpu::use_of(view, each, type);
      rows.push_back({id, or_dash(type.name), vgpu::is_mig_backed(type) ? "MIG" : "time-sliced",
                      number(type.framebuffer_mb, " MB"), number(type.heads), or_dash(type.resolution),
                      std::to_string(use.available), std::to_string(use.used)});
    }
    text += table(rows, "  ");
  }
  return text;
}

nlohmann::json types_json(const vgpu::VgpuView& view, const system::NvidiaSmi& smi, const std::string& card) {
  nlohmann::json cards = nlohmann::json::array();
  for (const auto& each : view.cards) {
    if (!card.empty() && each.address != card) continue;
    nlohmann::json types = nlohmann::json::array();
    for (const auto& [id, type] : each.types) {
      const auto use = vgpu::use_of(view, each, type);
      types.push_back({{"id", id},
                       {"name", type.name},
                       {"description", type.description},
                       {"device_api", type.device_api},
                       {"framebuffer_mb", optional_json(type.framebuffer_mb)},
                       {"heads", optional_json(type.heads)},
                       {"resolution", type.resolution},
                       {"max_instances", optional_json(type.max_instances)},
                       {"mig_backed", vgpu::is_mig_backed(type)},
                       {"available", use.available},
                       {"used", use.used}});
    }
    cards.push_back({{"address", each.address},
                     {"interface", vgpu::interface_name(each.interface)},
                     {"model", each.model},
                     {"uuid", each.uuid},
                     {"serial", each.serial},
                     {"functions", each.functions},
                     {"most_functions", each.most_functions},
                     {"mig_mode", text_json(smi.value(each.address, mig_key))},
                     {"mig_mode_pending", text_json(smi.value(each.address, pending_key))},
                     {"mixed_sizes", text_json(smi.value(each.address, mixed_key))},
                     {"types", std::move(types)}});
  }
  nlohmann::json parents = nlohmann::json::array();
  for (const auto& parent : view.parents) {
    if (!card.empty() && parent.card != card) continue;
    nlohmann::json available_instances = nlohmann::json::object();
    for (const auto& [id, free] : parent.available_instances) available_instances[id] = free;
    parents.push_back({{"name", parent.name},
                       {"card", parent.card},
                       {"interface", vgpu::interface_name(parent.interface)},
                       {"available", std::move(available_instances)}});
  }
  return {{"cards", std::move(cards)}, {"parents", std::move(parents)}};
}

std::string rows_text(const std::vector<vgpu::VgpuRow>& rows, const Style& style) {
  // A column that would be empty in all rows is left out.
  const auto any = [&](auto has) { return std::any_of(rows.begin(), rows.end(), has); };
  const bool params = any([](const auto& row) { return !row.settings.params.empty(); });
  const bool placement = any([](const auto& row) { return !row.settings.placement.empty(); });
  const bool instance = any([](const auto& row) { return !row.settings.gpu_instance.empty(); });
  std::vector<std::vector<std::string>> lines = {{"VGPU", "PARENT", "TYPE", "NAME", "START", "STATE"}};
  if (params) lines.back().emplace_back("PARAMETERS");
  if (placement) lines.back().emplace_back("PLACEMENT");
  if (instance) lines.back().emplace_back("GPU INSTANCE");
  lines.back().emplace_back("USED BY");
  for (const auto& row : rows) {
    const auto users = join(row.users, ", ", [](const auto& user) { return user.text(); });
    const auto* state = row.active ? (row.defined ? "active, defined" : "active") : "defined";
    lines.push_back({row.device.name.empty() ? "(any function)" : row.device.name,
                     row.device.parent.empty() ? or_dash(row.device.card) : row.device.parent, row.device.type,
                     or_dash(row.device.type_name), row.automatic ? "auto" : "manual", state});
    if (params) lines.back().push_back(or_dash(vgpu::params_text(row.settings.params)));
    if (placement) lines.back().push_back(or_dash(row.settings.placement));
    if (instance) lines.back().push_back(or_dash(row.settings.gpu_instance));
    lines.back().push_back(users);
  }
  auto text = table(lines, "");
  const auto head = text.find('\n');
  return style.bold(text.substr(0, head)) + text.substr(head);
}

nlohmann::json row_json(const vgpu::VgpuRow& row) {
  const auto& device = row.device;
  nlohmann::json users = nlohmann::json::array();
  for (const auto& user : row.users) users.push_back({{"pid", user.pid}, {"program", user.program}, {"vm", user.vm}});
  nlohmann::json attributes = nlohmann::json::array();
  for (const auto& [name, value] : row.attributes) attributes.push_back({{name, value}});
  nlohmann::json params = nlohmann::json::object();
  for (const auto& [name, value] : row.settings.params) params[name] = value;
  return {{"name", device.name},
          {"interface", vgpu::interface_name(device.interface)},
          {"card", device.card},
          {"parent", device.parent},
          {"type", device.type},
          {"type_name", device.type_name},
          {"iommu_group", device.iommu_group},
          {"nodes", device.nodes},
          {"active", row.active},
          {"defined", row.defined},
          {"start", row.automatic ? "auto" : "manual"},
          {"attrs", std::move(attributes)},
          {"params", std::move(params)},
          {"placement_id", number_json(row.settings.placement)},
          {"gpu_instance_id", number_json(row.settings.gpu_instance)},
          {"users", std::move(users)}};
}

namespace {

std::string instances_text(const vgpu::GpuInstances& some) {
  return std::to_string(some.count) + " x " + some.profile;
}

}  // namespace

std::string applied_text(const vgpu::AppliedVgpus& applied, const Style& style) {
  const bool dry = applied.dry_run;
  std::string text;
  for (const auto& step : applied.pruned) text += step_line(style.red("-").c_str(), step);
  std::size_t existing = 0;
  for (std::size_t i = 0; i < applied.plan.cards.size(); ++i) {
    const auto& card = applied.plan.cards[i];
    const auto outcome = dry ? vgpu::CardOutcome{} : applied.outcomes[i];
    std::string lines;
    const auto& modes = dry ? card.modes : outcome.modes;
    const auto plus = "  " + style.green("+") + " ";
    if (modes.mig) lines += plus + "MIG mode\n";
    if (dry && card.needs_functions)
      lines += "  + its virtual functions; the vGPUs on them are planned when they exist\n";
    if (outcome.made_functions) lines += "  + its virtual functions\n";
    if (!modes.gpu_instances.empty())
      lines += plus + "GPU instances: " + join(modes.gpu_instances, ", ", instances_text) +
               (dry ? "; the vGPUs on them are planned when they exist\n" : "\n");
    if (modes.mixed) lines += plus + "mixed sizes\n";
    // If one of a card cannot be made, none of that card is made.
    if (card.problems.empty())
      for (const auto& step : dry ? card.create : outcome.created) lines += step_line(style.green("+").c_str(), step);
    for (const auto& problem : card.problems) lines += "  " + style.red("!") + " " + problem + "\n";
    if (!card.problems.empty() && !card.create.empty())
      lines += "    so none of its other " + std::to_string(card.create.size()) + " is made\n";
    if (outcome.error)
      lines += "  " + style.red("!") + " " + outcome.error->message() + "\n    nothing was made on this card\n";
    existing += card.existing.size();
    if (!lines.empty()) text += style.bold(card.card) + "\n" + lines;
  }
  for (const auto& [name, why] : applied.not_pruned) text += "  " + name + " is not removed: " + why + "\n";
  for (const auto& bad : applied.bad) text += style.red("!") + " " + bad.message() + "\n";
  if (text.empty()) text = "nothing to do\n";
  text += std::to_string(existing) + (existing == 1 ? " vGPU exists" : " vGPUs exist") + " already\n";
  if (const auto others = applied.plan.undefined.size(); others > 0)
    text += std::to_string(others) + (others == 1 ? " vGPU is" : " vGPUs are") + " not defined and not changed\n";
  return text;
}

nlohmann::json step_json(const vgpu::VgpuStep& step) {
  return {{"name", step.name},
          {"interface", vgpu::interface_name(step.interface)},
          {"parent", step.parent},
          {"type", step.type}};
}

nlohmann::json applied_json(const vgpu::AppliedVgpus& applied) {
  const auto list = [](const std::vector<vgpu::VgpuStep>& steps) {
    nlohmann::json all = nlohmann::json::array();
    for (const auto& step : steps) all.push_back(step_json(step));
    return all;
  };
  const bool dry = applied.dry_run;
  nlohmann::json cards = nlohmann::json::array();
  for (std::size_t i = 0; i < applied.plan.cards.size(); ++i) {
    const auto& card = applied.plan.cards[i];
    const auto outcome = dry ? vgpu::CardOutcome{} : applied.outcomes[i];
    auto problems = card.problems;
    if (outcome.error) problems.push_back(outcome.error->message());
    const auto& modes = dry ? card.modes : outcome.modes;
    nlohmann::json instances = nlohmann::json::array();
    for (const auto& some : modes.gpu_instances)
      instances.push_back({{"profile", some.profile}, {"count", some.count}});
    cards.push_back({{"card", card.card},
                     {"mig_mode", modes.mig},
                     {"gpu_instances", std::move(instances)},
                     {"mixed_sizes", modes.mixed},
                     {"needs_functions", card.needs_functions},
                     {"made_functions", outcome.made_functions},
                     {"create", list(card.create)},
                     {"created", list(outcome.created)},
                     {"existing", list(card.existing)},
                     {"problems", std::move(problems)}});
  }
  nlohmann::json not_pruned = nlohmann::json::array();
  for (const auto& [name, why] : applied.not_pruned) not_pruned.push_back({{"name", name}, {"why", why}});
  nlohmann::json bad = nlohmann::json::array();
  for (const auto& each : applied.bad) bad.push_back(each.message());
  return {{"result", applied.complete() ? "done" : "failed"},
          {"dry_run", dry},
          {"cards", std::move(cards)},
          {"undefined", applied.plan.undefined},
          {"pruned", list(applied.pruned)},
          {"not_pruned", std::move(not_pruned)},
          {"bad_definitions", std::move(bad)}};
}

namespace {

const char* state_name(vgpu::VmFinding::State state) {
  using State = vgpu::VmFinding::State;
  return state == State::ok ? "ok" : state == State::warn ? "warn" : "fail";
}

}  // namespace

std::string machine_text(const vgpu::VmCheck& check, const Style& style) {
  auto text = style.bold(check.machine) + (check.running ? ", which runs" : "") + "  (" + check.source + ")\n";
  for (const auto& finding : check.findings) {
    const std::string state = state_name(finding.state);
    text += "  " + state + std::string(6 - state.size(), ' ') + finding.what + "\n";
    if (!finding.next.empty()) text += "        -> " + finding.next + "\n";
  }
  return text;
}

nlohmann::json machine_json(const vgpu::VmCheck& check) {
  nlohmann::json findings = nlohmann::json::array();
  for (const auto& finding : check.findings)
    findings.push_back({{"state", state_name(finding.state)}, {"what", finding.what}, {"next", finding.next}});
  return {{"machine", check.machine},
          {"source", check.source},
          {"running", check.running},
          {"fits", check.fits()},
          {"findings", std::move(findings)}};
}

}  // namespace vgpukit::cli
