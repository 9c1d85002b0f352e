// The two checksums of an installer's header: the CRC of POSIX cksum, and MD5 (RFC 1321). They detect a damaged
// download. They do not show who made the file.
//
// MD5 is written out here because no library that vgpukit links has it in its public interface.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace vgpukit::driver {

// The first number that `cksum` prints: CRC-32 with the polynomial 0x04c11db7, most significant bit first, over the
// bytes and then over their number (POSIX.1-2017, cksum). Sixteen tables process sixteen bytes at a time (Kounavis and
// Berry, "slicing by N").
class PosixCrc {
 public:
  void add(std::string_view bytes);
  [[nodiscard]] std::uint32_t value() const;

 private:
  std::uint32_t crc_ = 0;
  std::uint64_t bytes_ = 0;
};

class Md5 {
 public:
  void add(std::string_view bytes);
  [[nodiscard]] std::string hex() const;  // 32 characters

 private:
  void block(const unsigned char* data);
  std::array<std::uint32_t, 4> state_ = {0x67452301U, 0xefcdab89U, 0x98badcfeU, 0x10325476U};
  std::array<unsigned char, 64> waiting_ = {};  // less than one block
  std::uint64_t bytes_ = 0;
};

}  // namespace vgpukit::driver
