#include "support/yaml_reader.hpp"

#include <algorithm>
#include <numeric>
#include <set>

namespace vgpukit {

namespace {

std::string kind_of(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Map:
      return "a map";
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Scalar:
      return node.Scalar().empty() ? "an empty text" : "'" + node.Scalar() + "'";
    default:
      return "nothing";
  }
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

Result<YAML::Node> YamlReader::parse(const std::string& text) const {
  TRY_ASSIGN(auto document, parse_or_empty(text));
  if (!document) return Error{Exit::usage, "", "the file is empty, a map was expected", "", SourcePos{file_, 1, 1}};
  return std::move(*document);
}

Result<std::optional<YAML::Node>> YamlReader::parse_or_empty(const std::string& text) const {
  // yaml-cpp reports syntax errors by exception: this is the only place that lets one happen.
  try {
    auto documents = YAML::LoadAll(text);
    if (documents.empty() || (documents.size() == 1 && documents.front().IsNull())) return std::optional<YAML::Node>();
    if (documents.size() > 1)
      return Error{Exit::usage, "", "more than one YAML document, exactly one was expected",
                   "put the second one into a file of its own", at(documents[1])};
    return std::optional(documents.front());
  } catch (const YAML::Exception& bad) {
    const SourcePos where{file_, bad.mark.is_null() ? 0 : bad.mark.line + 1, bad.mark.is_null() ? 0 : bad.mark.column + 1};
    return Error{Exit::usage, "", "not valid YAML: " + bad.msg, "", where};
  }
}

SourcePos YamlReader::at(const YAML::Node& node) const {
  const auto mark = node.Mark();
  if (mark.is_null()) return {file_, 0, 0};
  return {file_, mark.line + 1, mark.column + 1};
}

Error YamlReader::wrong(const YAML::Node& node, std::string why, std::string next) const {
  return Error{Exit::usage, "", std::move(why), std::move(next), at(node)};
}

Error YamlReader::expected(const YAML::Node& node, std::string_view expected) const {
  return wrong(node, std::string(expected) + " expected, found " + kind_of(node));
}

Status YamlReader::check_keys(const YAML::Node& map, std::string_view what, const std::vector<std::string_view>& known,
                              const std::vector<std::string_view>& required) const {
  if (!map.IsMap()) return expected(map, "a map for " + std::string(what));
  std::set<std::string> seen;
  for (const auto& pair : map) {
    if (!pair.first.IsScalar()) return expected(pair.first, "a key of " + std::string(what));
    const std::string& key = pair.first.Scalar();
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      const auto near = nearest(key, known);
      return wrong(pair.first, "unknown key '" + key + "' in " + std::string(what),
                   (near.empty() ? "" : "did you mean '" + near + "'? ") + "known keys: " + joined(known));
    }
    if (!seen.insert(key).second) return wrong(pair.first, "the key '" + key + "' stands twice in " + std::string(what));
  }
  for (const auto key : required)
    if (!seen.contains(std::string(key)))
      return wrong(map, std::string(what) + " has no '" + std::string(key) + "'", "it must have: " + joined(required));
  return {};
}

Result<std::string> YamlReader::text(const YAML::Node& node, std::string_view what) const {
  if (!node.IsScalar() || node.Scalar().empty()) return expected(node, "a text for " + std::string(what));
  return node.Scalar();
}

Result<bool> YamlReader::flag(const YAML::Node& node, std::string_view what) const {
  if (node.IsScalar() && node.Scalar() == "true") return true;
  if (node.IsScalar() && node.Scalar() == "false") return false;
  return expected(node, "true or false for " + std::string(what));
}

Result<std::vector<std::string>> YamlReader::texts(const YAML::Node& node, std::string_view what) const {
  std::vector<std::string> all;
  if (!node.IsSequence()) {
    TRY_ASSIGN(auto one, text(node, std::string(what) + " (or a list of texts)"));
    all.push_back(std::move(one));
    return all;
  }
  if (node.size() == 0) return expected(node, "at least one text for " + std::string(what));
  for (const auto& item : node) {
    TRY_ASSIGN(auto one, text(item, what));
    all.push_back(std::move(one));
  }
  return all;
}

Result<std::vector<YAML::Node>> YamlReader::items(const YAML::Node& node, std::string_view what) const {
  if (node.IsMap()) return std::vector<YAML::Node>{node};
  if (!node.IsSequence() || node.size() == 0) return expected(node, "a map, or a list of maps, for " + std::string(what));
  std::vector<YAML::Node> all;
  for (const auto& item : node) {
    if (!item.IsMap()) return expected(item, "a map for " + std::string(what));
    all.push_back(item);
  }
  return all;
}

}  // namespace vgpukit
