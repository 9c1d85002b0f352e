#include "diagnostics/build_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/scratch.hpp"

namespace vgpukit::diagnostics {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(ReadBuildLog, RejectsFilesThatAreNotLogs) {
  const Scratch scratch;
  const auto why = [](const Result<BuildLog>& result) { return result ? "" : result.error().message(); };
  EXPECT_THAT(why(read_build_log(scratch.path() / "absent.log", {})), HasSubstr("absent.log"));
  EXPECT_THAT(why(read_build_log(scratch.path(), {})), HasSubstr("it is a folder"));
  for (const std::string text : {"", "hello\n", "a shopping list\n- milk\n"}) {
    const auto result = read_build_log(scratch.write("x.log", text), {});
    EXPECT_THAT(why(result), HasSubstr("no output of make or a compiler")) << text;
    if (!result) {
      EXPECT_EQ(result.error().kind, ErrorKind::usage);
    }
  }
  EXPECT_FALSE(read_build_log(scratch.write("binary", std::string("make: \0 x\n", 10)), {}));
  const auto green =
      read_build_log(scratch.write("green.log", "make: Entering directory '/x'\n  CC [M]  nvidia/nv.o\n"), {"6.1"});
  ASSERT_TRUE(green);
  EXPECT_THAT(green->errors, IsEmpty());
  EXPECT_THAT(green->release, IsEmpty());
}

TEST(ReadBuildLog, PathsOfDkmsBecomeRelative) {
  const Scratch scratch;
  const auto log = read_build_log(
      scratch.write(
          "make.log",
          "DKMS make.log for nvidia-535.261.03 for kernel 6.1.0-56-amd64 (x86_64)\n"
          "make[1]: Entering directory '/usr/src/linux-headers-6.1.0-56-amd64'\n"
          "  CC [M]  /var/lib/dkms/nvidia/535.261.03/build/nvidia/nv.o\n"
          "/var/lib/dkms/nvidia/535.261.03/build/nvidia/nv.c:5:3: error: 'x_y' undeclared here (not in a function)\n"),
      {"6.1.0-5", "6.1.0-56-amd64"});
  ASSERT_TRUE(log);
  EXPECT_EQ(log->release, "6.1.0-56-amd64");
  ASSERT_THAT(log->errors, SizeIs(1));
  EXPECT_EQ(log->errors[0].file, "nvidia/nv.c");
}

}  // namespace
}  // namespace vgpukit::diagnostics
