// Runs the driver's own conftest.sh with a compiler that keeps the questions and knows the answers
// (kbuild/conftest-answer.sh).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "conftest/conftest_ask.hpp"
#include "conftest/conftest_units.hpp"
#include "kernel/kernel.hpp"

namespace vgpukit::conftest {

struct ScriptTest {
  std::string name;
  bool header = false;
  std::string answers;  // '1' compiles, '0' does not, in the order of the questions; for a header '1' is there
};

struct ScriptQuestion {
  ConftestSnippet snippet;
  std::string define;  // what the answer defines; empty where conftest.sh asked in a way of its own
};

struct ScriptResult {
  bool done = false;  // the test came to its end
  std::string text;   // what it printed: of worth when it is done and there are no questions
  std::vector<ScriptQuestion>
      questions;  // the first one, and those that follow if its answer and each next one is "no"
};

struct ScriptResults {
  std::vector<ScriptResult> tests;  // in the order of the tests
  std::string preamble;
  double cpu_seconds = 0;
};

// `folder` is in the tree and is filled; jobs: how many shells share the tests. Error: "interrupted", or /bin/sh cannot
// be run.
Result<ScriptResults> run_conftest_script(const kernel::Kernel& kernel, const KbuildAnswer& ask,
                                          const std::filesystem::path& tree, const std::filesystem::path& folder,
                                          const std::vector<ScriptTest>& tests, unsigned jobs);

}  // namespace vgpukit::conftest
