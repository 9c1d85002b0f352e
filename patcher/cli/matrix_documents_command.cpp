#include "cli/matrix_command.hpp"
#include "matrix/badge.hpp"
#include "matrix/emit.hpp"
#include "matrix/junit.hpp"
#include "matrix/markdown.hpp"
#include "matrix/page.hpp"
#include "support/atomic_file.hpp"
#include "support/log.hpp"

namespace vgpukit::cli {

namespace {

struct ReportOptions {
  std::string file;
  std::string format = "markdown";
  std::string baseline;
  bool without_diffs = false;
};

Result<Exit> report(const ReportOptions& options) {
  TRY_ASSIGN(const auto result, matrix::read_result(options.file));
  std::optional<matrix::Baseline> baseline;
  if (!options.baseline.empty()) {
    if (options.format != "html" && options.format != "markdown")
      return Error{ErrorKind::usage, "compare with " + options.baseline,
                   "--format " + options.format + " cannot show changes", "take html or markdown"};
    baseline.emplace();
    baseline->name = options.baseline;
    TRY_ASSIGN(baseline->result, matrix::read_result(options.baseline));
  }
  if (options.format == "json")
    print_json(matrix::document_of(result));
  else if (options.format == "html")
    print(matrix::html_of(result, baseline, !options.without_diffs));
  else if (options.format == "svg")
    print(matrix::svg_of(result));
  else
    print(options.format == "junit" ? matrix::junit_of(result) : matrix::markdown_of(result, baseline));
  return Exit::done;
}

Result<Exit> merge(const std::vector<std::string>& files, const std::string& output) {
  std::vector<std::pair<std::string, matrix::MatrixResult>> results;
  for (const auto& file : files) {
    TRY_ASSIGN(auto result, matrix::read_result(file));
    results.emplace_back(file, std::move(result));
  }
  TRY_ASSIGN(const auto merged, matrix::merge_results(results));
  for (const auto& one : merged.contradictions)
    log::warning(one.driver + " on " + one.kernel + " is " + word_of(one.verdict_one) + " in " + one.one + " and " +
                 word_of(one.verdict_other) + " in " + one.other +
                 ", of the same inputs; the result has the worse one");
  if (output.empty())
    print_json(matrix::document_of(merged));
  else
    TRY(write_result(merged, output));
  return merged.contradictions.empty() ? Exit::done : Exit::failed;
}

struct EmitOptions {
  std::string format;
  matrix::Emission emission;
};

Result<Exit> emit(const Globals& globals, const EmitOptions& options) {
  TRY_ASSIGN(const auto machine, machine_of(globals));
  auto emission = options.emission;
  TRY_ASSIGN(emission.text, read_file(emission.file));
  TRY_ASSIGN(const auto file, matrix::parse_matrix_file(emission.text, emission.file, environment));
  matrix::ImageRoots images(machine, matrix::program_environment(environment));
  TRY_ASSIGN(const auto grid, matrix::make_grid(file, machine, images));
  const auto write = options.format == "github"   ? matrix::github_of
                     : options.format == "gitlab" ? matrix::gitlab_of
                                                  : matrix::kubernetes_of;
  TRY_ASSIGN(const auto text, write(grid, emission));
  print(text);
  return Exit::done;
}

void add_emit(CLI::App& command, Globals& globals, Action& action) {
  auto options = std::make_shared<EmitOptions>();
  auto* emits = command.add_subcommand("emit", "Print a job file for a CI server or a cluster that runs a matrix");
  emits->add_option("FILE", options->emission.file, "The matrix file, named from the repository's top")->required();
  emits->add_option("--format", options->format, "The system that reads the file")
      ->check(CLI::IsMember({"github", "gitlab", "kubernetes"}))
      ->required();
  emits
      ->add_option("--image", options->emission.image,
                   "The container image that jobs run in (default: the runner itself)")
      ->type_name("NAME");
  emits
      ->add_option("--setup", options->emission.setup,
                   "A shell command that installs vgpukit in a job (default: it is installed)")
      ->type_name("COMMAND");
  emits
      ->add_option("--max-jobs", options->emission.max_jobs,
                   "The maximum number of jobs; each gets a share of the cells (default: the maximum of the system)")
      ->check(CLI::Range(1, 1000));
  set_action(emits, globals, action, options, emit);
}

}  // namespace

void add_matrix_documents(CLI::App& command, Globals& globals, Action& action) {
  auto of = std::make_shared<ReportOptions>();
  auto* reports = command.add_subcommand("report", "Print a result for people or for CI servers");
  reports->add_option("RESULT", of->file, "What matrix run or merge wrote")->required();
  reports->add_option("--format", of->format, "How to print it")
      ->check(CLI::IsMember({"markdown", "html", "svg", "json", "junit"}))
      ->capture_default_str();
  reports->add_option("--baseline", of->baseline, "An earlier result: show what changed since (html, markdown)")
      ->type_name("RESULT");
  reports->add_flag("--without-diffs", of->without_diffs,
                    "Leave the diffs out of the page, because they quote the driver's sources");
  reports->callback([&globals, &action, of] {
    action = [&globals, of] {
      if (globals.json()) of->format = "json";
      if (of->format == "json") globals.format = "json";  // for an error, too
      return report(*of);
    };
  });

  add_emit(command, globals, action);

  struct MergeOptions {
    std::vector<std::string> files;
    std::string output;
  };
  auto parts = std::make_shared<MergeOptions>();
  auto* merges = command.add_subcommand("merge", "Join the results of shards or machines into one");
  merges->add_option("RESULT", parts->files, "What matrix run wrote")->required();
  merges->add_option("--output", parts->output, "Where the joined result is written (default: printed)")
      ->type_name("FILE");
  merges->callback([&action, parts] { action = [parts] { return merge(parts->files, parts->output); }; });
}

}  // namespace vgpukit::cli
