#include "driver/published_sum.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::driver {
namespace published_sum_test {

using testing::HasSubstr;

// Of "abc" (FIPS 180-2, appendix B.1).
const std::string sum_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string other_sum(64, '0');

struct PublishedSum : testing::Test {
  PublishedSum() { EXPECT_TRUE(write_file(file, "abc")); }
  std::string message_for(const std::string& expected, ErrorKind kind) {
    const auto compared = compare_sha256(file, expected);
    if (compared) return "the same";
    EXPECT_EQ(compared.error().kind, kind);
    return compared.error().message();
  }
  test::TempFolder folder;
  std::filesystem::path file = folder / "NVIDIA.run";
  std::filesystem::path sums = folder / "SHA256SUMS";
};

TEST_F(PublishedSum, OfTheFileItself) {
  EXPECT_EQ(compare_sha256(file, sum_of_abc).value(), sum_of_abc);
  EXPECT_EQ(compare_sha256(file, "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD").value(),
            sum_of_abc);
}

TEST_F(PublishedSum, AnotherFileIsRefused) {
  const auto message = message_for(other_sum, ErrorKind::failed);
  EXPECT_THAT(message, HasSubstr("its SHA-256 is " + sum_of_abc + ", and " + other_sum + " was expected"));
  EXPECT_THAT(message, HasSubstr("do not install it"));
}

TEST_F(PublishedSum, IsFoundInASumsFile) {
  for (const auto& text : {other_sum + "  other.run\n" + sum_of_abc + "  NVIDIA.run\n",
                           sum_of_abc + " *./555.1/NVIDIA.run\r\n", "SHA256 (NVIDIA.run) = " + sum_of_abc + "\n",
                           "# a comment\n\n" + sum_of_abc + "\tNVIDIA.run", sum_of_abc + "\n"}) {
    ASSERT_TRUE(write_file(sums, text));
    EXPECT_TRUE(compare_sha256(file, sums)) << text;
  }
  ASSERT_TRUE(write_file(sums, other_sum + "  NVIDIA.run\n" + sum_of_abc + "  NVIDIA.run.old\n"));
  EXPECT_THAT(message_for(sums, ErrorKind::failed), HasSubstr("was expected"));
}

TEST_F(PublishedSum, WithoutASumNothingIsCompared) {
  EXPECT_THAT(message_for("abc", ErrorKind::usage), HasSubstr("'abc' is no SHA-256 (64 hexadecimal digits)"));
  for (const auto* text : {"", "SHA256 (", "abc  NVIDIA.run\n", "x\n"}) {
    ASSERT_TRUE(write_file(sums, text));
    EXPECT_THAT(message_for(sums, ErrorKind::usage), HasSubstr("has no SHA-256 for a file with the name NVIDIA.run"));
  }
  EXPECT_FALSE(compare_sha256(folder / "absent.run", sum_of_abc));
  EXPECT_FALSE(compare_sha256(folder.path(), sum_of_abc));
}

}  // namespace published_sum_test
}  // namespace vgpukit::driver
