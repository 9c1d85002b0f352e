#include "support/yaml_node.hpp"

namespace vgpukit {

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

}  // namespace vgpukit
