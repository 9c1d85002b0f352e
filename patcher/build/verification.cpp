#include "build/verification.hpp"

#include "build/missing_object.hpp"
#include "module/loader_check.hpp"

namespace vgpukit::build {

Result<bool> verify_into(BuildReport& report, kernel::Facts& facts, const driver::Driver& driver,
                         const std::vector<std::filesystem::path>& files, std::vector<module::ModuleFile>& modules) {
  for (const auto& file : files) {
    TRY_ASSIGN(auto module, module::read_module(file));
    modules.push_back(std::move(module));
  }
  std::vector<std::string> names;
  for (const auto& module : modules) names.push_back(module.name);
  std::vector<std::string> tolerated;
  if (const auto missing = missing_objects_of(driver, names); !missing.empty()) {
    TRY_ASSIGN(const auto* symvers, facts.symvers());
    TRY_ASSIGN(tolerated, names_of_missing_objects(driver, facts.kernel(), *symvers, modules));
    report.warnings.push_back(
        {"package",
         missing.front(),
         0,
         "the package lacks this binary object; " + std::to_string(tolerated.size()) + " undefined symbols are its own",
         "compiled only: these modules cannot be loaded",
         {}});
  }
  TRY_ASSIGN(const auto verdicts, module::verify_modules(modules, facts, tolerated));
  bool loads = true;
  for (const auto& verdict : verdicts) {
    auto& list = verdict.refuses ? report.errors : report.warnings;
    list.push_back({"verify", verdict.module + ".ko", 0, verdict.message, verdict.hint, {}});
    loads = loads && !verdict.refuses;
  }
  return loads;
}

}  // namespace vgpukit::build
