#include "driver/checksum.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace vgpukit::driver {

namespace {

constexpr std::size_t kSlices = 16;
using Table = std::array<std::uint32_t, 256>;

// tables[k][b]: the change of the CRC by the byte b if k more bytes follow it.
constexpr std::array<Table, kSlices> make_tables() {
  std::array<Table, kSlices> tables = {};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte << 24;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x80000000U) != 0 ? (crc << 1) ^ 0x04c11db7U : crc << 1;
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < kSlices; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte)
      tables[k][byte] = (tables[k - 1][byte] << 8) ^ tables[0][tables[k - 1][byte] >> 24];
  return tables;
}

constexpr auto kTables = make_tables();

inline std::uint32_t big_endian(const unsigned char* data) {
  return std::uint32_t{data[0]} << 24 | std::uint32_t{data[1]} << 16 | std::uint32_t{data[2]} << 8 | data[3];
}

inline std::uint32_t little_endian(const unsigned char* data) {
  return std::uint32_t{data[3]} << 24 | std::uint32_t{data[2]} << 16 | std::uint32_t{data[1]} << 8 | data[0];
}

// The change by four bytes if `k` more bytes of the step follow them.
inline std::uint32_t four(std::uint32_t word, std::size_t k) {
  return kTables[k + 3][word >> 24] ^ kTables[k + 2][(word >> 16) & 0xff] ^ kTables[k + 1][(word >> 8) & 0xff] ^
         kTables[k][word & 0xff];
}

inline std::uint32_t one(std::uint32_t crc, unsigned char byte) {
  return (crc << 8) ^ kTables[0][(crc >> 24) ^ byte];
}

// floor(2^32 * |sin(i + 1)|), from RFC 1321.
constexpr std::array<std::uint32_t, 64> kSines = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

}  // namespace

void PosixCrc::add(std::string_view bytes) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t size = bytes.size();
  bytes_ += size;
  std::uint32_t crc = crc_;
  for (; size >= kSlices; size -= kSlices, data += kSlices)
    crc = four(crc ^ big_endian(data), 12) ^ four(big_endian(data + 4), 8) ^ four(big_endian(data + 8), 4) ^
          four(big_endian(data + 12), 0);
  for (; size > 0; --size) crc = one(crc, *data++);
  crc_ = crc;
}

std::uint32_t PosixCrc::value() const {
  std::uint32_t crc = crc_;
  for (auto left = bytes_; left != 0; left >>= 8) crc = one(crc, static_cast<unsigned char>(left & 0xff));
  return ~crc;
}

void Md5::block(const unsigned char* data) {
  static constexpr int turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  std::array<std::uint32_t, 16> words;
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = little_endian(data + 4 * i);
  auto [a, b, c, d] = state_;
#pragma GCC unroll 64
  for (std::size_t i = 0; i < 64; ++i) {
    // In the second round the two terms share no bit, so + is |. The term without b can be added before b is known.
    const auto mixed = i < 16 ? d ^ (b & (c ^ d)) : i < 32 ? (d & b) + (c & ~d) : i < 48 ? b ^ c ^ d : c ^ (b | ~d);
    const auto word = i < 16 ? i : i < 32 ? 5 * i + 1 : i < 48 ? 3 * i + 5 : 7 * i;
    const auto turned = std::rotl(a + mixed + words[word % 16] + kSines[i], turns[i / 16][i % 4]);
    a = d;
    d = c;
    c = b;
    b += turned;
  }
  state_ = {state_[0] + a, state_[1] + b, state_[2] + c, state_[3] + d};
}

void Md5::add(std::string_view bytes) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t size = bytes.size();
  const auto have = static_cast<std::size_t>(bytes_ % waiting_.size());
  bytes_ += size;
  if (have > 0) {
    const auto take = std::min(size, waiting_.size() - have);
    std::copy_n(data, take, waiting_.begin() + static_cast<std::ptrdiff_t>(have));
    if (have + take < waiting_.size()) return;
    block(waiting_.data());
    data += take;
    size -= take;
  }
  for (; size >= waiting_.size(); size -= waiting_.size(), data += waiting_.size()) block(data);
  std::copy_n(data, size, waiting_.begin());
}

std::string Md5::hex() const {
  Md5 end = *this;
  std::string padding(1, '\x80');
  padding.resize(1 + (119 - bytes_ % 64) % 64, '\0');
  for (int i = 0; i < 8; ++i) padding += static_cast<char>((bytes_ * 8) >> (8 * i) & 0xff);
  end.add(padding);
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const auto word : end.state_)
    for (int i = 0; i < 4; ++i) {
      const auto byte = word >> (8 * i) & 0xff;
      text += digits[byte >> 4];
      text += digits[byte & 15];
    }
  return text;
}

}  // namespace vgpukit::driver
