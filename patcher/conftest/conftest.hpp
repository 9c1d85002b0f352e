// Answers the driver's conftest before make would: the same tests of the same conftest.sh, with a fraction of the
// compiler runs.
//
// make starts a shell and a compiler for each of some 380 tests. Here Kbuild is asked once for the command, the flags
// and the lists of tests; conftest.sh runs with a compiler of ours that keeps what it is to compile; snippets that see
// the same headers are compiled together; and conftest.sh runs again, now with the answers, and writes what it always
// writes. make then finds conftest/ done.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "conftest/conftest_ask.hpp"
#include "conftest/conftest_cache.hpp"
#include "kernel/facts.hpp"
#include "support/process.hpp"
#include "support/result.hpp"

namespace vgpukit::conftest {

struct ConftestRequest {
  std::filesystem::path tree;        // the patched tree, below host.work(); conftest/ is made in it
  std::vector<std::string> modules;  // what will be built; empty: all
  bool has_objects = false;          // of an earlier build in the same folder, and conftest/ too
  unsigned jobs = 1;
  // How many of how many tests have an answer, and which one is next. May be empty.
  std::function<void(unsigned done, unsigned total, const std::string& current)> on_progress;
};

struct ConftestRun {
  bool answered = false;   // conftest/ is complete; otherwise make makes what is not there
  unsigned tests = 0;      // of compile-tests and headers
  unsigned compiled = 0;   // snippets that a compiler was asked about
  unsigned cached = 0;     // snippets (or, where nothing has changed, tests) whose answer was known
  unsigned compilers = 0;  // compiler runs
  double seconds = 0;
  double cpu_seconds = 0;
  std::vector<ConftestCheck> checks;  // for the audit
  CompileCommands compile;            // of the C files of request.modules; none where Kbuild did not have to be asked
};

// `make`: the command that will build the modules of request.tree. Leaves the tree as it was, but for conftest/.
// Whatever is not understood is left to make, test by test or altogether. Error: "interrupted".
Result<ConftestRun> answer_conftest(kernel::Facts& facts, const ConftestRequest& request, const Command& make);

}  // namespace vgpukit::conftest
