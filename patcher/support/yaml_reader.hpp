// YAML with exact positions: every complaint says file, line, column and what was expected there.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"
#include "support/yaml_node.hpp"

namespace vgpukit {

class YamlCache;

class YamlReader {
 public:
  // `cache`: documents that it has are not scanned again, and those that it has not are added. It must outlive the
  // reader.
  explicit YamlReader(std::string file, YamlCache* cache = nullptr) : file_(std::move(file)), cache_(cache) {}

  // The document's root node. Error: usage - not YAML, more than one document, or nothing in it.
  Result<YamlNode> parse(const std::string& text) const;
  // The same, but a file that holds nothing, or comments only, is no error.
  Result<std::optional<YamlNode>> parse_or_empty(const std::string& text) const;

  [[nodiscard]] SourcePos at(const YamlNode& node) const;
  // "<expected> expected, found <what stands there>" at the node.
  [[nodiscard]] Error expected(const YamlNode& node, std::string_view expected) const;
  [[nodiscard]] Error wrong(const YamlNode& node, std::string why, std::string next = "") const;

  // The node must be a map whose keys are all among `known`, each at most once; `required` must be there. An unknown
  // key's error names the nearest known one.
  Status check_keys(const YamlNode& map, std::string_view what, const std::vector<std::string_view>& known,
                    const std::vector<std::string_view>& required) const;
  Result<std::string> text(const YamlNode& node, std::string_view what) const;  // a scalar that is not empty
  Result<bool> flag(const YamlNode& node, std::string_view what) const;         // true or false
  Result<std::vector<std::string>> texts(const YamlNode& node,
                                         std::string_view what) const;  // a scalar, or a list of them
  // A map, or a list of maps: the items.
  Result<std::vector<YamlNode>> items(const YamlNode& node, std::string_view what) const;

 private:
  std::string file_;
  YamlCache* cache_;
};

// The word of `known` that is closest to `word`, or empty where none is close (Levenshtein distance at most 2, or a
// third of its length).
std::string nearest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace vgpukit
