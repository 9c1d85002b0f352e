// YAML documents that were read before, kept under their text's hash: scanning YAML is most of what reading 300 recipes
// costs.
#pragma once

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "support/yaml_node.hpp"

namespace vgpukit {

class YamlCache {
 public:
  // Reads what is kept in `file`; an empty path keeps nothing.
  explicit YamlCache(std::filesystem::path file);
  ~YamlCache();

  // The document with this text, if it was read before. May be asked by several threads, as add() may.
  [[nodiscard]] std::optional<YamlNode> find(std::string_view text) const;
  void add(std::string_view text, const YamlNode& document);
  // Keeps what was added. What was kept and not asked for stays, until there is too much of it. See write_sealed() for
  // failures.
  void save();

 private:
  std::filesystem::path file_;
  std::string body_;                                             // of the file
  std::map<std::string, std::string_view, std::less<>> cached_;  // into body_
  std::mutex mutex_;
  std::map<std::string, std::string> added_;
};

}  // namespace vgpukit
