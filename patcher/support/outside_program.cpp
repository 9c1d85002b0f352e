#include "support/outside_program.hpp"

#include <deque>

#include "support/log.hpp"
#include "support/text.hpp"

namespace vgpukit {

namespace {

constexpr std::size_t shown_lines = 4;

std::string ending(const OutsideProgram& program, const Outcome& outcome) {
  const auto& command = program.command;
  const auto name = program.name.empty() ? fs::path(command.argv.front()).filename().string() : program.name;
  if (outcome.timed_out) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*command.deadline).count();
    return name + " did not end within " + std::to_string(seconds) + " s and was stopped";
  }
  return name + " ended with status " + std::to_string(outcome.status);
}

}  // namespace

Status run_outside(const OutsideProgram& program) {
  std::deque<std::string> last;
  auto command = program.command;
  command.collect = false;
  command.on_line = [&](std::string_view line, bool is_error) {
    if (program.command.on_line) program.command.on_line(line, is_error);
    if (trimmed(line).empty()) return;
    last.push_back(printable(trimmed(line)));
    if (last.size() > shown_lines) last.pop_front();
  };
  const auto failed = [&](Error error) {
    if (!program.put_back) return error;
    if (const auto back = program.put_back(); !back)
      append(error.next, back.error().message(), "; ");
    else
      append(error.why, *back, back->empty() ? "" : "; ");
    return error;
  };
  for (unsigned tried = 1;; ++tried) {
    last.clear();
    log::debug(join(command.argv, " "));
    const auto outcome = run(command);
    if (!outcome) return failed(outcome.error());
    const auto wrong = program.wrong ? program.wrong() : std::string();
    if (wrong.empty() && (outcome->ok() || program.wrong)) {
      if (!outcome->ok()) log::warning(ending(program, *outcome) + ", but it has done its work");
      return {};
    }
    if (outcome->ok() && tried < program.tries && program.pause && program.pause()) continue;
    auto why = ending(program, *outcome);
    if (tried > 1) why += ", " + std::to_string(tried) + " times";
    if (!wrong.empty()) why += (outcome->ok() ? ", but " : ", and ") + wrong;
    if (!last.empty()) why += "; it said: " + join(last, " | ");
    return failed({ErrorKind::failed, program.tried, why, program.next});
  }
}

}  // namespace vgpukit
