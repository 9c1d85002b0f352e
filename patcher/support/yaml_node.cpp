#include "support/yaml_node.hpp"

#include <array>
#include <cstdint>
#include <cstring>

namespace vgpukit {

namespace {

void put(std::string& bytes, std::uint32_t number) {
  std::array<char, sizeof number> raw;
  std::memcpy(raw.data(), &number, sizeof number);
  bytes.append(raw.data(), raw.size());
}

void put(std::string& bytes, const YamlNode::Data& node) {
  bytes += static_cast<char>(node.kind);
  put(bytes, static_cast<std::uint32_t>(node.line));
  put(bytes, static_cast<std::uint32_t>(node.column));
  put(bytes, static_cast<std::uint32_t>(node.text.size()));
  bytes += node.text;
  put(bytes, static_cast<std::uint32_t>(node.children.size()));
  for (const auto& child : node.children) put(bytes, child);
}

// What is left of the bytes; each method takes from the front, or answers no.
class Bytes {
 public:
  explicit Bytes(std::string_view rest) : rest_(rest) {}

  bool number(std::uint32_t& into) {
    std::string_view raw;
    if (!take(sizeof into, raw)) return false;
    std::memcpy(&into, raw.data(), sizeof into);
    return true;
  }

  bool node(YamlNode::Data& into, int depth) {
    constexpr int deepest = 1000;  // yaml-cpp gives up long before
    std::string_view kind, text;
    std::uint32_t line = 0, column = 0, length = 0, count = 0;
    if (depth > deepest || !take(1, kind) || !number(line) || !number(column) || !number(length) ||
        !take(length, text) || !number(count) || count > rest_.size() ||
        static_cast<unsigned char>(kind[0]) > static_cast<unsigned char>(YamlNode::Kind::map))
      return false;
    into.kind = static_cast<YamlNode::Kind>(kind[0]);
    into.line = static_cast<int>(line);
    into.column = static_cast<int>(column);
    into.text = text;
    into.children.resize(count);
    for (auto& child : into.children)
      if (!node(child, depth + 1)) return false;
    return into.kind != YamlNode::Kind::map || count % 2 == 0;
  }

  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  bool take(std::size_t length, std::string_view& into) {
    if (length > rest_.size()) return false;
    into = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
  }

  std::string_view rest_;
};

}  // namespace

const std::string& YamlNode::scalar() const {
  static const std::string none;
  return is_scalar() ? data_->text : none;
}

YamlNode YamlNode::operator[](std::string_view key) const {
  if (is_map())
    for (std::size_t i = 0; i < data_->children.size(); i += 2)
      if (data_->children[i].kind == Kind::scalar && data_->children[i].text == key) return child(i + 1);
  return {};
}

std::vector<YamlNode> YamlNode::items() const {
  std::vector<YamlNode> all;
  if (is_sequence())
    for (std::size_t i = 0; i < data_->children.size(); ++i) all.push_back(child(i));
  return all;
}

std::vector<std::pair<YamlNode, YamlNode>> YamlNode::entries() const {
  std::vector<std::pair<YamlNode, YamlNode>> all;
  if (is_map())
    for (std::size_t i = 0; i < data_->children.size(); i += 2) all.emplace_back(child(i), child(i + 1));
  return all;
}

std::size_t YamlNode::size() const {
  return is_sequence() ? data_->children.size() : is_map() ? data_->children.size() / 2 : 0;
}

std::string YamlNode::to_bytes() const {
  std::string bytes;
  if (data_) put(bytes, *data_);
  return bytes;
}

std::optional<YamlNode> YamlNode::from_bytes(std::string_view bytes) {
  Bytes from(bytes);
  Data root;
  if (!from.node(root, 0) || !from.empty()) return std::nullopt;
  return YamlNode(std::move(root));
}

}  // namespace vgpukit
