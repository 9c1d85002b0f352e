// A result as JUnit XML for CI servers.
#pragma once

#include "matrix/matrix_result.hpp"

namespace vgpukit::matrix {

// A test suite for each driver, with a test for each kernel.
std::string junit_of(const MatrixResult& result);

}  // namespace vgpukit::matrix
