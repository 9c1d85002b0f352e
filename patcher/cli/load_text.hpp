// What load, unload and reload print.
#pragma once

#include "cli/cli.hpp"
#include "load/load_modules.hpp"

namespace vgpukit::cli {

std::string plan_text(const LoadPlan& plan, const Style& style);
nlohmann::json plan_json(const LoadPlan& plan);
std::string load_text(const LoadReport& report, const Style& style);
nlohmann::json load_json(const LoadReport& report);
std::string unload_text(const UnloadReport& report);
nlohmann::json unload_json(const UnloadReport& report);
std::string reload_text(const ReloadReport& report, const Style& style);
nlohmann::json reload_json(const ReloadReport& report);

}  // namespace vgpukit::cli
