#include <unistd.h>

#include "cli/cli.hpp"
#include "module/loader_check.hpp"

namespace vgpukit::cli {

namespace {

struct VerifyOptions {
  std::vector<std::string> modules;
  std::string kernel;
};

Result<Exit> verify(const Globals& globals, const VerifyOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(const auto assumptions, assumptions_of(globals));
  std::vector<module::ModuleFile> modules;
  for (const auto& file : options.modules) {
    TRY_ASSIGN(auto module, module::read_module(file));
    modules.push_back(std::move(module));
  }
  // dkms runs this in trees of vgpukit 0.1.0, also for a driver that was installed with --accept other-compiler.
  TRY_ASSIGN(auto kernel, kernel_of(host, options.kernel, {"other-compiler"}));
  const auto release = kernel.release;
  kernel::Facts facts(std::move(kernel), assumptions);
  TRY_ASSIGN(auto verdicts, module::verify_modules(modules, facts));
  for (auto& verdict : module::refuse_unsigned(modules, facts.kernel())) verdicts.push_back(std::move(verdict));
  bool loads = true;
  for (const auto& verdict : verdicts) loads = loads && !verdict.refuses;

  if (globals.json()) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& verdict : verdicts)
      list.push_back({{"module", verdict.module},
                      {"refuses", verdict.refuses},
                      {"message", verdict.message},
                      {"hint", verdict.hint}});
    nlohmann::json names = nlohmann::json::array();
    for (const auto& module : modules) names.push_back(module.name);
    print_json(nlohmann::json{{"kernel", {{"release", release}}},
                              {"modules", names},
                              {"result", loads ? "loads" : "refused"},
                              {"verdicts", list}});
    return loads ? Exit::done : Exit::failed;
  }
  const auto style = style_of(globals, STDOUT_FILENO);
  for (const auto& module : modules) {
    bool refused = false;
    std::string text;
    for (const auto& verdict : verdicts) {
      if (verdict.module != module.name) continue;
      refused = refused || verdict.refuses;
      text += "  " + (verdict.refuses ? style.red("refused: ") : style.yellow("warning: ")) + verdict.message + "\n";
      if (!verdict.hint.empty()) text += wrapped("-> " + verdict.hint, 4);
    }
    if (!globals.quiet || refused)
      print(style.bold(module.path.string()) + ": " +
            (refused ? style.red(release + " would not load it") : style.green(release + " would load it")) + "\n" +
            text);
  }
  return loads ? Exit::done : Exit::failed;
}

}  // namespace

void add_verify(CLI::App& app, Globals& globals, Action& action) {
  auto* command =
      app.add_subcommand("verify", "Check whether a kernel would load these modules, together, without loading them");
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("MODULE", options->modules, "Module files (.ko, .ko.xz, .ko.zst, .ko.gz)")->required();
  command->add_option("--kernel", options->kernel, "running (the default), newest, or a release")->type_name("REL");
  set_action(command, globals, action, options, verify);
}

}  // namespace vgpukit::cli
