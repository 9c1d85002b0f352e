#include "conftest/conftest_script.hpp"

#include <algorithm>
#include <fstream>

#include "support/atomic_file.hpp"
#include "support/text.hpp"

namespace vgpukit::conftest {
namespace {

// Reads CATEGORY, DEFINE and the code, separated by newlines.
void read_what(const fs::path& file, ScriptQuestion& question) {
  const auto text = read_file(file);
  if (!text) return;
  const auto first = text->find('\n');
  const auto second = first == std::string::npos ? first : text->find('\n', first + 1);
  if (second == std::string::npos) return;
  const std::string code = text->substr(second + 1);
  // The two names are valid only if this code is what was compiled.
  if (code.empty() || !question.snippet.source.ends_with(code + "\n")) return;
  question.define = text->substr(first + 1, second - first - 1);
  question.snippet.inverted = text->substr(0, first) == "functions";
}

ScriptResult read_result(const fs::path& folder, std::size_t number, const std::string& preamble) {
  ScriptResult result;
  const std::string name = std::to_string(number);
  std::error_code error;
  result.done = fs::exists(folder / (name + ".done"), error);
  if (auto text = read_file(folder / (name + ".out"))) result.text = std::move(*text);
  for (int k = 1;; ++k) {
    auto source = read_file(folder / (name + "." + std::to_string(k) + ".c"));
    if (!source) break;
    ScriptQuestion question;
    question.snippet.code = source->starts_with(preamble) ? source->substr(preamble.size()) : *source;
    question.snippet.source = std::move(*source);
    read_what(folder / (name + "." + std::to_string(k) + ".what"), question);
    result.questions.push_back(std::move(question));
  }
  return result;
}

}  // namespace

Result<ScriptResults> run_conftest_script(const kernel::Kernel& kernel, const KbuildAnswer& ask, const fs::path& tree,
                                          const fs::path& folder, const std::vector<ScriptTest>& tests, unsigned jobs) {
  const fs::path script = tree / ".vgpukit-answer.sh";  // conftest.sh expects to be in the driver's folder
  std::error_code error;
  if (!fs::exists(script, error)) {
    TRY_ASSIGN(const auto text, read_shipped("kbuild/conftest-answer.sh"));
    TRY(write_file(script, text));
  }

  // The part that evaluates the verb is left out: some scripts reject an unknown verb.
  TRY_ASSIGN(const std::string whole, read_file(tree / "conftest.sh"));
  const auto verb = whole.rfind("\ncase \"$5\" in");
  std::ofstream(folder / "functions.sh", std::ios::binary)
      << whole.substr(0, verb == std::string::npos ? whole.size() : verb + 1);

  const std::size_t shells = std::clamp<std::size_t>(tests.size() / 8, 1, std::max(jobs, 1U));
  std::vector<Command> commands;
  std::vector<fs::path> folders;
  for (std::size_t shell = 0; shell < shells; ++shell) {
    folders.push_back(folder / std::to_string(shell));
    fs::remove_all(folders.back(), error);
    fs::create_directories(folders.back(), error);
    std::ofstream list(folders.back() / "list", std::ios::binary);
    for (std::size_t i = shell; i < tests.size(); i += shells)
      list << i << (tests[i].header ? " header " : " test ") << tests[i].name << ' '
           << (tests[i].answers.empty() ? "x" : tests[i].answers) << '\n';
    Command command;
    command.root = kernel.host.root;
    command.cwd = kernel.host.inside(tree);
    command.confined = true;
    command.writable = {command.cwd};
    command.argv = {
        "/bin/sh",      kernel.host.inside(script).string(),        "vgpukit_cc", ask.arch, ask.sources, ask.output,
        "vgpukit-none", kernel.host.inside(folders.back()).string()};
    command.env = ask.environment;
    command.env["VGPUKIT_CC"] = join(ask.compiler, " ");
    command.env["VGPUKIT_CFLAGS"] = join(ask.flags, " ");
    command.deadline = std::chrono::minutes(10);
    commands.push_back(std::move(command));
  }
  TRY_ASSIGN(const auto outcomes, run_all(commands, std::max(jobs, 1U)));

  ScriptResults results;
  for (const auto& outcome : outcomes) results.cpu_seconds += outcome.cpu_seconds;
  if (auto preamble = read_file(folders.front() / "preamble")) results.preamble = std::move(*preamble);
  if (!results.preamble.empty()) results.preamble.pop_back();  // the newline that printf added
  for (std::size_t i = 0; i < tests.size(); ++i)
    results.tests.push_back(read_result(folders[i % shells], i, results.preamble));
  return results;
}

std::vector<std::string> headers_of_script(std::string_view script) {
  constexpr std::string_view head = "\ntest_headers() {\n";
  const auto begin = script.find(head);
  const auto end = begin == std::string_view::npos ? begin : script.find("\n}", begin);
  if (end == std::string_view::npos) return {};
  std::vector<std::string> names;
  bool understood = true;
  each_line(script.substr(begin + head.size(), end - begin - head.size()), [&](std::string_view line) {
    line = trimmed(line);
    if (line.empty() || line.starts_with('#') || line == "translate_and_preprocess_header_files $FILES") return;
    understood = understood && line.starts_with("FILES=\"") && line.size() > 7 && line.ends_with('"');
    if (!understood) return;
    for (auto& word : split_words(line.substr(7, line.size() - 8)))
      if (word != "$FILES") names.push_back(std::move(word));
  });
  if (!understood) names.clear();
  return names;
}

}  // namespace vgpukit::conftest
