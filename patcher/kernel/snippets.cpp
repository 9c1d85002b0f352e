#include "kernel/snippets.hpp"

#include <algorithm>
#include <map>

#include "kernel/header_closures.hpp"
#include "kernel/shared_units.hpp"
#include "support/number.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::kernel {

namespace {

constexpr std::string_view header_marker = "vgpukit-header-";
constexpr std::string_view question_marker = "vgpukit-question-";

constexpr std::string_view probe_name = "vgpukit_probe";  // the function of every snippet

std::string own_probe(std::size_t number) {
  return std::string(probe_name) + "_" + std::to_string(number);
}

std::string line_marker(std::string_view marker, std::size_t number) {
  return "#line 1 \"" + std::string(marker) + std::to_string(number) + "\"\n";
}

// Code that compiles exactly when the name is declared. __typeof__ takes functions (also static inline ones),
// variables, enumerators and typedefs, and neither calls nor defines anything. A macro need not be an expression, hence
// #ifndef. sizeof needs a complete type: a driver cannot use "struct x;" alone.
std::string declaration_form(const Question& question, std::size_t number) {
  const std::string own = "vgpukit_answer_" + std::to_string(number);
  if (question.name.find(' ') != std::string::npos)
    return "extern char " + own + "[sizeof(" + question.name + ") + 1];\n";
  return "#ifndef " + question.name + "\ntypedef __typeof__(" + question.name + ") " + own + ";\n#endif\n";
}

Error broken(const Question& question, const CompileError& error) {
  return {ErrorKind::failed,
          "ask the kernel's headers about \"" + (question.name.empty() ? question.key() : question.name) + "\"",
          (question.headers.empty() ? "a header that the snippet includes" : join(question.headers, ", ")) +
              " does not compile here: " + error.file + ":" + std::to_string(error.line) + ": " + error.message,
          "name the headers that it needs before it; if it needs none, install the kernel's headers again"};
}

bool is_missing_file(const CompileError& error) {
  return error.fatal && (contains(error.message, "No such file") || contains(error.message, "file not found"));
}

// A snippet asks about one field or argument. If a file that it includes or a whole type is unknown, the error is not
// about that field: the type may have moved to another header.
std::string doubt_of(const Question& question, const CompileError& error) {
  if (question.kind != Question::Kind::compiles) return "";
  const auto& said = error.message;
  if (is_missing_file(error)) {
    const auto end = said.find(said.starts_with('\'') ? "' file not found" : ": No such file");
    const auto begin = static_cast<std::size_t>(said.starts_with('\'') ? 1 : 0);
    return "there is no " + said.substr(begin, end == std::string::npos ? end : end - begin);
  }
  // The last text: a struct that no header declares is a new type in each prototype, so the snippet's two prototypes
  // conflict.
  for (const char* words : {"undefined type", "incomplete type", "incomplete definition of type", "unknown type name",
                            "conflicting types for 'vgpukit_probe'"})
    if (contains(said, words)) return said;
  return "";
}

Answer answer_yes(const Question& question) {
  return {true, question.kind == Question::Kind::compiles ? "the snippet compiles"
                                                          : "declared by " + join(question.headers, ", ")};
}

Answer answer_no(const Question& question, const CompileError& error) {
  if (question.kind == Question::Kind::compiles)
    return {false, "line " + std::to_string(error.line) + " of the snippet: " + error.message, false, false,
            doubt_of(question, error)};
  return {false, join(question.headers, ", ") + ": " + error.message};
}

Command compile_command(const Kernel& kernel, const ProbeBuild& probe, std::string unit) {
  Command command;
  command.argv = probe.compile;
  const bool is_clang = kernel.compiler.kind == Compiler::Kind::clang;
  for (const char* flag :
       {"-fsyntax-only", no_caret(kernel.compiler), "-fdiagnostics-color=never",
        // These are about the snippet's form and not about the kernel; CONFIG_WERROR would make them errors.
        "-Wno-missing-prototypes", "-Wno-missing-declarations", "-Wno-unused-function", "-Wno-unused-variable"})
    command.argv.emplace_back(flag);
  // An error in a macro belongs to the line that uses the macro; and all errors must be printed.
  command.argv.emplace_back(is_clang ? "-ferror-limit=0" : "-ftrack-macro-expansion=0");
  command.argv.insert(command.argv.end(), {"-x", "c", "-"});
  command.cwd = probe.directory;
  command.root = kernel.host.root;
  command.confined = true;
  command.env["LC_ALL"] = "C";
  command.input = std::move(unit);
  command.deadline = std::chrono::minutes(2);
  return command;
}

// Questions that share a translation unit.
struct Group {
  std::vector<Question> questions;
  bool prelude = false;
};

bool same_headers(const std::vector<Question>& questions) {
  return std::all_of(questions.begin(), questions.end(),
                     [&](const Question& question) { return question.headers == questions.front().headers; });
}

// Which files the questions' headers include. Empty when finding out would cost more than it can save.
Result<HeaderClosures> closures_for(const Kernel& kernel, const ProbeBuild& probe,
                                    const std::vector<Question>& questions) {
  constexpr std::size_t least_runs = 4;  // reading all headers takes about as long as one compiler run
  if (units_by_headers(questions).size() < least_runs) return HeaderClosures();
  std::set<std::string> headers;
  for (const auto& question : questions) headers.insert(question.headers.begin(), question.headers.end());
  std::string text;
  for (const auto& header : headers) text += "#if __has_include(<" + header + ">)\n#include <" + header + ">\n#endif\n";
  Command walk = compile_command(kernel, probe, std::move(text));
  std::erase(walk.argv, "-fsyntax-only");
  walk.argv.insert(walk.argv.end() - 3, {"-E", "-dI"});
  TRY_ASSIGN(const auto walked, run(walk));
  // The compiler stops at a missing file: the headers after that line are then not known.
  HeaderClosures closures;
  if (!walked.timed_out && walked.status <= 128) closures.add(walked.out);
  return closures;
}

// Reads the compiler's output for a group: adds answers, and groups that must be asked again.
void read_group(const Group& group, const Outcome& outcome, std::vector<std::pair<Question, Result<Answer>>>& answers,
                std::vector<Group>& again) {
  const auto& questions = group.questions;
  auto reading = read_answers(questions, outcome.ok(), outcome.err);
  if (!reading.answers.front()) {
    // A header does not compile: separate the questions that do not include it; it may also need the prelude.
    auto units = units_by_headers(questions);
    if (units.size() > 1) {
      for (auto& unit : units) again.push_back({std::move(unit), group.prelude});
      return;
    }
    if (!group.prelude && !questions.front().headers.empty()) {
      again.push_back({questions, true});
      return;
    }
  }
  std::vector<Question> rest;
  const std::size_t sure =
      reading.unreliable.empty() || questions.size() == 1 ? questions.size() : *reading.unreliable.begin();
  for (std::size_t q = 0; q < questions.size(); ++q) {
    if (questions.size() > 1 && reading.unreliable.contains(q))
      again.push_back({{questions[q]}, group.prelude});
    else if (q > sure || reading.affected.contains(q))
      rest.push_back(questions[q]);
    else
      answers.emplace_back(questions[q], std::move(reading.answers[q]));
  }
  if (!rest.empty()) again.push_back({std::move(rest), group.prelude});
}

}  // namespace

