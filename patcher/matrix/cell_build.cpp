#include "matrix/cell_build.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "matrix/cell_adapt.hpp"
#include "matrix/cell_load.hpp"
#include "support/atomic_file.hpp"
#include "support/interrupt.hpp"
#include "support/json_file.hpp"
#include "support/process.hpp"
#include "support/sandbox.hpp"
#include "support/text.hpp"

namespace vgpukit::matrix {

namespace {

std::vector<std::string> words_of(const CellBuild& what, const std::string& subcommand) {
  std::vector<std::string> words = {subcommand, what.driver_word, "--kernel", what.release};
  const auto option = [&](const std::string& name, const std::string& value) {
    words.push_back(name);
    words.push_back(value);
  };
  if (!what.host.is_host()) option("--root", what.host.root.string());
  for (const auto& name : what.request->accepted) option("--accept", name);
  for (const auto& name : what.request->modules) option("--modules", name);
  words.insert(words.end(), what.options.begin(), what.options.end());
  if (is_sandbox_off()) words.emplace_back("--no-sandbox");
  return words;
}

std::vector<std::string> build_words(const CellBuild& what) {
  auto words = words_of(what, "build");
  if (what.request->compile_only) words.emplace_back("--compile-only");
  return words;
}

Command command_of(const CellBuild& what) {
  auto command = vgpukit_command(what, build_words(what));
  // --compile-only saves the delivery of modules that are not used; the verification is the same. Modules that will be
  // loaded are delivered. If a binary object is missing and the request does not say so, --compile-only would make the
  // build succeed, but it has to fail.
  if (!what.request->compile_only && what.request->driver->missing_binary_objects.empty() &&
      what.request->loads.empty())
    command.argv.emplace_back("--compile-only");
  if (what.first_error_only) command.argv.emplace_back("--first-error-only");
  for (const auto& word : {std::string("--output"), what.output.string(), std::string("--jobs"),
                           std::to_string(what.jobs), std::string("--format"), std::string("json"), std::string("-q")})
    command.argv.push_back(word);
  command.deadline = what.deadline;
  return command;
}

std::string in_words(std::chrono::seconds time) {
  const auto count = time.count();
  if (count % 3600 == 0) return std::to_string(count / 3600) + " h";
  return count % 60 == 0 ? std::to_string(count / 60) + " min" : std::to_string(count) + " s";
}

void fail(CellResult& result, std::string reason, std::string hint) {
  result.verdict = Verdict::failed;
  result.reason = std::move(reason);
  result.hint = std::move(hint);
}

// Whether the build was killed or exceeded its deadline.
bool died(const CellBuild& what, const Outcome& outcome, CellResult& result) {
  if (outcome.timed_out) {
    fail(result, "it was still running at its deadline of " + in_words(what.deadline),
         "set a larger deadline: in the matrix file, or run fewer cells at once (--jobs)");
    return true;
  }
  if (outcome.status < 128) return false;
  const int signal = outcome.status - 128;
  fail(result, "vgpukit build was ended by signal " + std::to_string(signal) + " (" + ::strsignal(signal) + ")",
       signal == SIGKILL ? "the machine may have been out of memory: try fewer --jobs"
                         : "run its command by hand, and report the problem");
  return true;
}

// The first cause, as one line.
void take_cause(const nlohmann::json& build, CellResult& result) {
  const auto errors = build.value("errors", nlohmann::json::array());
  if (errors.is_array() && !errors.empty() && errors[0].is_object()) {
    const auto& first = errors[0];
    const auto file = first.value("file", "");
    const auto line = first.value("line", 0);
    result.reason =
        (file.empty() ? "" : file + (line > 0 ? ":" + std::to_string(line) : "") + ": ") + first.value("message", "");
    result.hint = first.value("hint", "");
    if (errors.size() > 1) result.reason += " (and " + std::to_string(errors.size() - 1) + " more)";
  }
  if (result.verdict != Verdict::consent) return;
  for (const auto& notice : build.value("notices", nlohmann::json::array()))
    result.reason += (result.reason.empty() ? "consent is needed: " : ", ") + notice.value("name", "");
  result.hint = "read the notices (the command below shows them), then name them under accept: in the matrix file";
}

void move_log(const CellBuild& what, nlohmann::json& build, CellResult& result) {
  const fs::path from = build.value("log", "");
  std::error_code bad;
  fs::remove(what.log, bad);
  if (from.empty() || !fs::exists(from, bad)) return;
  fs::create_directories(what.log.parent_path(), bad);
  fs::rename(from, what.log, bad);
  if (bad && !clone_file(from, what.log)) return;
  result.log = what.log.string();
  build["log"] = result.log;
}

void take_document(const CellBuild& what, nlohmann::json build, CellResult& result) {
  const auto word = build.value("result", "");
  if (word == "built") {
    result.verdict = what.request->driver->missing_binary_objects.empty() ? Verdict::verified : Verdict::compiled;
  } else {
    result.verdict = word == "missing" ? Verdict::missing : word == "consent" ? Verdict::consent : Verdict::failed;
    take_cause(build, result);
  }
  for (const auto& recipe : build.value("recipes", nlohmann::json::array()))
    if (recipe.value("state", "") == "applies") result.recipes.push_back(recipe.value("id", ""));
  move_log(what, build, result);
  result.build = std::move(build);
}

}  // namespace

std::vector<std::string> adapt_words(const CellBuild& what) {
  return words_of(what, "adapt");
}

Command vgpukit_command(const CellBuild& what, std::vector<std::string> words) {
  Command command;
  command.argv = std::move(words);
  command.argv.insert(command.argv.begin(), what.program);
  command.env = {{"VGPUKIT_CACHE", what.host.cache.string()},
                 {"VGPUKIT_STATE", what.host.state.string()},
                 {"VGPUKIT_CONFIG", what.host.config.string()}};
  if (const auto data = shipped_data()) command.env["VGPUKIT_DATA"] = data->string();
  return command;
}

std::chrono::seconds time_left(const CellBuild& what, const CellResult& result) {
  const auto used = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::duration<double>(result.seconds));
  return std::max(what.deadline - used, std::chrono::seconds(1));
}

std::string command_line_of(const CellBuild& what) {
  auto text = "vgpukit " + join(build_words(what), " ", shell_word);
  if (what.request->loads.empty()) return text;
  return text + " --output modules && " + join(load_words(what, "modules"), " ", shell_word);
}

Status build_cell(const CellBuild& what, CellResult& result) {
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = run(command_of(what));
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (Interrupt::caught() != 0) return Error{ErrorKind::interrupted, "run the matrix", "interrupted", ""};
  result.command = command_line_of(what);
  if (!outcome) {
    fail(result, "cannot " + outcome.error().tried + ": " + outcome.error().why, outcome.error().next);
    return {};
  }
  result.cpu_seconds = outcome->cpu_seconds;
  if (died(what, *outcome, result)) return {};
  auto build = parse_json(outcome->out);
  try {
    if (build.is_object()) {
      take_document(what, std::move(build), result);
      if (what.adapt && result.verdict == Verdict::failed) return adapt_cell(what, result);
      return result.verdict == Verdict::verified && !what.request->loads.empty() ? load_cell(what, result) : Status{};
    }
  } catch (const nlohmann::json::exception&) {
    // Not the JSON of a build.
  }
  const auto last = outcome->last_error_line();
  fail(result,
       "vgpukit build ended with status " + std::to_string(outcome->status) + " and no result" +
           (last.empty() ? "" : ": " + last),
       "run its command by hand");
  return {};
}

}  // namespace vgpukit::matrix
