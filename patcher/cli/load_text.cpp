#include "cli/load_text.hpp"

#include "vgpu/vgpu_list.hpp"

namespace vgpukit::cli {

namespace {

const char* word_of(load::ModuleOutcome::State state) {
  switch (state) {
    case load::ModuleOutcome::State::loaded:
      return "loaded";
    case load::ModuleOutcome::State::live:
      return "already-loaded";
    case load::ModuleOutcome::State::builtin:
      return "built-in";
    case load::ModuleOutcome::State::skipped:
      return "skipped";
    case load::ModuleOutcome::State::unloaded_again:
      return "unloaded-again";
    case load::ModuleOutcome::State::failed:
      break;
  }
  return "failed";
}

const char* word_of(load::PlannedModule::State state) {
  if (state == load::PlannedModule::State::live) return "already-loaded";
  return state == load::PlannedModule::State::builtin ? "built-in" : "load";
}

std::string row(const load::PlannedModule& module, const std::string& state, const Style& style) {
  const auto blanks = [](std::size_t used, std::size_t width) {
    return std::string(used < width ? width - used : 1, ' ');
  };
  auto text =
      module.name + blanks(module.name.size(), 20) + state + blanks(state.size(), 16) + style.dim(module.reason);
  if (!module.options.empty()) text += style.dim("; ") + module.options;
  if (!module.skipped_because.empty()) text += style.yellow("; " + module.skipped_because);
  return text + "\n";
}

nlohmann::json module_json(const load::PlannedModule& module, const std::string& state) {
  return {{"name", module.name},     {"file", module.file.string()}, {"options", module.options},
          {"reason", module.reason}, {"driver", module.driver},      {"skipped_because", module.skipped_because},
          {"state", state}};
}

nlohmann::json holders_json(const load::Holders& holders) {
  auto all = nlohmann::json::array();
  for (const auto& module : holders.modules)
    all.push_back({{"kind", "module"}, {"name", module.name}, {"holds", module.held_by}});
  for (const auto& process : holders.processes)
    all.push_back({{"kind", process.vm.empty() ? "process" : "vm"},
                   {"pid", process.pid},
                   {"name", process.vm.empty() ? process.program : process.vm},
                   {"service", process.unit},
                   {"holds", process.what}});
  for (const auto& vgpu : holders.vgpus) all.push_back({{"kind", "vgpu"}, {"name", vgpu.name}, {"holds", vgpu.parent}});
  return all;
}

nlohmann::json names_json(const std::vector<vgpu::Vgpu>& vgpus) {
  auto names = nlohmann::json::array();
  for (const auto& vgpu : vgpus) names.push_back(vgpu.name);
  return names;
}

void add_error(nlohmann::json& document, const std::optional<Error>& error) {
  document["result"] = "done";
  if (error) document.update(error_json(*error));
}

}  // namespace

std::string plan_text(const load::LoadPlan& plan, const Style& style) {
  std::string text;
  for (const auto& module : plan.modules)
    text += row(module, module.skipped_because.empty() ? word_of(module.state) : "skipped", style);
  return text;
}

nlohmann::json plan_json(const load::LoadPlan& plan) {
  auto modules = nlohmann::json::array();
  for (const auto& module : plan.modules)
    modules.push_back(module_json(module, module.skipped_because.empty() ? word_of(module.state) : "skipped"));
  return {{"kernel", plan.release}, {"dry_run", true}, {"modules", std::move(modules)}};
}

std::string load_text(const load::LoadReport& report, const Style& style) {
  std::string text;
  for (const auto& each : report.modules) {
    text += row(each.module, word_of(each.state), style);
    if (!each.error) continue;
    for (const auto& message : each.messages) text += "    kernel: " + message.text + "\n";
    // The caller prints the last error only; an optional module's is printed here.
    if (each.module.optional) text += wrapped("-> " + each.error->why, 4);
  }
  return text;
}

nlohmann::json load_json(const load::LoadReport& report) {
  auto modules = nlohmann::json::array();
  for (const auto& each : report.modules) {
    auto module = module_json(each.module, word_of(each.state));
    auto messages = nlohmann::json::array();
    for (const auto& message : each.messages) messages.push_back(message.text);
    module["messages"] = std::move(messages);
    if (each.error) module["why"] = each.error->why;
    modules.push_back(std::move(module));
  }
  auto occupied = nlohmann::json::array();
  for (const auto& card : report.occupied) occupied.push_back({{"card", card.address}, {"driver", card.driver}});
  nlohmann::json document = {{"kernel", report.release},
                             {"dry_run", false},
                             {"modules", std::move(modules)},
                             {"occupied", std::move(occupied)}};
  add_error(document, report.error);
  return document;
}

std::string unload_text(const load::UnloadReport& report) {
  std::string text;
  if (report.error) {
    // The error names one of them; this is the full list.
    for (const auto& process : report.holders.processes) text += process.text() + "\n";
    for (const auto& module : report.holders.modules)
      text += "the module " + module.name + " uses " + module.held_by + "\n";
    for (const auto& vgpu : report.holders.vgpus) text += "the vGPU " + vgpu.name + " is on " + vgpu.parent + "\n";
    return text;
  }
  for (const auto& unit : report.stopped) text += unit + ": stopped\n";
  for (const auto& vgpu : report.vgpus) text += "vGPU " + vgpu.name + ": removed\n";
  for (const auto& module : report.removed) text += module + ": unloaded\n";
  return text.empty() ? "no module of NVIDIA is loaded\n" : text;
}

nlohmann::json unload_json(const load::UnloadReport& report) {
  nlohmann::json document = {{"holders", holders_json(report.holders)},
                             {"unloaded", report.removed},
                             {"stopped", report.stopped},
                             {"removed_vgpus", names_json(report.vgpus)},
                             {"not_put_back", report.not_put_back}};
  add_error(document, report.error);
  return document;
}

std::string reload_text(const load::ReloadReport& report, const Style& style) {
  auto text = unload_text(report.unloaded);
  if (report.loaded) text += load_text(*report.loaded, style);
  for (const auto& vgpu : report.vgpus) text += "vGPU " + vgpu + ": made again\n";
  for (const auto& unit : report.started) text += unit + ": started\n";
  return text;
}

nlohmann::json reload_json(const load::ReloadReport& report) {
  nlohmann::json document = {{"unload", unload_json(report.unloaded)},
                             {"load", report.loaded ? load_json(*report.loaded) : nlohmann::json()},
                             {"started", report.started},
                             {"made_vgpus", report.vgpus}};
  add_error(document, report.error);
  return document;
}

}  // namespace vgpukit::cli