const char* no_caret(const Compiler& compiler) {
  return compiler.kind == Compiler::Kind::clang ? "-fno-caret-diagnostics" : "-fno-diagnostics-show-caret";
}

std::vector<CompileError> compile_errors(std::string_view output) {
  std::vector<CompileError> errors;
  each_line(output, [&](std::string_view line) {
    CompileError error;
    auto at = line.find(": fatal error: ");
    error.fatal = at != std::string_view::npos;
    if (!error.fatal) at = line.find(": error: ");
    if (at == std::string_view::npos) return;
    error.message = line.substr(at + (error.fatal ? 15 : 9));
    // FILE[:LINE[:COLUMN]], read from the right because a path may have colons.
    std::string_view place = line.substr(0, at);
    std::vector<int> numbers;
    while (numbers.size() < 2) {
      const auto colon = place.rfind(':');
      if (colon == std::string_view::npos) break;
      const auto number = number_in<int>(place.substr(colon + 1));
      if (!number) break;
      numbers.push_back(*number);
      place = place.substr(0, colon);
    }
    error.file = place;
    if (!numbers.empty()) error.line = numbers.back();
    errors.push_back(std::move(error));
  });
  return errors;
}

std::string translation_unit(const std::vector<Question>& questions, bool prelude) {
  std::string unit;
  if (prelude) {
    unit += line_marker("vgpukit-prelude-", 0);
    for (const char* header : {"module", "device", "fs", "mm", "uuid"})
      unit += std::string("#include <linux/") + header + ".h>\n";
  }
  std::size_t headers = 0;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const auto& question = questions[i];
    if (i == 0 || question.headers != questions[i - 1].headers)
      for (const auto& header : question.headers)
        unit += line_marker(header_marker, headers++) + "#include <" + header + ">\n";
    unit += line_marker(question_marker, i);
    if (question.kind != Question::Kind::compiles)
      unit += declaration_form(question, i);
    else
      unit += (questions.size() == 1 ? question.code : replace_word(question.code, probe_name, own_probe(i))) + "\n";
  }
  return unit;
}

