#include "driver/build_date.hpp"

#include <gtest/gtest.h>

#include "support/scratch.hpp"

namespace vgpukit::driver {
namespace {

class BuildDates : public testing::Test {
 protected:
  // The date of a driver whose binary object has this content.
  BuildDate date_of(const std::string& content) {
    scratch.write("nvidia/nv-kernel.o_binary", content);
    scratch.write("nvidia-modeset/nv-modeset-kernel.o_binary", "");
    Driver driver;
    driver.sources = scratch.path();
    driver.binary_objects = {"nvidia-modeset/nv-modeset-kernel.o_binary", "nvidia/nv-kernel.o_binary"};
    return build_date(driver);
  }
  const std::string id = "NVIDIA UNIX x86_64 Kernel Module  535.261.03  Sat Jun 14 16:05:50 UTC 2025";
  Scratch scratch;
};

TEST_F(BuildDates, IsInTheIdentificationOfTheBinaryObject) {
  const auto built = date_of(std::string("\x7f"
                                         "ELF\0\0",
                                         6) +
                             "nvidia id: " + id + std::string("\0rest", 5));
  EXPECT_EQ(built.date, "2025-06-14");
  EXPECT_EQ(built.from, "nvidia/nv-kernel.o_binary");
}

TEST_F(BuildDates, IsFoundWhereverABlockEnds) {
  for (const std::size_t before : {65536U - 130, 65536U - 70, 65536U - 40, 65536U - 1, 65536U, 3 * 65536U - 60})
    EXPECT_EQ(date_of(std::string(before, 'x') + id + std::string(1, '\0')).date, "2025-06-14") << before;
  EXPECT_EQ(date_of(std::string(65536, 'x') + id).date, "2025-06-14") << "at the end of the file";
}

TEST_F(BuildDates, AnotherFormGivesNone) {
  EXPECT_EQ(date_of("NVIDIA UNIX x86_64 Kernel Module  535.261.03  yesterday").date, "");
  EXPECT_EQ(date_of("NVIDIA UNIX x86_64 Kernel Module  535.261.03  Sat Jun 14 16:05:50 UTC 99").date, "");
  EXPECT_EQ(date_of("").date, "");
  EXPECT_EQ(date_of("NVIDIA UNIX x86_64 Kernel Module  %s  %s" + std::string(200, 'x') + id).date, "2025-06-14")
      << "a format string comes first";
}

TEST_F(BuildDates, AnOpenDriverHasNone) {
  EXPECT_EQ(build_date(Driver()).date, "");
}

}  // namespace
}  // namespace vgpukit::driver
