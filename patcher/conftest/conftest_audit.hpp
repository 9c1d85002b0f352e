// Whether conftest told the truth: a test that failed to compile says what it says whatever the reason was.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conftest/conftest_cache.hpp"
#include "diagnostics/diagnostics.hpp"
#include "kernel/facts.hpp"

namespace vgpukit::conftest {

// What made a snippet fail, as far as the compiler's words (gcc 10 to 16, clang) tell.
enum class ConftestFailure {
  expected,  // what the test wanted to see: wrong arguments for a function; for others a name, a member or a header
             // that is not there
  header,    // a header does not compile
  form,  // the compiler minds how the test is written (no return statement under -Werror), which says nothing about the
         // kernel
  other,  // for a function: anything else (an implicit declaration that is an error, a header that is not there)
};
struct ConftestFinding {
  ConftestFailure failure = ConftestFailure::expected;
  kernel::CompileError error;  // that decided; not for honest ones
};
ConftestFinding classify_failure(const ConftestCheck& check);

// The function that a functions test calls, and the headers that the snippet includes.
std::string called_function(std::string_view code);
std::vector<std::string> headers_of(std::string_view code);

// One warning for each test that lies, and one for each header that makes tests lie. A function test is not accused
// where the kernel's own headers declare the function, however the test found it.
std::vector<diagnostics::Diagnostic> audit_conftest(kernel::Facts& facts, const std::vector<ConftestCheck>& checks);

}  // namespace vgpukit::conftest
