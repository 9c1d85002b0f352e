#include "cli/matrix_command.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "cli/matrix_table.hpp"
#include "matrix/emit.hpp"
#include "matrix/matrix_run.hpp"
#include "matrix/prove.hpp"
#include "support/atomic_file.hpp"
#include "support/json_file.hpp"
#include "support/log.hpp"
#include "support/process.hpp"

namespace vgpukit::cli {

namespace {

struct MatrixOptions {
  std::string file;
  std::string only;
  std::string shard;
  std::vector<std::string> without;
  unsigned jobs = 0;
  bool fresh = false;
  std::string output;
  bool prove = false;
  std::string result;
  std::size_t max_jobs = matrix::most_jobs_on_github;
};

Result<matrix::Grid> selected_grid(const matrix::MatrixFile& file, const HostPaths& machine, matrix::ImageRoots& images,
                                   const MatrixOptions& options) {
  matrix::Shard shard;
  if (!options.shard.empty()) {
    TRY_ASSIGN(shard, matrix::Shard::parse(options.shard));
  }
  TRY_ASSIGN(auto grid, matrix::make_grid(file, machine, images));
  matrix::select_cells(grid, options.only, shard);
  if (grid.cells.empty() && shard.count == 1)
    return Error{ErrorKind::usage, "select cells", "no name has '" + options.only + "' in it",
                 "vgpukit matrix list " + options.file + " shows their names"};
  return grid;
}

Result<Exit> list(const Globals& globals, const MatrixOptions& options) {
  TRY_ASSIGN(const auto machine, machine_of(globals));
  TRY_ASSIGN(const auto file, matrix::read_matrix_file(options.file, environment));
  matrix::ImageRoots images(machine, matrix::program_environment(environment));
  TRY_ASSIGN(const auto grid, selected_grid(file, machine, images, options));
  // Each driver is looked up once and not for each cell: there may be hundreds of kernels.
  std::vector<Result<std::string>> paths;
  for (const auto& driver : file.drivers) paths.push_back(matrix::driver_path(driver, machine));
  nlohmann::json cells = nlohmann::json::array();
  std::map<std::pair<std::string, std::string>, std::string> words;
  std::set<std::size_t> rows, columns;
  std::vector<std::string> problems;
  std::set<std::string> known_problems;
  for (const auto& cell : grid.cells) {
    const auto& driver = grid.driver(cell);
    const auto& column = grid.column(cell);
    std::string state = "ready";
    std::string reason;
    if (const auto& path = paths[cell.row]; !path) {
      const auto& optional = driver.source.optional;
      state = path.error().kind != ErrorKind::missing ? "failed" : optional.empty() ? "missing" : "skipped";
      reason = state == "skipped" ? optional + " (" + path.error().why + ")" : path.error().why;
    }
    if (column.problem) {
      if (!column.packed) state = column.skipped.empty() ? "missing" : "skipped";
      reason = column.packed             ? column.problem->why
               : !column.skipped.empty() ? column.skipped
                                         : "cannot " + column.problem->tried + ": " + column.problem->why;
    }
    if (const auto why = file.why_unsupported(driver.name, column.entry->name); !why.empty()) {
      state = "unsupported";
      reason = why;
    }
    if (!reason.empty() && known_problems.insert(state + ": " + reason).second)
      problems.push_back(state + ": " + reason);
    if (globals.json()) {
      const auto unpacked = column.image.empty() || column.packed ? std::string() : column.host.root.string();
      cells.push_back({{"driver", driver.name},
                       {"kernel", column.name},
                       {"root", column.entry->container.empty() ? column.entry->root.string() : unpacked},
                       {"release", column.release},
                       {"state", state},
                       {"reason", reason}});
      if (!column.entry->container.empty()) cells.back()["container"] = column.entry->container;
      continue;
    }
    const auto verdict = matrix::find_verdict(state);
    words[{driver.name, column.name}] = (verdict ? std::string(matrix::info_of(*verdict).symbol) + " " : "") + state;
    rows.insert(cell.row);
    columns.insert(cell.column);
  }
  if (globals.json()) {
    nlohmann::json parts = nlohmann::json::array();
    for (const auto& part : matrix::parts_of(grid, options.max_jobs))
      parts.push_back({{"name", part.name}, {"shard", part.shard}});
    print_json(nlohmann::json{{"file", file.path.string()}, {"cells", std::move(cells)}, {"parts", std::move(parts)}});
    return Exit::done;
  }
  std::vector<std::string> drivers, kernels;
  for (const auto row : rows) drivers.push_back(file.drivers[row].name);
  for (const auto column : columns) kernels.push_back(grid.columns[column].name);
  print(table_text(drivers, kernels, words, style_of(globals, STDOUT_FILENO)));
  for (const auto& problem : problems) print("\n" + wrapped(problem, 2));
  return Exit::done;
}

void print_result(const matrix::MatrixResult& result, const Globals& globals, const fs::path& written) {
  const auto style = style_of(globals, STDOUT_FILENO);
  std::map<std::pair<std::string, std::string>, std::string> words;
  for (const auto& cell : result.cells) words[{cell.driver, cell.kernel}] = cell_words(cell);
  print(table_text(result.drivers(), result.kernels(), words, style));
  for (const auto& cell : result.cells) {
    if (cell.reason.empty()) continue;  // a verified cell has one if its modules could not be loaded
    print("\n" + style.bold(cell.driver + " on " + cell.kernel) + ": " + word_of(cell.verdict) + "\n" +
          wrapped(cell.reason, 2));
    if (!cell.hint.empty()) print(wrapped("-> " + cell.hint, 2));
    if (!cell.command.empty()) print("  " + style.dim(cell.command) + "\n");
  }
  for (const auto& one : result.contradictions)
    print("\n" + style.bold(one.driver + " on " + one.kernel) + ": " + style.red("contradiction") + "\n" +
          wrapped(word_of(one.verdict_one) + " in " + one.one + ", " + word_of(one.verdict_other) + " in " + one.other,
                  2));
  print("\nresult: " + written.string() + "\n");
}

// The file name differs for a part of the matrix, so that it does not replace the whole result.
std::string result_name(const MatrixOptions& options) {
  std::string name = "result";
  if (!options.shard.empty()) {
    auto shard = options.shard;
    std::replace(shard.begin(), shard.end(), '/', '-');
    name += "-" + shard;
  }
  return name + (options.only.empty() ? "" : "-only") + ".json";
}

nlohmann::json proof_json(const matrix::RecipeProof& proof, const char* state) {
  nlohmann::json tried = nlohmann::json::array();
  for (const auto& cell : proof.tried)
    tried.push_back({{"driver", cell.driver},
                     {"kernel", cell.kernel},
                     {"verdict", cell.verdict},
                     {"reason", cell.reason},
                     {"seconds", cell.seconds},
                     {"command", cell.command}});
  return {{"recipe", proof.recipe}, {"state", state}, {"tried", tried}};
}

Result<Exit> prove(const Globals& globals, const matrix::MatrixRun& run, const fs::path& of, const std::string& file) {
  TRY_ASSIGN(const auto known, matrix::read_result(of));
  matrix::ProofOptions how;
  how.on_try = [](const std::string& recipe, const matrix::CellResult& cell) {
    log::info("without " + recipe + ", " + cell.driver + " on " + cell.kernel + ": " + cell_words(cell));
  };
  TRY_ASSIGN(const auto proofs, matrix::prove_recipes(run, known, how));
  const auto style = style_of(globals, STDOUT_FILENO);
  nlohmann::json all = nlohmann::json::array();
  bool any_unneeded = false;
  bool none_tried = true;
  for (const auto& proof : proofs) {
    const auto* recipe = run.catalogue->find(proof.recipe);
    const std::string run_time = recipe ? recipe->run_time : "";
    const bool unneeded = proof.is_unneeded() && run_time.empty();
    const char* state = proof.tried.empty()   ? "not tried"
                        : unneeded            ? "not needed"
                        : proof.is_unneeded() ? "needed at run time"
                                              : "needed";
    any_unneeded = any_unneeded || unneeded;
    none_tried = none_tried && proof.tried.empty();
    all.push_back(proof_json(proof, state));
    if (globals.json()) continue;
    print((unneeded              ? style.red(state)
           : proof.tried.empty() ? style.yellow(state)
                                 : style.green(state)) +
          "  " + style.bold(proof.recipe) + "\n");
    if (!run_time.empty()) print(wrapped(run_time, 4));
    for (const auto& cell : proof.tried)
      print(wrapped(cell.driver + " on " + cell.kernel + " without it: " + word_of(cell.verdict) +
                        (cell.reason.empty() ? "" : ": " + cell.reason),
                    4));
  }
  if (globals.json()) print_json(nlohmann::json{{"vgpukit", known.vgpukit}, {"result", of.string()}, {"recipes", all}});
  if (any_unneeded) return Exit::failed;
  if (!proofs.empty() && none_tried)
    return Error{ErrorKind::failed, "prove the recipes of " + of.string(),
                 "none of its cells could be built here without a recipe",
                 "vgpukit matrix list " + file + " shows what is missing"};
  return Exit::done;
}

// The options of this command line that every cell's `vgpukit build` needs, too.
std::vector<std::string> handed_on(const Globals& globals, const MatrixOptions& options) {
  std::vector<std::string> words;
  for (const auto& folder : globals.recipes)
    words.insert(words.end(), {"--recipes", fs::absolute(folder).lexically_normal().string()});
  if (globals.no_shipped_recipes) words.emplace_back("--no-shipped-recipes");
  for (const auto& fact : globals.assume) words.insert(words.end(), {"--assume", fact});
  for (const auto& recipe : options.without) words.insert(words.end(), {"--without", recipe});
  return words;
}

Status check_notices(const matrix::MatrixFile& file, const HostPaths& machine, const recipe::Catalogue& catalogue) {
  const auto check = [&](const auto& entry) -> Status {
    auto accepted = accepted_of(machine, catalogue, entry.accept);
    if (accepted) return {};
    accepted.error().where = entry.where;
    return accepted.error();
  };
  for (const auto& driver : file.drivers) TRY(check(driver));
  for (const auto& kernel : file.kernels) TRY(check(kernel));
  return {};
}

Result<Exit> run(const Globals& globals, const MatrixOptions& options) {
  TRY_ASSIGN(const auto machine, machine_of(globals));
  TRY_ASSIGN(const auto file, matrix::read_matrix_file(options.file, environment));
  TRY_ASSIGN(const auto recipes, recipes_of(globals, options.without));
  TRY(check_notices(file, machine, recipes.known()));
  matrix::ImageRoots images(machine, matrix::program_environment(environment));
  TRY_ASSIGN(auto grid, selected_grid(file, machine, images, options));
  std::vector<std::string> problems;
  TRY_ASSIGN(const auto fetched, matrix::fetch_sources(
                                     grid, machine, environment,
                                     [](const std::string& command) { log::info("fetching: " + command); }, problems));
  for (const auto& problem : problems) log::warning(problem);
  if (fetched > 0) {
    images.forget();
    TRY_ASSIGN(grid, selected_grid(file, machine, images, options));
  }
  TRY_ASSIGN(const auto unpacked,
             matrix::unpack_images(grid, images, [](const std::string& text) { log::info(text); }));
  if (unpacked > 0) {
    TRY_ASSIGN(grid, selected_grid(file, machine, images, options));
  }

  matrix::MatrixRun run;
  run.grid = &grid;
  run.machine = machine;
  run.catalogue = &recipes.applied;
  TRY_ASSIGN(run.accepted, accepted_of(machine, recipes.known(), {}));
  TRY_ASSIGN(run.assumptions, assumptions_of(globals));
  run.options = handed_on(globals, options);
  run.environment = matrix::program_environment(environment);
  run.folder = matrix::default_folder(machine, file.path);
  run.jobs = options.jobs > 0 ? options.jobs : default_jobs();
  run.fresh = options.fresh;
  run.on_step = [](std::string_view text) { log::info(text); };
  if (options.prove)
    return prove(globals, run, options.result.empty() ? run.folder / result_name(options) : fs::path(options.result),
                 options.file);

  MatrixTable table(grid, shows_progress(globals), style_of(globals, STDERR_FILENO));
  run.on_cell = [&](const matrix::Cell& cell, const matrix::CellResult* result) { table.update(cell, result); };
  const auto result = matrix::run_matrix(run);
  table.clear();
  if (!result) return result.error();
  const fs::path written = options.output.empty() ? run.folder / result_name(options) : fs::absolute(options.output);
  TRY(write_result(*result, written));
  if (globals.json())
    print_json(matrix::document_of(*result));
  else
    print_result(*result, globals, written);
  switch (result->outcome()) {
    case matrix::MatrixOutcome::done:
      return Exit::done;
    case matrix::MatrixOutcome::consent:
      return Exit::consent;
    case matrix::MatrixOutcome::missing:
      return Exit::missing;
    case matrix::MatrixOutcome::failed:
      break;
  }
  return Exit::failed;
}

void add_selection(CLI::App& command, MatrixOptions& options) {
  command.add_option("FILE", options.file, "The matrix file (docs/matrix-file.md)")->required();
  command.add_option("--only", options.only, "Only cells whose 'DRIVER on KERNEL' has this text in it")
      ->type_name("TEXT");
  command.add_option("--shard", options.shard, "The I-th of N parts of the cells, such as 2/8")->type_name("I/N");
}

void add_run(CLI::App& command, MatrixOptions& options) {
  add_selection(command, options);
  command.add_option("--without", options.without, "Leave this recipe out")->type_name("RECIPE");
  command
      .add_option("--jobs", options.jobs, "Compilers at once, of all cells together (default: one for each processor)")
      ->check(CLI::Range(1, 1024));
  auto* fresh = command.add_flag("--fresh", options.fresh,
                                 "Build every cell, also those that have been verified and have not changed");
  auto* output = command.add_option("--output", options.output, "Where the result is written")->type_name("FILE");
  auto* proof = command.add_flag(
      "--prove-recipes", options.prove,
      "Build cells of the last result, each without one recipe, and show which recipes are not needed");
  proof->excludes(fresh)->excludes(output);
  command.add_option("--result", options.result, "The result that --prove-recipes is about")
      ->type_name("FILE")
      ->needs(proof);
}

}  // namespace

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

Result<HostPaths> machine_of(const Globals& globals) {
  if (globals.root != "/")
    return Error{ErrorKind::usage, "run a matrix in " + globals.root, "--root is for one kernel's root",
                 "name the root of each kernel in the matrix file"};
  return host_of(globals);
}

Status write_result(const matrix::MatrixResult& result, const fs::path& file) {
  return write_file(file, json_text(matrix::document_of(result), 1) + "\n");
}

void add_matrix(CLI::App& app, Globals& globals, Action& action) {
  auto* command = app.add_subcommand("matrix", "Build many drivers for many kernels, and show what builds");
  command->require_subcommand(1);
  auto options = std::make_shared<MatrixOptions>();

  auto* cells = command->add_subcommand("list", "List the cells of a matrix file and whether they can be built here");
  add_selection(*cells, *options);
  cells->add_option("--max-jobs", options->max_jobs, "In JSON: the maximum number of parts")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  set_action(cells, globals, action, options, list);

  auto* runs = command->add_subcommand("run", "Build every cell of a matrix file, and write the result");
  add_run(*runs, *options);
  set_action(runs, globals, action, options, run);

  add_matrix_documents(*command, globals, action);
}

}  // namespace vgpukit::cli
