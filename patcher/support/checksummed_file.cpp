#include "support/checksummed_file.hpp"

#include "support/atomic_file.hpp"
#include "support/hash.hpp"
#include "support/sandbox.hpp"

namespace vgpukit {

std::optional<std::string> read_checksummed(const fs::path& file) {
  auto text = read_file(file);
  if (!text) return std::nullopt;
  const auto newline = text->find('\n');
  if (newline == std::string::npos || hash_of(std::string_view(*text).substr(newline + 1)) != text->substr(0, newline))
    return std::nullopt;
  return text->substr(newline + 1);
}

void write_checksummed(const fs::path& file, std::string_view body) {
  const AsSelf files;
  static_cast<void>(static_cast<bool>(write_file(file, hash_of(body) + "\n" + std::string(body))));
}

}  // namespace vgpukit
