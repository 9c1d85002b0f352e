// A YAML document: an immutable tree whose nodes know their line and column in the file.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vgpukit {

class YamlNode {
 public:
  enum class Kind : unsigned char { absent, null, scalar, sequence, map };
  struct Data {
    Kind kind = Kind::absent;
    int line = 0, column = 0;    // from 1; 0: unknown
    std::string text;            // of a scalar
    std::vector<Data> children;  // a sequence's items; a map's keys and values, in turn
  };

  YamlNode() = default;  // absent: the value of a key that a map does not have
  explicit YamlNode(Data root) : YamlNode(std::make_shared<const Data>(std::move(root))) {}

  [[nodiscard]] explicit operator bool() const { return data_ != nullptr; }
  [[nodiscard]] Kind kind() const { return data_ ? data_->kind : Kind::absent; }
  [[nodiscard]] bool is_null() const { return kind() == Kind::null; }
  [[nodiscard]] bool is_scalar() const { return kind() == Kind::scalar; }
  [[nodiscard]] bool is_sequence() const { return kind() == Kind::sequence; }
  [[nodiscard]] bool is_map() const { return kind() == Kind::map; }
  // Each gives an empty result for a node of another kind.
  [[nodiscard]] const std::string& scalar() const;
  [[nodiscard]] YamlNode operator[](std::string_view key) const;             // the value of a key of a map
  [[nodiscard]] std::vector<YamlNode> items() const;                         // of a sequence
  [[nodiscard]] std::vector<std::pair<YamlNode, YamlNode>> entries() const;  // of a map, in the file's order
  [[nodiscard]] std::size_t size() const;                                    // of items() or entries()
  [[nodiscard]] int line() const { return data_ ? data_->line : 0; }
  [[nodiscard]] int column() const { return data_ ? data_->column : 0; }

 private:
  explicit YamlNode(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  [[nodiscard]] YamlNode child(std::size_t i) const {
    return YamlNode(std::shared_ptr<const Data>(data_, &data_->children[i]));
  }

  std::shared_ptr<const Data> data_;  // shares the ownership of the whole document
};

}  // namespace vgpukit
