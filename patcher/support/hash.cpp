#include "support/hash.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "support/atomic_file.hpp"

namespace vgpukit {

struct Hasher::State {
  State() : xxh(XXH3_createState()) { XXH3_128bits_reset(xxh); }
  ~State() { XXH3_freeState(xxh); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void length(std::uint64_t bytes) { XXH3_128bits_update(xxh, &bytes, sizeof bytes); }

  XXH3_state_t* xxh;
};

Hasher::Hasher() : state_(std::make_unique<State>()) {}
Hasher::~Hasher() = default;

Hasher& Hasher::add(std::string_view bytes) {
  state_->length(bytes.size());
  XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
  return *this;
}

Status Hasher::add_file(const std::filesystem::path& path) {
  const auto refuse = [&](int error) {
    return Error{ErrorKind::usage, "read " + path.string(), std::strerror(error), ""};
  };
  TRY_ASSIGN(const auto file, open_to_read(path));
  std::array<char, 64 * 1024> buffer;  // not initialized, because most files are much shorter
  std::uint64_t total = 0;
  for (;;) {
    const auto got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse(errno);
    if (got == 0) break;
    XXH3_128bits_update(state_->xxh, buffer.data(), static_cast<std::size_t>(got));
    total += static_cast<std::uint64_t>(got);
  }
  // After the bytes: only now is the length certain.
  state_->length(total);
  return {};
}

std::string Hasher::hex() const {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_->xxh));
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : canonical.digest) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::string hash_of(std::string_view bytes) {
  return Hasher().add(bytes).hex();
}

}  // namespace vgpukit
