// Questions that a compiler answers: writes the translation units and assigns the errors to questions. Internal to
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

// The option that leaves the source line and the caret out of messages. gcc and clang each reject the other's.
const char* no_caret(const Compiler& compiler);

// One translation unit for these questions, in their order. Each question comes after its own headers. #line directives
// name the header ("vgpukit-header-0") or question ("vgpukit-question-0") that a line belongs to. With several
// questions the function vgpukit_probe of a snippet gets a number, which read_answers removes again. `prelude`: the
// headers that every driver includes come first, for headers that need them (linux/mdev.h of 5.10 uses ssize_t and
// includes nothing).
std::string translation_unit(const std::vector<Question>& questions, bool prelude = false);

// What the compiler's output means for each of these questions, in their order. An Error: the headers exist but do not
// compile.
struct UnitAnswers {
  std::vector<Result<Answer>> answers;
  // Questions with an error that may have caused errors in those that follow: ask each alone, and those that follow
  // again.
  std::set<std::size_t> unreliable;
  // Questions that use a name that an earlier error may have declared: ask them again.
  std::set<std::size_t> affected;
};
UnitAnswers read_answers(const std::vector<Question>& questions, bool compiled, std::string_view output);

// Asks all questions with as few compiler runs as is safe, in parallel. Error: when the compiler cannot be run.
Result<std::vector<std::pair<Question, Result<Answer>>>> ask_compiler(const Kernel& kernel, const ProbeBuild& probe,
                                                                      const std::vector<Question>& questions);

}  // namespace vgpukit::kernel
