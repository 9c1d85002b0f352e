// Finds wrong answers of conftest. conftest.sh takes every compile error for the same answer, whatever its cause.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conftest/conftest_cache.hpp"
#include "diagnostics/diagnostics.hpp"
#include "kernel/facts.hpp"

namespace vgpukit::conftest {

// Why a snippet did not compile, as far as the compiler's messages tell (gcc 10 to 16, clang).
enum class ConftestFailure {
  expected,  // the error that the test looks for: wrong arguments for a function; for other tests a missing name,
             // member or header
  header,    // a header does not compile
  form,      // the flags reject the form of the test (no return statement under -Werror); this says nothing about the
             // kernel
  other,     // for a function: any other error (an implicit declaration that is an error, a missing header)
};
struct ConftestFinding {
  ConftestFailure failure = ConftestFailure::expected;
  kernel::CompileError error;  // the error that decided; not set for `expected`
};
ConftestFinding classify_failure(const ConftestCheck& check);

// The function that a functions test calls; empty if it calls none.
std::string called_function(std::string_view code);
// The headers that the snippet includes.
std::vector<std::string> headers_of(std::string_view code);

// One warning for each test with a wrong answer, and one for each header that causes wrong answers. There is no warning
// for a function test if the kernel's headers declare the function.
std::vector<diagnostics::Diagnostic> audit_conftest(kernel::Facts& facts, const std::vector<ConftestCheck>& checks);

}  // namespace vgpukit::conftest
