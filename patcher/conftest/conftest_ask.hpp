// Asks Kbuild how it calls conftest.sh and which tests it wants.
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
  // By the file's path in the tree: the command without "-c -o OBJECT". The file is the last word.
  std::map<std::string, std::vector<std::string>> words;
  std::string directory;  // the working directory, as seen from inside the root
  std::map<std::string, std::string> environment;
};

struct KbuildAnswer {
  std::vector<std::string> compiler;               // the words of CC
  std::string arch, sources, output;               // conftest.sh's own arguments
  std::vector<std::string> flags;                  // NV_CONFTEST_CFLAGS, split as the shell does
  std::map<std::string, std::string> environment;  // what make exports to a recipe
  // functions, generic, macros, symbols, types, headers: the names of the tests, each once.
  std::map<std::string, std::vector<std::string>> lists;
  CompileCommands compile;  // empty if make is too old for $(file)
  double cpu_seconds = 0;
};

// `make`: the command that builds the modules. `fingerprint`: of the kernel's headers. `sources`: C files in the tree
// whose compile commands are wanted. `folder`: an empty folder in the tree. Runs make up to the tests: the sanity
// checks and conftest/{uts_release,patches.h} are done. Returns nothing if Kbuild's answer cannot be understood (a
// sanity check failed, another kind of makefile): make then reports the reason. Error: interrupted.
Result<std::optional<KbuildAnswer>> ask_kbuild(const kernel::Kernel& kernel, const std::string& fingerprint,
                                               const Command& make, const std::vector<std::string>& sources,
                                               const std::filesystem::path& folder);

// Parses what kbuild/conftest-ask.mk wrote. For tests.
std::optional<KbuildAnswer> read_ask(std::string_view command, std::string_view environment, std::string_view lists);

}  // namespace vgpukit::conftest
