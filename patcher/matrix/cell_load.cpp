#include "matrix/cell_load.hpp"

#include <algorithm>

#include "support/atomic_file.hpp"
#include "support/interrupt.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::matrix {

namespace {

constexpr std::size_t max_log_lines = 40;  // of the program's output in the result; the log has all lines
constexpr int status_missing = 3;          // of the program: docs/matrix-file.md

std::string last_line(const std::vector<std::string>& lines) {
  const auto last = std::find_if(lines.rbegin(), lines.rend(), [](const std::string& line) { return !line.empty(); });
  return last == lines.rend() ? "it printed nothing" : *last;
}

Status add_to_log(const CellBuild& what, const CellResult& result, const std::string& title,
                  const std::vector<std::string>& lines) {
  if (result.log.empty()) return {};
  TRY_ASSIGN(auto text, read_file(what.log));
  text += "\n" + title + "\n";
  for (const auto& line : lines) text += line + "\n";
  return write_file(what.log, text);
}

// `loaded`: the verdict if the program ended with 0.
void set_verdict(const Outcome& outcome, const std::vector<std::string>& lines, Verdict loaded, CellResult& result) {
  const auto fail = [&](std::string reason, std::string hint) {
    result.verdict = Verdict::failed;
    result.reason = std::move(reason);
    result.hint = std::move(hint);
  };
  if (outcome.timed_out) {
    fail("it was built and verified, and was still being loaded at the cell's deadline: " + last_line(lines),
         "the end of the log shows how far it came; if it needs more time, set a larger deadline: in the matrix file");
  } else if (outcome.status == 0) {
    result.verdict = loaded;
  } else if (outcome.status == status_missing) {
    result.reason = "not loaded, because that is not possible on this machine: " + last_line(lines);
  } else {
    fail(std::string("it was built and verified, but does not ") + (loaded == Verdict::works ? "work: " : "load: ") +
             last_line(lines),
         "the end of the log shows its output");
  }
}

}  // namespace

std::vector<std::string> load_words(const CellBuild& what, const std::string& folder) {
  auto words = what.request->loads;
  words.insert(words.end(), {folder, what.release, what.host.root.string()});
  return words;
}

Status load_cell(const CellBuild& what, CellResult& result) {
  std::vector<std::string> lines;
  Command command;
  command.argv = load_words(what, what.output.string());
  command.env = what.environment;
  command.collect = false;
  command.on_line = [&](std::string_view line, bool) { lines.emplace_back(line); };
  command.deadline = time_left(what, result);
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = run(command);
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::error_code ignored;
  fs::remove_all(what.output, ignored);
  if (Interrupt::caught() != 0) return Error{ErrorKind::interrupted, "run the matrix", "interrupted", ""};
  result.seconds += seconds;
  if (!outcome) {
    result.verdict = Verdict::failed;
    result.reason = "it was built and verified, but cannot be loaded: " + outcome.error().why;
    result.hint = outcome.error().next;
    return {};
  }
  result.cpu_seconds += outcome->cpu_seconds;
  set_verdict(*outcome, lines, what.request->loaded, result);
  // An error here does not change the verdict: the log is not essential.
  (void)add_to_log(what, result, "==> " + join(command.argv, " "), lines);
  if (lines.size() > max_log_lines) lines.erase(lines.begin(), lines.end() - max_log_lines);
  result.build["load"] = {{"seconds", seconds}, {"status", outcome->status}, {"lines", lines}};
  return {};
}

}  // namespace vgpukit::matrix
