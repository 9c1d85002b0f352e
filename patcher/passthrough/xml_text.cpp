#include "passthrough/xml_text.hpp"

#include <algorithm>
#include <optional>

#include "support/text.hpp"

namespace vgpukit::passthrough {

namespace {

bool is_space(char c) {
  return contains(" \t\n\r", {&c, 1});
}

struct AttributeValue {
  std::size_t begin = 0, end = 0;  // without its quotes
};

// The value of an attribute in a start tag.
std::optional<AttributeValue> attribute_in(std::string_view text, const XmlElement& element, std::string_view name) {
  std::size_t at = element.begin + 1 + element.name.size();
  while (at < element.inside) {
    while (at < element.inside && is_space(text[at])) ++at;
    const auto from = at;
    while (at < element.inside && text[at] != '=' && !is_space(text[at]) && text[at] != '>' && text[at] != '/') ++at;
    const auto key = text.substr(from, at - from);
    const auto quote = text.find_first_of("'\">", at);
    if (quote == std::string_view::npos || text[quote] == '>') return std::nullopt;
    const auto end = text.find(text[quote], quote + 1);
    if (key == name) return AttributeValue{quote + 1, end};
    at = end + 1;
  }
  return std::nullopt;
}

// The '>' of the tag that begins at `at`. A '>' in an attribute does not end the tag.
std::size_t tag_end(std::string_view text, std::size_t at) {
  char quote = 0;
  for (; at < text.size(); ++at) {
    if (quote != 0) {
      if (text[at] == quote) quote = 0;
    } else if (text[at] == '"' || text[at] == '\'') {
      quote = text[at];
    } else if (text[at] == '>') {
      return at;
    }
  }
  return std::string_view::npos;
}

class XmlParser {
 public:
  XmlParser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Result<std::vector<XmlElement>> run() {
    for (auto at = text_.find('<'); at != std::string_view::npos; at = text_.find('<', at)) {
      const auto rest = text_.substr(at);
      const char* const end = rest.starts_with("<!--")        ? "-->"
                              : rest.starts_with("<![CDATA[") ? "]]>"
                              : rest.starts_with("<?")        ? "?>"
                                                              : nullptr;
      if (end) {
        const auto after = text_.find(end, at + 2);
        if (after == std::string_view::npos) return bad(at, std::string("it has no end: ") + end);
        at = after + 2;
        continue;
      }
      if (rest.starts_with("<!")) return bad(at, "a document type is not expected here");
      const auto close = tag_end(text_, at);
      if (close == std::string_view::npos) return bad(at, "the tag has no end");
      TRY(rest.starts_with("</") ? end_tag(at, close) : start_tag(at, close));
      at = close + 1;
    }
    if (!open_.empty()) return bad(all_[open_.back()].begin, "<" + all_[open_.back()].name + "> is never closed");
    if (all_.empty()) return bad(0, "it has no element");
    return std::move(all_);
  }

 private:
  Status start_tag(std::size_t at, std::size_t close) {
    if (open_.empty() && !all_.empty()) return bad(at, "there is a second root element");
    XmlElement element;
    element.begin = at;
    element.inside = element.close = element.end = close + 1;
    element.empty = text_[close - 1] == '/';
    element.name = text_.substr(at + 1, text_.find_first_of(" \t\r\n/>", at + 1) - at - 1);
    if (element.name.empty()) return bad(at, "a tag without a name");
    element.parent = open_.empty() ? 0 : open_.back();
    all_.push_back(std::move(element));
    if (!all_.back().empty) open_.push_back(all_.size() - 1);
    return {};
  }

  Status end_tag(std::size_t at, std::size_t close) {
    const std::string name(trimmed(text_.substr(at + 2, close - at - 2)));
    if (open_.empty() || all_[open_.back()].name != name) return bad(at, "</" + name + "> closes nothing that is open");
    all_[open_.back()].close = at;
    all_[open_.back()].end = close + 1;
    open_.pop_back();
    return {};
  }

  [[nodiscard]] Error bad(std::size_t at, const std::string& why) const {
    const auto line = std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1;
    return Error{ErrorKind::usage, "read the XML", why, "virt-xml-validate shows the details",
                 SourcePos{file_, static_cast<int>(line), 0}};
  }

  std::string_view text_;
  const std::string& file_;
  std::vector<XmlElement> all_;
  std::vector<std::size_t> open_;
};

}  // namespace

Result<XmlText> XmlText::parse(std::string text, const std::string& file) {
  XmlText xml;
  xml.text_ = std::move(text);
  TRY_ASSIGN(xml.elements_, XmlParser(xml.text_, file).run());
  return xml;
}

std::vector<std::size_t> XmlText::children(std::size_t parent, std::string_view name) const {
  std::vector<std::size_t> found;
  for (std::size_t i = 1; i < elements_.size(); ++i)
    if (elements_[i].parent == parent && elements_[i].name == name) found.push_back(i);
  return found;
}

std::size_t XmlText::child(std::size_t parent, std::string_view name) const {
  const auto all = children(parent, name);
  return all.empty() ? npos : all.front();
}

std::string XmlText::attribute(std::size_t element, std::string_view name) const {
  const auto place = attribute_in(text_, elements_[element], name);
  return place ? text_.substr(place->begin, place->end - place->begin) : std::string();
}

std::string XmlText::indent(std::size_t element) const {
  const auto begin = elements_[element].begin;
  const auto line = begin == 0 ? 0 : text_.rfind('\n', begin - 1) + 1;  // npos + 1 is 0
  const auto indent = text_.substr(line, begin - line);
  return std::all_of(indent.begin(), indent.end(), is_space) ? indent : "";
}

void XmlText::add_inside(std::size_t index, const std::string& lines) {
  const auto& element = elements_[index];
  const auto margin = indent(index);
  const auto body = indented(lines, margin + "  ");
  if (element.empty) {  // <features/> becomes <features>...</features>
    const auto slash = element.inside - 2;
    edits_.push_back({slash, element.inside, ">\n" + body + margin + "</" + element.name + ">"});
    return;
  }
  // Before the indentation of the end tag.
  auto at = element.close;
  while (at > element.inside && (text_[at - 1] == ' ' || text_[at - 1] == '\t')) --at;
  const bool own_line = at > 0 && text_[at - 1] == '\n';
  edits_.push_back(
      {own_line ? at : element.close, own_line ? at : element.close, own_line ? body : "\n" + body + margin});
}

void XmlText::set_attribute(std::size_t index, std::string_view name, const std::string& value) {
  if (const auto place = attribute_in(text_, elements_[index], name)) {
    edits_.push_back({place->begin, place->end, value});
    return;
  }
  const auto at = elements_[index].begin + 1 + elements_[index].name.size();
  edits_.push_back({at, at, " " + std::string(name) + "='" + value + "'"});
}

std::string XmlText::result() const {
  auto edits = edits_;
  // Changes at one position stay in the order of the calls.
  std::stable_sort(edits.begin(), edits.end(), [](const Edit& a, const Edit& b) { return a.begin < b.begin; });
  std::string all;
  std::size_t at = 0;
  for (const auto& edit : edits) {
    all += text_.substr(at, edit.begin - at) + edit.text;
    at = std::max(at, edit.end);
  }
  return all + text_.substr(at);
}

std::string indented(std::string_view lines, std::string_view indent) {
  std::string all;
  each_line(lines, [&](std::string_view line) { all.append(indent).append(line) += '\n'; });
  return all;
}

}  // namespace vgpukit::passthrough
