// How load, unload and reload print their plans and reports.
#pragma once

#include "cli/cli.hpp"
#include "load/unload_modules.hpp"

namespace vgpukit::cli {

std::string plan_text(const load::LoadPlan& plan, const Style& style);
nlohmann::json plan_json(const load::LoadPlan& plan);
std::string load_text(const load::LoadReport& report, const Style& style);
nlohmann::json load_json(const load::LoadReport& report);
std::string unload_text(const load::UnloadReport& report);
nlohmann::json unload_json(const load::UnloadReport& report);
std::string reload_text(const load::ReloadReport& report, const Style& style);
nlohmann::json reload_json(const load::ReloadReport& report);

}  // namespace vgpukit::cli
