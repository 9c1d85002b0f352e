// Content hashes for cache keys (XXH3, 128 bits, from xxHash). Not cryptographic.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "support/result.hpp"

namespace vgpukit {

class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  Hasher& add(std::string_view bytes);                 // length-prefixed, so that ("ab","c") and ("a","bc") differ
  Status add_file(const std::filesystem::path& path);  // its bytes, in one pass
  [[nodiscard]] std::string hex() const;               // 32 characters

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hash_of(std::string_view bytes);

}  // namespace vgpukit
