#include "conftest/conftest_ask.hpp"

#include <algorithm>

#include "kernel/compiler_wrapper.hpp"
#include "kernel/probe.hpp"
#include "support/atomic_file.hpp"
#include "support/interrupt.hpp"
#include "support/text.hpp"

namespace vgpukit::conftest {
namespace {

// Splits flags as the shell does: conftest.sh uses them without quotes, so quotes are ordinary characters. Nothing for
// text with a file name pattern: only the shell can expand it.
std::optional<std::vector<std::string>> shell_split(std::string_view text) {
  if (text.find_first_of("*?[") != std::string_view::npos) return std::nullopt;
  return split_words(text);
}

// Lines of the form "FILE NAME := COMMAND". A line that cannot be read is skipped.
void read_compile(const fs::path& folder, KbuildAnswer& ask) {
  const auto directory = read_file(folder / "directory");
  const auto lines = read_file(folder / "compile");
  if (!directory || !lines) return;
  ask.compile.directory = directory->substr(0, directory->find('\n'));
  ask.compile.environment = ask.environment;
  each_line(*lines, [&](std::string_view line) {
    const auto space = line.find(' ');
    const auto end = line.find(" := ");
    auto words = kernel::command_words(line);
    if (!words || end == std::string_view::npos || space >= end) return;
    auto file = line.substr(space + 1, end - space - 1);
    while (file.starts_with("./")) file.remove_prefix(2);  // make also removes it from the names of targets
    words->emplace_back(file);
    ask.compile.words.emplace(line.substr(0, space), *std::move(words));
  });
}

}  // namespace

std::optional<KbuildAnswer> read_ask(std::string_view command, std::string_view environment, std::string_view lists) {
  // /bin/sh SCRIPT CC ARCH SOURCES OUTPUT compile_tests CFLAGS
  if (command.ends_with('\0')) command.remove_suffix(1);
  const auto argv = split(command, '\0');
  if (argv.size() != 8 || argv[6] != "compile_tests" || !argv[1].ends_with("conftest.sh")) return std::nullopt;
  KbuildAnswer ask;
  auto compiler = shell_split(argv[2]);
  auto flags = shell_split(argv[7]);
  if (!compiler || compiler->empty() || !flags) return std::nullopt;
  ask.compiler = std::move(*compiler);
  ask.flags = std::move(*flags);
  ask.arch = argv[3];
  ask.sources = argv[4];
  ask.output = argv[5];
  for (const auto& line : split(environment, '\0'))
    if (const auto equals = line.find('='); equals != std::string::npos)
      ask.environment[line.substr(0, equals)] = line.substr(equals + 1);
  std::vector<std::string>* list = nullptr;
  for (const auto& line : split(lists, '\n')) {
    if (line.ends_with(':'))
      list = &ask.lists[line.substr(0, line.size() - 1)];
    else if (list && !line.empty() && std::find(list->begin(), list->end(), line) == list->end())
      list->push_back(line);
  }
  for (const char* name : {"functions", "generic", "macros", "symbols", "types", "headers"})
    if (!ask.lists.contains(name)) return std::nullopt;
  return ask;
}

Result<std::optional<KbuildAnswer>> ask_kbuild(const kernel::Kernel& kernel, const std::string& fingerprint,
                                               const Command& make, const std::vector<std::string>& sources,
                                               const fs::path& folder) {
  const std::optional<KbuildAnswer> nothing;
  const fs::path makefile = folder / "ask.mk";
  const auto text = read_shipped("kbuild/conftest-ask.mk");
  if (!text || !write_file(makefile, *text)) return nothing;

  Command command = make;
  const kernel::CompilerWrapper compiler_wrapper(kernel, folder / ".vgpukit-compiler", fingerprint);
  compiler_wrapper.use_in(command);
  command.env["MAKEFILES"] = kernel.host.inside(makefile).string();
  command.env["VGPUKIT_ASK"] = kernel.host.inside(folder).string();
  command.env["VGPUKIT_SOURCES"] = join(sources, " ");
  command.collect = false;
  command.on_line = nullptr;
  const auto outcome = run(command);
  if (!outcome && Interrupt::caught()) return outcome.error();
  if (!outcome) return nothing;

  const auto line = read_file(folder / "command");
  const auto environment = read_file(folder / "environment");
  const auto lists = read_file(folder / "lists");  // written last
  if (!line || !environment || !lists) return nothing;
  auto ask = read_ask(*line, *environment, *lists);
  if (!ask) return nothing;
  ask->cpu_seconds = outcome->cpu_seconds;
  for (const char* ours : {"MAKEFILES", "VGPUKIT_ASK", "VGPUKIT_SOURCES", "VGPUKIT_COMPILER", "VGPUKIT_WRAPPER",
                           "MAKEFLAGS", "MFLAGS", "MAKELEVEL"})
    ask->environment.erase(ours);
  // The tests use the real compiler, not the wrapper.
  if (auto& path = ask->environment["PATH"]; !command.path_first.empty() && path.starts_with(command.path_first + ":"))
    path.erase(0, command.path_first.size() + 1);
  read_compile(folder, *ask);
  return ask;
}

}  // namespace vgpukit::conftest
