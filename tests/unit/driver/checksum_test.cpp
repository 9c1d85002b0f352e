#include "driver/checksum.hpp"

#include <gtest/gtest.h>

namespace vgpukit::driver {
namespace {

std::string crc_of(std::string_view text) {
  PosixCrc crc;
  crc.add(text);
  return std::to_string(crc.value());
}

std::string md5_of(std::string_view text) {
  Md5 md5;
  md5.add(text);
  return md5.hex();
}

// The output of `printf ... | cksum`.
TEST(Checksum, CrcIsThatOfCksum) {
  EXPECT_EQ(crc_of(""), "4294967295");
  EXPECT_EQ(crc_of("a"), "1220704766");
  EXPECT_EQ(crc_of("123456789"), "930766865");
  EXPECT_EQ(crc_of("The quick brown fox jumps over the lazy dog\n"), "2382472371");
}

// The test suite of RFC 1321.
TEST(Checksum, Md5IsThatOfTheRfc) {
  EXPECT_EQ(md5_of(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5_of("a"), "0cc175b9c0f1b6a831c399e269772661");
  EXPECT_EQ(md5_of("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(md5_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
            "d174ab98d277d9f5a5611c2c9f419d9f");
  EXPECT_EQ(md5_of("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
            "57edf4a22be3c955ac49da2e2107b67a");
}

TEST(Checksum, PartsMakeTheSameSumAsTheWhole) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += static_cast<char>(i * 37 % 251);
  for (std::size_t part = 1; part < 150; ++part) {
    PosixCrc crc;
    Md5 md5;
    for (std::size_t at = 0; at < text.size(); at += part) {
      crc.add(std::string_view(text).substr(at, part));
      md5.add(std::string_view(text).substr(at, part));
    }
    ASSERT_EQ(std::to_string(crc.value()), crc_of(text)) << part;
    ASSERT_EQ(md5.hex(), md5_of(text)) << part;
  }
}

// The padding of MD5, for each length around a block's end.
TEST(Checksum, Md5HasTheRightLengthAtEveryEdge) {
  EXPECT_EQ(md5_of(std::string(55, 'x')), "04364420e25c512fd958a70738aa8f72");
  EXPECT_EQ(md5_of(std::string(56, 'x')), "668a72d5ba17f08e62dabcafad6db14b");
  EXPECT_EQ(md5_of(std::string(63, 'x')), "7dc2ca208106a2f703567bdff99d8981");
  EXPECT_EQ(md5_of(std::string(64, 'x')), "c1bb4f81d892b2d57947682aeb252456");
  EXPECT_EQ(md5_of(std::string(65, 'x')), "1bc932052302d074bdec39795fe00cf6");
}

}  // namespace
}  // namespace vgpukit::driver
