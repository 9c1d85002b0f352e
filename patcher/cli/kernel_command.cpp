#include <unistd.h>

#include <algorithm>

#include "cli/cli.hpp"
#include "cli/plan_text.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

Result<Exit> list_kernels(const Globals& globals) {
  TRY_ASSIGN(const auto host, host_of(globals));
  const auto entries = kernel::check_kernels(host);
  if (globals.json()) {
    nlohmann::json all = nlohmann::json::array();
    for (const auto& entry : entries)
      all.push_back({{"release", entry.release},
                     {"running", entry.running},
                     {"modules", entry.modules},
                     {"headers", entry.headers},
                     {"notices", entry.notices},
                     {"problem", entry.problem},
                     {"next", entry.next}});
    print_json(nlohmann::json{{"root", host.root.string()}, {"kernels", all}});
    return Exit::done;
  }
  const auto style = style_of(globals, STDOUT_FILENO);
  if (entries.empty()) print("no kernel and no kernel headers in " + host.root.string() + "\n");
  std::size_t width = 0;
  for (const auto& entry : entries) width = std::max(width, entry.release.size());
  const auto problem = [](const kernel::KernelEntry& entry) {
    auto text = entry.problem + (entry.next.empty() ? "" : "; " + entry.next);
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
  };
  for (const auto& entry : entries)
    print(style.bold(entry.release) + std::string(width - entry.release.size(), ' ') + "  " +
          (!entry.problem.empty() ? style.yellow(problem(entry))
           : entry.notices.empty()
               ? style.green("ready to build for")
               : style.yellow("ready to build for with --accept " + join(entry.notices, " --accept ") +
                              ": NVIDIA's drivers refuse it otherwise")) +
          (entry.running ? "  (running)" : "") + "\n");
  return Exit::done;
}

struct FactsOptions {
  std::string kernel;
  std::vector<std::string> ask;
};

Result<Exit> facts(const Globals& globals, const FactsOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(const auto assumptions, assumptions_of(globals));
  std::vector<kernel::Question> questions;
  for (const auto& word : options.ask) {
    TRY_ASSIGN(auto question, kernel::Question::parse(word));
    questions.push_back(std::move(question));
  }
  if (questions.empty()) {
    TRY_ASSIGN(const auto catalogue, catalogue_of(globals, !globals.no_shipped_recipes));
    for (const auto& recipe : catalogue.recipes())
      for (const auto* group : {&recipe.kernel, &recipe.kernel_any})
        for (const auto& condition : *group) questions.push_back(condition.question);
  }
  TRY_ASSIGN(auto kernel, kernel_of(host, options.kernel));
  kernel::Facts asked(std::move(kernel), assumptions);
  TRY(asked.prefetch(questions));
  for (const auto& question : questions) TRY(asked.ask(question));
  const auto& of = asked.kernel();
  if (globals.json()) {
    print_json(nlohmann::json{{"kernel",
                               {{"release", of.release},
                                {"version", of.version.text},
                                {"compiler", of.compiler.text},
                                {"root", of.host.root.string()}}},
                              {"facts", facts_json(asked)}});
    return Exit::done;
  }
  const auto style = style_of(globals, STDOUT_FILENO);
  print(style.bold(of.release) + " (" + of.version.text + "), " + of.compiler.text +
        "\n  headers: " + of.build.string() + (of.source == of.build ? "" : " and " + of.source.string()) + "\n" +
        facts_text(asked, style));
  return Exit::done;
}

}  // namespace

void add_kernel(CLI::App& app, Globals& globals, Action& action) {
  auto* command = app.add_subcommand("kernel", "The kernels that one can build for, and what they contain");
  command->require_subcommand(1);
  set_action(command->add_subcommand("list", "List the kernels of this root and what each lacks"), globals, action,
             list_kernels);
  auto* ask = command->add_subcommand("facts", "Show the facts about a kernel that recipes ask for, with the evidence");
  auto options = std::make_shared<FactsOptions>();
  ask->add_option("--kernel", options->kernel, "running (the default), newest, or a release")->type_name("REL");
  ask->add_option("--ask", options->ask,
                  "Ask this instead of the recipes' questions, such as 'declaration follow_pfn linux/mm.h'")
      ->type_name("FACT");
  set_action(ask, globals, action, options, facts);
}

}  // namespace vgpukit::cli
