// Answers the driver's conftest tests before make runs: the same tests of the same conftest.sh, with far fewer compiler
// runs. This folder also audits the answers (conftest_audit). It may use support, kernel, transform, driver and
// diagnostics.
//
// make starts a shell and a compiler for each of about 380 tests. vgpukit does this instead:
// 1. Kbuild says once how it calls conftest.sh, with which flags, and which tests it wants (conftest_ask).
// 2. conftest.sh runs with a shell function as its compiler, which stores the snippets (conftest_script).
// 3. Snippets that include the same headers are compiled together (conftest_snippet, conftest_units, conftest_compile).
// 4. conftest.sh runs again with the answers, and writes what it always writes. make then finds conftest/ complete.
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
  std::filesystem::path tree;        // the patched tree, below host.work(); conftest/ is created in it
  std::vector<std::string> modules;  // what will be built; empty: all
  bool has_objects = false;          // the tree has objects and a conftest/ of an earlier build
  unsigned jobs = 1;
  // The number of answered tests, the number of tests, and the next test. May be empty.
  std::function<void(unsigned done, unsigned total, const std::string& current)> on_progress;
};

struct ConftestRun {
  bool answered = false;   // conftest/ is complete; otherwise make generates what is missing
  std::string given_up;    // why make has to run all tests; empty if there are none, or some were answered
  unsigned tests = 0;      // compile tests and header tests
  unsigned compiled = 0;   // snippets that were compiled
  unsigned cached = 0;     // snippets whose answer was cached; tests, if all answers of the build were cached
  unsigned compilers = 0;  // compiler runs
  double seconds = 0;
  double cpu_seconds = 0;
  std::vector<ConftestCheck> checks;  // for the audit
  CompileCommands compile;            // for the C files of request.modules; empty if Kbuild was not asked
};

// `make`: the command that will build the modules of request.tree. Changes nothing in the tree but conftest/. What is
// not understood is left to make: one test or all of them. Error: interrupted.
Result<ConftestRun> answer_conftest(kernel::Facts& facts, const ConftestRequest& request, const Command& make);

}  // namespace vgpukit::conftest
