#include "vgpu/uuid.hpp"

#include <sys/random.h>

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "support/hash.hpp"

namespace vgpukit::vgpu {

namespace {

constexpr bool is_dash(std::size_t at) {
  return at == 8 || at == 13 || at == 18 || at == 23;
}

// 32 hexadecimal digits as a UUID of a version.
std::string with_version(const std::string& hex, char version) {
  constexpr std::string_view variants = "89ab";
  std::string text;
  for (const char digit : hex) {
    if (is_dash(text.size())) text += '-';
    text += digit;
  }
  text[14] = version;
  text[19] = variants[static_cast<unsigned char>(text[19]) % 4];
  return text;
}

}  // namespace

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool fits = is_dash(i) ? text[i] == '-' : std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
    if (!fits) return false;
  }
  return true;
}

Result<std::string> parse_uuid(std::string_view text) {
  if (!is_uuid(text))
    return Error{ErrorKind::usage, "use '" + std::string(text) + "' as a UUID", "it is none",
                 "give one such as 0f2e3d4c-5b6a-4798-8a9b-0c1d2e3f4a5b, or none for a new one"};
  std::string small(text);
  for (char& digit : small) digit = static_cast<char>(std::tolower(static_cast<unsigned char>(digit)));
  return small;
}

Result<std::string> new_uuid() {
  unsigned char bytes[16];
  if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    return Error{ErrorKind::missing, "make a UUID", "getrandom: " + std::string(std::strerror(errno)),
                 "give one with --uuid"};
  std::string hex;
  for (const auto byte : bytes) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", byte);
    hex += two;
  }
  return with_version(hex, '4');
}

std::string derived_uuid(std::string_view name) {
  return with_version(hash_of(name), '8');
}

}  // namespace vgpukit::vgpu
