#include "adapt/trial_tree.hpp"

#include <algorithm>
#include <utility>

#include "build/build_tree.hpp"
#include "build/make_command.hpp"
#include "build/missing_object.hpp"
#include "build/verification.hpp"
#include "build/work_tree.hpp"
#include "diagnostics/error_hints.hpp"
#include "driver/kbuild_files.hpp"
#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/sandbox.hpp"
#include "support/text.hpp"
#include "transform/code_view.hpp"

namespace vgpukit::adapt {
namespace {

// The text of a file with these edits; nothing if it does not exist.
std::optional<std::string> text_with(const transform::SourceTree::Edits& edits, const driver::Driver& driver,
                                     const std::string& path) {
  if (const auto edit = edits.find(path); edit != edits.end()) return edit->second;
  auto text = read_file(driver.sources / path);
  return text ? std::optional(*std::move(text)) : std::nullopt;
}

}  // namespace

TrialTree::TrialTree(kernel::Facts& facts, const driver::Driver& driver, fs::path folder, TrialChoices choices)
    : facts_(facts), driver_(driver), folder_(std::move(folder)), choices_(std::move(choices)) {}

TrialTree::~TrialTree() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

bool TrialTree::needs_build(const fs::path& file) {
  return file.extension() != ".c" && file.extension() != ".h";
}

Status TrialTree::write(const transform::SourceTree::Edits& edits) {
  std::set<std::string> changed;
  for (const auto* some : {&std::as_const(edits_), &edits})
    for (const auto& [path, text] : *some)
      if (text_with(edits_, driver_, path) != text_with(edits, driver_, path)) changed.insert(path);
  const bool whole = !filled_ || std::any_of(changed.begin(), changed.end(), [&](const fs::path& path) {
    return needs_build(path) || build::is_below_link(folder_, path);
  });
  std::error_code bad;
  if (whole) {
    fs::remove_all(folder_, bad);
    fs::create_directories(folder_, bad);
    TRY_ASSIGN(auto tree, transform::SourceTree::open(driver_.sources));
    tree.restore(edits);
    TRY(build::write_patched_tree(driver_, tree, folder_));
    if (!driver_.missing_binary_objects.empty()) {
      TRY_ASSIGN(const auto given, BuildFolder::give(folder_));
      TRY(build::place_empty_objects(facts_.kernel(), folder_, driver_.missing_binary_objects));
    }
    filled_ = true;
    has_objects_ = false;
    commands_.reset();
  } else {
    transform::SourceTree::Edits texts;
    for (const auto& path : changed) {
      texts[path] = text_with(edits, driver_, path);
      header_changed_ = header_changed_ || path.ends_with(".h");
    }
    TRY(build::write_edits(texts, folder_));
  }
  edits_ = edits;
  return {};
}

Result<std::vector<diagnostics::Diagnostic>> TrialTree::build() {
  build::BuildRequest request;
  request.tree = folder_;
  request.modules = choices_.modules;
  request.has_objects = has_objects_;
  request.precompile_headers = !has_objects_ || header_changed_;
  request.jobs = choices_.jobs;
  request.allow_undefined = !driver_.missing_binary_objects.empty();
  request.accepted = choices_.accepted;
  TRY_ASSIGN(const auto* probe, facts_.probe());
  request.debug_info = probe->debug_info;
  TRY_ASSIGN(auto built, build::build_tree(facts_, request));
  TRY(check_machine(built.errors));
  doubtful_answers_ = static_cast<std::size_t>(std::count_if(
      built.warnings.begin(), built.warnings.end(), [](const auto& warning) { return warning.tool == "conftest"; }));
  has_objects_ = true;
  header_changed_ = false;
  if (!commands_) TRY(ask_commands());
  if (!built.built) return std::move(built.errors);

  modules_ = built.modules;
  // As in run_build(): no process of the build can change what is verified.
  TRY_ASSIGN(const auto verified, StagedFolder::beside(facts_.kernel().host.work() / "modules"));
  for (auto& file : built.modules) {
    TRY(clone_beneath(folder_, file.filename(), verified.path() / file.filename()));
    file = verified.path() / file.filename();
  }
  build::BuildReport report;
  std::vector<module::ModuleFile> modules;
  TRY(build::verify_into(report, facts_, driver_, built.modules, modules));
  std::vector<diagnostics::Diagnostic> errors;
  for (const auto& error : report.errors) {
    diagnostics::Diagnostic one;
    one.tool = error.tool;
    one.message = error.message;
    one.hint = error.hint;
    errors.push_back(std::move(one));
  }
  return errors;
}

Result<Outcome> TrialTree::use_modules(const std::vector<std::string>& program,
                                       const std::map<std::string, std::string>& environment) {
  const auto& kernel = facts_.kernel();
  TRY_ASSIGN(const auto modules, StagedFolder::beside(kernel.host.work() / "modules"));
  for (const auto& file : modules_) TRY(clone_beneath(folder_, file.filename(), modules.path() / file.filename()));
  Command command;
  command.argv = program;
  command.argv.insert(command.argv.end(), {modules.path().string(), kernel.release, kernel.host.root.string()});
  command.env = environment;
  return run(command);
}

Status TrialTree::check_machine(const std::vector<diagnostics::Diagnostic>& errors) const {
  for (const auto& error : errors)
    if (const auto kind = diagnostics::machine_fault(error))
      return Error{*kind, "compile " + driver_.version.text + " for " + facts_.kernel().release,
                   (error.file.empty() ? "" : error.file + ": ") + error.message, error.hint};
  return {};
}

Status TrialTree::ask_commands() {
  build::BuildRequest request;
  request.tree = folder_;
  request.modules = choices_.modules;
  request.accepted = choices_.accepted;
  const auto& kernel = facts_.kernel();
  const auto make = build::make_command(kernel, request, kernel.host.inside(folder_).string());
  const auto sources = driver::read_kbuild_summary(folder_, choices_.modules).sources;
  const auto ask = folder_ / ".vgpukit-ask";
  std::error_code bad;
  fs::create_directories(ask, bad);
  const auto fingerprint = facts_.fingerprint();
  commands_.emplace();
  {
    TRY_ASSIGN(const auto given, BuildFolder::give(folder_));
    TRY_ASSIGN(auto answer, conftest::ask_kbuild(kernel, fingerprint ? *fingerprint : "", make, sources, ask));
    if (answer) *commands_ = std::move(answer->compile);
  }
  fs::remove_all(ask, bad);
  return {};
}

std::optional<Command> TrialTree::command_for(const std::string& file, const std::vector<std::string>& options) {
  if (!commands_) return std::nullopt;
  const auto known = commands_->words.find(file);
  if (known == commands_->words.end()) return std::nullopt;
  Command command;
  command.root = facts_.kernel().host.root;
  command.cwd = commands_->directory;
  command.confined = true;
  command.env = commands_->environment;
  command.argv = known->second;
  // Nothing is written: no list of dependencies either. NVIDIA's Kbuild has -MD.
  std::erase_if(command.argv, [](const std::string& word) {
    return word.starts_with("-Wp,-MMD,") || word.starts_with("-Wp,-MD,") || word == "-MD" || word == "-MMD";
  });
  command.argv.insert(command.argv.end() - 1, options.begin(), options.end());
  return command;
}

Result<std::vector<diagnostics::Diagnostic>> TrialTree::compile(const std::vector<std::string>& files) {
  const auto tried = "compile " + join(files, ", ") + " of " + driver_.version.text + " for " + facts_.kernel().release;
  if (!commands_ || commands_->words.empty())
    return Error{ErrorKind::failed, tried, "the kernel's make did not say how it compiles a file of this driver",
                 "vgpukit build shows the errors; docs/guides/writing-a-recipe.md says how to write a recipe for them"};
  std::vector<Command> commands;
  for (const auto& file : std::set(files.begin(), files.end()))
    if (auto command = command_for(file, {"-fsyntax-only"})) commands.push_back(*std::move(command));
  TRY_ASSIGN(const auto outcomes, run_all(commands, choices_.jobs));
  diagnostics::DiagnosticCollector collector(facts_.kernel().host.inside(folder_).string());
  for (const auto& outcome : outcomes) each_line(outcome.err, [&](std::string_view line) { collector.line(line); });
  auto errors = collector.errors();
  TRY(check_machine(errors));
  const auto failed = std::find_if(outcomes.begin(), outcomes.end(), [](const Outcome& one) { return !one.ok(); });
  if (failed != outcomes.end() && errors.empty()) {
    const bool killed = failed->status > 128;
    return Error{ErrorKind::failed, tried,
                 killed ? "the compiler was ended by signal " + std::to_string(failed->status - 128)
                        : "the compiler ended with status " + std::to_string(failed->status) + " and gave no reason",
                 killed ? "if memory ran out, try it with fewer jobs (--jobs 1)" : "try it again"};
  }
  return errors;
}

Result<std::string> TrialTree::preprocessed(const std::string& file) {
  const auto command = command_for(file, {"-E", "-P"});
  if (!command) return std::string();
  TRY_ASSIGN(const auto outcome, run(*command));
  if (!outcome.ok()) return std::string();
  std::string text;
  const transform::CodeView view(outcome.out);
  for (const auto& token : view.code()) append(text, token.text, " ");
  return text;
}

}  // namespace vgpukit::adapt
