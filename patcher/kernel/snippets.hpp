// Questions that a compiler answers: writing the translation units, and reading whose fault an error is. Internal to
// kernel/.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/facts.hpp"

namespace vgpukit::kernel {

// An error of gcc or clang: FILE:LINE:COLUMN: [fatal ]error: MESSAGE.
struct CompileError {
  std::string file;
  int line = 0;
  bool fatal = false;
  std::string message;
};
std::vector<CompileError> compile_errors(std::string_view output);

// One translation unit for these questions, in their order; each behind its own headers and all those in front of it.
// #line markers name the header ("vgpukit-header-0") or question ("vgpukit-question-0") that a line belongs to. The
// function vgpukit_probe of a snippet gets a number where others may have one, too; read_answers takes it away again.
// `prelude`: with the headers that every driver includes in front, for headers that do not stand alone (linux/mdev.h
// of 5.10 uses ssize_t without including anything).
std::string translation_unit(const std::vector<Question>& questions, bool prelude = false);

// What the compiler's words mean for each of these questions, in their order.
// An Error for a question: the headers are there but do not compile, so that nothing can be said.
struct UnitAnswers {
  std::vector<Result<Answer>> answers;
  std::set<std::size_t>
      unreliable;  // whose error could have spilled over to those that follow: ask it alone, and all these again
  std::set<std::size_t>
      affected;  // which use a name that an error in front of them may have left declared: ask them again
};
UnitAnswers read_answers(const std::vector<Question>& questions, bool compiled, std::string_view output);

// Asks them all, in as few and as parallel compiler runs as is safe. Error: when the compiler cannot be run.
Result<std::vector<std::pair<Question, Result<Answer>>>> ask_compiler(const Kernel& kernel, const ProbeBuild& probe,
                                                                      const std::vector<Question>& questions);

}  // namespace vgpukit::kernel
