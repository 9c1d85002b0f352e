// Runs the driver's own conftest.sh with a compiler that stores the questions and knows the answers
// (kbuild/conftest-answer.sh).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conftest/conftest_ask.hpp"
#include "conftest/conftest_snippet.hpp"
#include "kernel/kernel.hpp"

namespace vgpukit::conftest {

struct ScriptTest {
  std::string name;
  bool header = false;
  std::string answers;  // in the order of the questions: '1' compiles, '0' does not; for a header '1' is found
};

struct ScriptQuestion {
  ConftestSnippet snippet;
  std::string define;  // what the answer defines; empty if conftest.sh did not use compile_check_conftest
};

struct ScriptResult {
  bool done = false;  // the test ran to its end
  std::string text;   // what it printed: valid if it is done and has no questions
  // The first question, and those that follow if the answer to it and to each next one is "no".
  std::vector<ScriptQuestion> questions;
};

struct ScriptResults {
  std::vector<ScriptResult> tests;  // in the order of the tests
  std::string preamble;
  double cpu_seconds = 0;
};

// `folder`: in the tree; files are written to it. `jobs`: how many shells run. Error: interrupted, or /bin/sh cannot be
// run.
Result<ScriptResults> run_conftest_script(const kernel::Kernel& kernel, const KbuildAnswer& ask,
                                          const std::filesystem::path& tree, const std::filesystem::path& folder,
                                          const std::vector<ScriptTest>& tests, unsigned jobs);

// The headers that test_headers() of a conftest.sh asks for, in its order: drivers up to 515.43 have the list there and
// not in Kbuild. Empty if there is no such function, or if it does anything else.
std::vector<std::string> headers_of_script(std::string_view script);

}  // namespace vgpukit::conftest
