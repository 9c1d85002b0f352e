#include "support/yaml_cache.hpp"

#include "support/checksummed_file.hpp"
#include "support/hash.hpp"

namespace vgpukit {

namespace {

// Changes with the form of what is kept.
constexpr std::string_view generation = "vgpukit yaml 1\n";
constexpr std::size_t key_length = 32;
constexpr std::size_t most_bytes = 16 << 20;  // 300 recipes take less than one MB

// An entry: the key, the length in eight hexadecimal digits, the bytes.
std::string length_text(std::size_t length) {
  std::string digits(8, '0');
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, length /= 16)
    *digit = "0123456789abcdef"[length % 16];
  return digits;
}

}  // namespace

YamlCache::YamlCache(std::filesystem::path file) : file_(std::move(file)) {
  auto body = file_.empty() ? std::nullopt : read_checksummed(file_);
  if (!body || !body->starts_with(generation)) return;
  body_ = std::move(*body);
  std::string_view rest = std::string_view(body_).substr(generation.size());
  while (rest.size() >= key_length + 8) {
    const auto length =
        std::stoul(std::string(rest.substr(key_length, 8)), nullptr, 16);  // sealed: it is what we wrote
    const auto bytes = rest.substr(key_length + 8, length);
    cached_.emplace(rest.substr(0, key_length), bytes);
    rest.remove_prefix(key_length + 8 + bytes.size());
  }
}

YamlCache::~YamlCache() = default;

std::optional<YamlNode> YamlCache::find(std::string_view text) const {
  if (cached_.empty()) return std::nullopt;
  const auto found = cached_.find(hash_of(text));
  return found == cached_.end() ? std::nullopt : YamlNode::from_bytes(found->second);
}

void YamlCache::add(std::string_view text, const YamlNode& document) {
  if (file_.empty()) return;
  auto key = hash_of(text);
  auto bytes = document.to_bytes();
  const std::lock_guard lock(mutex_);
  added_.insert_or_assign(std::move(key), std::move(bytes));
}

void YamlCache::save() {
  const std::lock_guard lock(mutex_);
  if (added_.empty()) return;
  std::string body(generation);
  const auto entry = [&](const std::string& key, std::string_view bytes) {
    body += key + length_text(bytes.size()) + std::string(bytes);
  };
  for (const auto& [key, bytes] : added_) entry(key, bytes);
  for (const auto& [key, bytes] : cached_)
    if (!added_.contains(key) && body.size() + bytes.size() < most_bytes) entry(key, bytes);
  write_checksummed(file_, body);
}

}  // namespace vgpukit
