// Asks Kbuild how it would call conftest.sh and which tests it wants.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernel/kernel.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

namespace vgpukit::conftest {

// How Kbuild compiles C files of the driver.
struct CompileCommands {
  std::map<std::string, std::vector<std::string>>
      words;              // by the file's path in the tree: without -c -o OBJECT, the file last
  std::string directory;  // run there, as seen from inside the root
  std::map<std::string, std::string> environment;
};

struct KbuildAnswer {
  std::vector<std::string> compiler;               // the words of CC
  std::string arch, sources, output;               // conftest.sh's own arguments
  std::vector<std::string> flags;                  // as the shell would split NV_CONFTEST_CFLAGS
  std::map<std::string, std::string> environment;  // what make exports to a recipe
  std::map<std::string, std::vector<std::string>>
      lists;                // functions, generic, macros, symbols, types, headers: without repetition
  CompileCommands compile;  // none where make is too old to tell
  double cpu_seconds = 0;
};

// `make`: the command that builds the modules; `fingerprint`: of the kernel's headers; `sources`: C files in the tree,
// to ask how they are compiled; `folder`: an empty folder in the tree. Runs it up to where the tests would begin, with
// the sanity checks and conftest/{uts_release,patches.h}. Nothing where Kbuild gave no answer that could be understood
// (a sanity check failed, a makefile of another kind): then make says it better. Error: "interrupted".
Result<std::optional<KbuildAnswer>> ask_kbuild(const kernel::Kernel& kernel, const std::string& fingerprint,
                                               const Command& make, const std::vector<std::string>& sources,
                                               const std::filesystem::path& folder);

// The parts of it that need no make. For tests.
std::optional<KbuildAnswer> read_ask(std::string_view command, std::string_view environment, std::string_view lists);

}  // namespace vgpukit::conftest
