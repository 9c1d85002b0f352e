#include "build/preprocessor_lines.hpp"

#include <gtest/gtest.h>

namespace vgpukit::build {
namespace {

TEST(MayBeIncludedTwice, AsTheTextSays) {
  EXPECT_TRUE(may_be_included_twice("#pragma once\nint x;\n"));
  EXPECT_TRUE(may_be_included_twice("#if !defined(A)\n#define A\nint x;\n#if 1\n#else\n#endif\n#endif\n"));
  EXPECT_TRUE(may_be_included_twice("#define LINUX_VERSION_CODE 1\n#define KERNEL_VERSION(a,b,c) 2\n"));
  EXPECT_FALSE(may_be_included_twice("int x;\n"));
  EXPECT_FALSE(may_be_included_twice("#ifndef A\n#define B\nint x;\n#endif\n"));
  EXPECT_FALSE(may_be_included_twice("#ifndef A\n#define A\nint x;\n"));
  EXPECT_FALSE(may_be_included_twice("#if !defined(A) && B\n#define A\nint x;\n#endif\n"));
  for (const char* bad : {"#", "#include", "#include \"", "\\", "'\\", "\""})
    EXPECT_FALSE(may_be_included_twice(bad)) << bad;
}

}  // namespace
}  // namespace vgpukit::build
