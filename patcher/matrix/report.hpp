// A result for people and for CI servers.
#pragma once

#include <string>

#include "matrix/result.hpp"

namespace vgpukit {

// GitHub's Markdown: a table with drivers down and kernels across; then what is not green with its first cause, which recipes each
// cell needed, and how to reproduce a cell.
std::string markdown_of(const MatrixResult& result);

// JUnit's XML as CI servers read it: a suite for each driver, a test for each kernel.
std::string junit_of(const MatrixResult& result);

// "95 s", "12 min".
std::string seconds_in_words(double seconds);

}  // namespace vgpukit
