#include "support/yaml_reader.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "support/yaml_cache.hpp"

namespace vgpukit {

namespace {

std::string kind_of(const YamlNode& node) {
  switch (node.kind()) {
    case YamlNode::Kind::map:
      return "a map";
    case YamlNode::Kind::sequence:
      return "a list";
    case YamlNode::Kind::scalar:
      return node.scalar().empty() ? "an empty text" : "'" + node.scalar() + "'";
    default:
      return "nothing";
  }
}

constexpr std::size_t most_nodes = 1'000'000;

// yaml-cpp's tree as ours. False when it is larger than anything that a person would write: aliases of aliases grow without end.
bool copy(const YAML::Node& from, YamlNode::Data& into, std::size_t& left) {
  if (left == 0) return false;
  --left;
  if (const auto mark = from.Mark(); !mark.is_null()) {
    into.line = mark.line + 1;
    into.column = mark.column + 1;
  }
  if (from.IsScalar()) {
    into.kind = YamlNode::Kind::scalar;
    into.text = from.Scalar();
  } else if (from.IsSequence()) {
    into.kind = YamlNode::Kind::sequence;
    for (const auto& item : from)
      if (!copy(item, into.children.emplace_back(), left)) return false;
  } else if (from.IsMap()) {
    into.kind = YamlNode::Kind::map;
    for (const auto& pair : from)
      if (!copy(pair.first, into.children.emplace_back(), left) || !copy(pair.second, into.children.emplace_back(), left))
        return false;
  } else {
    into.kind = YamlNode::Kind::null;
  }
  return true;
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string text;
  for (const auto word : words) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string_view>& known) {
  std::size_t best = std::max<std::size_t>(2, word.size() / 3) + 1;
  std::string found;
  for (const auto candidate : known) {
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= candidate.size(); ++j) {
        const std::size_t substitution = diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitution});
      }
    }
    if (row.back() < best) {
      best = row.back();
      found = candidate;
    }
  }
  return found;
}

Result<YamlNode> YamlReader::parse(const std::string& text) const {
  TRY_ASSIGN(auto document, parse_or_empty(text));
  if (!document) return Error{Exit::usage, "", "the file is empty, a map was expected", "", SourcePos{file_, 1, 1}};
  return std::move(*document);
}

Result<std::optional<YamlNode>> YamlReader::parse_or_empty(const std::string& text) const {
  if (cache_)
    if (auto known = cache_->find(text)) return std::optional(std::move(*known));
  const auto place = [&](const YAML::Mark& mark) {
    return mark.is_null() ? SourcePos{file_, 0, 0} : SourcePos{file_, mark.line + 1, mark.column + 1};
  };
  // yaml-cpp reports syntax errors by exception: this is the only place that lets one happen.
  try {
    auto documents = YAML::LoadAll(text);
    if (documents.empty() || (documents.size() == 1 && documents.front().IsNull())) return std::optional<YamlNode>();
    if (documents.size() > 1)
      return Error{Exit::usage, "", "more than one YAML document, exactly one was expected",
                   "put the second one into a file of its own", place(documents[1].Mark())};
    std::size_t left = most_nodes;
    YamlNode::Data root;
    if (!copy(documents.front(), root, left))
      return Error{Exit::usage, "", "more than " + std::to_string(most_nodes) + " nodes, with those that aliases (*name) repeat",
                   "", SourcePos{file_, 1, 1}};
    YamlNode document(std::move(root));
    if (cache_) cache_->add(text, document);
    return std::optional(std::move(document));
  } catch (const YAML::Exception& bad) {
    return Error{Exit::usage, "", "not valid YAML: " + bad.msg, "", place(bad.mark)};
  }
}

SourcePos YamlReader::at(const YamlNode& node) const {
  return {file_, node.line(), node.column()};
}

Error YamlReader::wrong(const YamlNode& node, std::string why, std::string next) const {
  return Error{Exit::usage, "", std::move(why), std::move(next), at(node)};
}

Error YamlReader::expected(const YamlNode& node, std::string_view expected) const {
  return wrong(node, std::string(expected) + " expected, found " + kind_of(node));
}

Status YamlReader::check_keys(const YamlNode& map, std::string_view what, const std::vector<std::string_view>& known,
                              const std::vector<std::string_view>& required) const {
  if (!map.is_map()) return expected(map, "a map for " + std::string(what));
  std::set<std::string> seen;
  for (const auto& [name, value] : map.entries()) {
    if (!name.is_scalar()) return expected(name, "a key of " + std::string(what));
    const std::string& key = name.scalar();
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      const auto near = nearest(key, known);
      return wrong(name, "unknown key '" + key + "' in " + std::string(what),
                   (near.empty() ? "" : "did you mean '" + near + "'? ") + "known keys: " + joined(known));
    }
    if (!seen.insert(key).second) return wrong(name, "the key '" + key + "' stands twice in " + std::string(what));
  }
  for (const auto key : required)
    if (!seen.contains(std::string(key)))
      return wrong(map, std::string(what) + " has no '" + std::string(key) + "'", "it must have: " + joined(required));
  return {};
}

Result<std::string> YamlReader::text(const YamlNode& node, std::string_view what) const {
  if (!node.is_scalar() || node.scalar().empty()) return expected(node, "a text for " + std::string(what));
  return node.scalar();
}

Result<bool> YamlReader::flag(const YamlNode& node, std::string_view what) const {
  if (node.is_scalar() && node.scalar() == "true") return true;
  if (node.is_scalar() && node.scalar() == "false") return false;
  return expected(node, "true or false for " + std::string(what));
}

Result<std::vector<std::string>> YamlReader::texts(const YamlNode& node, std::string_view what) const {
  std::vector<std::string> all;
  if (!node.is_sequence()) {
    TRY_ASSIGN(auto one, text(node, std::string(what) + " (or a list of texts)"));
    all.push_back(std::move(one));
    return all;
  }
  if (node.size() == 0) return expected(node, "at least one text for " + std::string(what));
  for (const auto& item : node.items()) {
    TRY_ASSIGN(auto one, text(item, what));
    all.push_back(std::move(one));
  }
  return all;
}

Result<std::vector<YamlNode>> YamlReader::items(const YamlNode& node, std::string_view what) const {
  if (node.is_map()) return std::vector<YamlNode>{node};
  if (!node.is_sequence() || node.size() == 0) return expected(node, "a map, or a list of maps, for " + std::string(what));
  std::vector<YamlNode> all;
  for (const auto& item : node.items()) {
    if (!item.is_map()) return expected(item, "a map for " + std::string(what));
    all.push_back(item);
  }
  return all;
}

}  // namespace vgpukit