UnitAnswers read_answers(const std::vector<Question>& questions, bool compiled, std::string_view output) {
  UnitAnswers result;
  const auto all = [&](const auto& answer_of) {
    for (const auto& question : questions) result.answers.push_back(answer_of(question));
    return result;
  };
  if (compiled) return all([](const Question& question) -> Result<Answer> { return answer_yes(question); });

  std::map<std::size_t, CompileError> first;  // by question
  std::map<std::size_t, std::set<std::string>> left;
  for (auto& error : compile_errors(output)) {
    if (const auto number = number_after<std::size_t>(question_marker, error.file);
        number && *number < questions.size()) {
      error.message = replace_word(error.message, own_probe(*number), probe_name);
      // A syntax error may hide what follows it.
      if (error.message.starts_with("expected")) result.unreliable.insert(*number);
      left[*number].merge(names_left_declared(questions[*number], error));
      first.try_emplace(*number, std::move(error));
    } else if (number_after<std::size_t>(header_marker, error.file) && is_missing_file(error) &&
               same_headers(questions)) {
      return all([&](const Question& question) -> Result<Answer> {
        return Answer{false, error.message, false, false, doubt_of(question, error)};
      });
    } else if (!contains(error.message, "warnings being treated as errors")) {
      return all([&](const Question& question) -> Result<Answer> { return broken(question, error); });
    }
  }
  if (first.empty()) {
    // The compiler failed without a readable error: that is not an answer.
    const CompileError unknown{"the compiler", 0, true, std::string(output.substr(0, 300))};
    return all([&](const Question& question) -> Result<Answer> { return broken(question, unknown); });
  }
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const auto error = first.find(i);
    if (error == first.end())
      result.answers.emplace_back(answer_yes(questions[i]));
    else
      result.answers.emplace_back(answer_no(questions[i], error->second));
  }
  std::set<std::string> names;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    if (uses_any(questions[i], names)) result.affected.insert(i);
    names.merge(left[i]);
  }
  return result;
}

Result<std::vector<std::pair<Question, Result<Answer>>>> ask_compiler(const Kernel& kernel, const ProbeBuild& probe,
                                                                      const std::vector<Question>& questions) {
  TRY_ASSIGN(const auto closures, closures_for(kernel, probe, questions));
  std::vector<Group> groups;
  for (auto& unit : shared_units(questions, closures)) groups.push_back({std::move(unit)});

  std::vector<std::pair<Question, Result<Answer>>> answers;
  // This ends: a group that is asked again has fewer questions or the prelude.
  while (!groups.empty()) {
    std::vector<Command> commands;
    for (const auto& group : groups)
      commands.push_back(compile_command(kernel, probe, translation_unit(group.questions, group.prelude)));
    TRY_ASSIGN(const auto outcomes, run_all(commands, default_jobs()));
    std::vector<Group> again;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (outcomes[i].timed_out || outcomes[i].status > 128)
        return Error{ErrorKind::failed, "ask the kernel's compiler about " + groups[i].questions.front().key(),
                     outcomes[i].timed_out ? "it took more than two minutes"
                                           : "it was killed by signal " + std::to_string(outcomes[i].status - 128),
                     "check that enough memory is free"};
      read_group(groups[i], outcomes[i], answers, again);
    }
    groups = std::move(again);
  }
  return answers;
}

}  // namespace vgpukit::kernel
