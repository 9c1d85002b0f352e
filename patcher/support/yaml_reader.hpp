// Reads YAML. Every error has file, line and column, and what was expected there.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"
#include "support/yaml_node.hpp"

namespace vgpukit {

class YamlReader {
 public:
  explicit YamlReader(std::string file) : file_(std::move(file)) {}

  // The document's root node. Error: usage when it is not YAML, has more than one document, or is empty.
  Result<YamlNode> parse(const std::string& text) const;
  // The same, but an empty file, or one with comments only, is no error.
  Result<std::optional<YamlNode>> parse_or_empty(const std::string& text) const;

  [[nodiscard]] SourcePos at(const YamlNode& node) const;
  // "EXPECTED expected, found KIND OF NODE" at the node.
  [[nodiscard]] Error expected(const YamlNode& node, std::string_view expected) const;
  [[nodiscard]] Error wrong(const YamlNode& node, std::string why, std::string next = "") const;

  // Checks that the node is a map, that each key is in `known` and occurs once, and that those of `required` occur. The
  // error for an unknown key names the nearest known one.
  Status check_keys(const YamlNode& map, std::string_view what, const std::vector<std::string_view>& known,
                    const std::vector<std::string_view>& required) const;
  Result<std::string> text(const YamlNode& node, std::string_view what) const;  // a scalar that is not empty
  Result<bool> flag(const YamlNode& node, std::string_view what) const;         // true or false
  // A scalar that is not empty, or a list of them.
  Result<std::vector<std::string>> texts(const YamlNode& node, std::string_view what) const;
  // A map, or a list of maps.
  Result<std::vector<YamlNode>> items(const YamlNode& node, std::string_view what) const;

 private:
  std::string file_;
};

// The word of `known` that is nearest to `word`; empty when none is near (Levenshtein distance at most 2, or a third of
// its length).
std::string nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace vgpukit
