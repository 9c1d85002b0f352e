#include "support/yaml_reader.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <sstream>

#include "support/limits.hpp"
#include "support/text.hpp"

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

// Limits, because aliases of aliases (*name) can grow without end and each level takes some of the stack.
constexpr std::size_t most_nodes = 1'000'000;
constexpr std::size_t most_text = 64 << 20;  // bytes

// A document beyond these limits. Thrown through yaml-cpp's parser, as its own errors are.
struct Refused {
  YAML::Mark mark;
  std::string why;
};

// Builds a tree from yaml-cpp's events. An alias becomes a copy of the node that it names.
class TreeBuilder : public YAML::EventHandler {
 public:
  [[nodiscard]] YamlNode::Data take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(mark, anchor, YamlNode::Kind::null); }
  void OnScalar(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                const std::string& text) override {
    count_text(mark, text.size());
    add(mark, anchor, YamlNode::Kind::scalar).text = text;
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(mark, anchor, YamlNode::Kind::sequence);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(mark, anchor, YamlNode::Kind::map);
  }
  void OnMapEnd() override { open_.pop_back(); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const YamlNode::Data* named = &root_;
    for (const auto i : anchors_.at(anchor)) named = &named->children[i];
    if (std::find(open_.begin(), open_.end(), named) != open_.end())
      throw Refused{mark, "an alias that refers to itself: it is inside of the node that it names"};
    count(mark, *named, open_.size());
    YamlNode::Data copy = *named;  // before push_back(), which may move `named`
    open_.back()->children.push_back(std::move(copy));
  }

 private:
  YamlNode::Data& add(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind) {
    count_node(mark, open_.size());
    auto& node = open_.empty() ? root_ : open_.back()->children.emplace_back();
    node.kind = kind;
    if (!mark.is_null()) {
      node.line = mark.line + 1;
      node.column = mark.column + 1;
    }
    if (anchor != YAML::NullAnchor) {
      auto& path = anchors_[anchor];
      for (const auto* parent : open_) path.push_back(parent->children.size() - 1);
    }
    return node;
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind) {
    open_.push_back(&add(mark, anchor, kind));
  }

  void count_node(const YAML::Mark& mark, std::size_t level) {
    if (level >= limits::nesting) throw Refused{mark, "nested more than " + std::to_string(limits::nesting) + " deep"};
    if (nodes_++ == most_nodes)
      throw Refused{mark, "more than " + std::to_string(most_nodes) + " nodes, with those that aliases (*name) repeat"};
  }

  void count_text(const YAML::Mark& mark, std::size_t bytes) {
    text_ += bytes;
    if (text_ > most_text)
      throw Refused{mark,
                    "more than " + std::to_string(most_text >> 20) + " MiB of text, with what aliases (*name) repeat"};
  }

  void count(const YAML::Mark& mark, const YamlNode::Data& node, std::size_t level) {
    count_node(mark, level);
    count_text(mark, node.text.size());
    for (const auto& child : node.children) count(mark, child, level + 1);
  }

  YamlNode::Data root_;
  // The maps and sequences whose end has not come. The pointers are valid: a node moves only when a sibling is added,
  // which is after its end.
  std::vector<YamlNode::Data*> open_;
  std::map<YAML::anchor_t, std::vector<std::size_t>> anchors_;  // the path from the root
  std::size_t nodes_ = 0, text_ = 0;
};

// The next document that is not empty.
std::optional<YamlNode::Data> next_document(YAML::Parser& parser) {
  TreeBuilder builder;
  if (!parser.HandleNextDocument(builder)) return std::nullopt;
  auto root = builder.take();
  if (root.kind == YamlNode::Kind::null) return std::nullopt;
  return root;
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
  if (!document)
    return Error{ErrorKind::usage, "", "the file is empty, a map was expected", "", SourcePos{file_, 1, 1}};
  return std::move(*document);
}

Result<std::optional<YamlNode>> YamlReader::parse_or_empty(const std::string& text) const {
  if (text.size() > limits::document_bytes)
    return Error{ErrorKind::usage, "", "larger than " + std::to_string(limits::document_bytes >> 20) + " MiB", "",
                 SourcePos{file_, 1, 1}};
  const auto place = [&](const YAML::Mark& mark) {
    return mark.is_null() ? SourcePos{file_, 0, 0} : SourcePos{file_, mark.line + 1, mark.column + 1};
  };
  // yaml-cpp reports syntax errors by exception. None leaves this function.
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    auto root = next_document(parser);
    if (!root) return std::optional<YamlNode>();
    if (const auto second = next_document(parser))
      return Error{ErrorKind::usage, "", "more than one YAML document, exactly one was expected",
                   "put the second one into a file of its own", SourcePos{file_, second->line, second->column}};
    return std::optional(YamlNode(std::move(*root)));
  } catch (const Refused& refused) {
    return Error{ErrorKind::usage, "", refused.why, "", place(refused.mark)};
  } catch (const YAML::Exception& bad) {
    return Error{ErrorKind::usage, "", "not valid YAML: " + bad.msg, "", place(bad.mark)};
  }
}

SourcePos YamlReader::at(const YamlNode& node) const {
  return {file_, node.line(), node.column()};
}

Error YamlReader::wrong(const YamlNode& node, std::string why, std::string next) const {
  return Error{ErrorKind::usage, "", std::move(why), std::move(next), at(node)};
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
                   (near.empty() ? "" : "did you mean '" + near + "'? ") + "known keys: " + join(known, ", "));
    }
    if (!seen.insert(key).second) return wrong(name, "the key '" + key + "' occurs twice in " + std::string(what));
  }
  for (const auto key : required)
    if (!seen.contains(std::string(key)))
      return wrong(map, std::string(what) + " has no '" + std::string(key) + "'",
                   "it must have: " + join(required, ", "));
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
  if (!node.is_sequence() || node.size() == 0)
    return expected(node, "a map, or a list of maps, for " + std::string(what));
  std::vector<YamlNode> all;
  for (const auto& item : node.items()) {
    if (!item.is_map()) return expected(item, "a map for " + std::string(what));
    all.push_back(item);
  }
  return all;
}

}  // namespace vgpukit
