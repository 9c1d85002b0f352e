#include "passthrough/xml_text.hpp"

#include <algorithm>

#include "support/limits.hpp"
#include "support/text.hpp"

namespace vgpukit::passthrough {

namespace {

constexpr std::size_t most_attributes = 100;  // each new one is compared with those before it

bool is_space(char c) {
  return contains(" \t\n\r", {&c, 1});
}

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || static_cast<signed char>(c) < 0;
}

bool is_name_character(char c) {
  return is_name_start(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

const XmlAttribute* attribute_in(const XmlElement& element, std::string_view name) {
  const auto found = std::find_if(element.attributes.begin(), element.attributes.end(),
                                  [&](const XmlAttribute& each) { return each.name == name; });
  return found == element.attributes.end() ? nullptr : &*found;
}

class XmlParser {
 public:
  XmlParser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Result<std::vector<XmlElement>> run() {
    if (!contains(text_, "<")) return bad(0, "it has no element");
    if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;  // a byte order mark
    while (at_ < text_.size()) {
      const auto next = std::min(text_.find('<', at_), text_.size());
      if (open_.empty())
        for (auto at = at_; at < next; ++at)
          if (!is_space(text_[at])) return bad(at, "there is text outside of the root element");
      at_ = next;
      if (at_ == text_.size()) break;
      const auto rest = text_.substr(at_);
      const char* const end = rest.starts_with("<!--")        ? "-->"
                              : rest.starts_with("<![CDATA[") ? "]]>"
                              : rest.starts_with("<?")        ? "?>"
                                                              : nullptr;
      if (end) {
        const auto after = text_.find(end, at_ + 2);
        if (after == std::string_view::npos) return bad(at_, std::string("it has no end: ") + end);
        at_ = after + std::string_view(end).size();
        continue;
      }
      if (rest.starts_with("<!")) return bad(at_, "a document type is not expected here");
      TRY(rest.starts_with("</") ? end_tag() : start_tag());
    }
    if (!open_.empty()) return bad(all_[open_.back()].begin, "<" + all_[open_.back()].name + "> is never closed");
    if (all_.empty()) return bad(0, "it has no element");
    return std::move(all_);
  }

 private:
  std::string name() {
    const auto begin = at_;
    if (at_ < text_.size() && is_name_start(text_[at_]))
      while (at_ < text_.size() && is_name_character(text_[at_])) ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }
  bool skip_space() {
    const auto begin = at_;
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    return at_ != begin;
  }

  Status start_tag() {
    XmlElement element;
    element.begin = at_++;
    if (open_.empty() && !all_.empty()) return bad(element.begin, "there is a second root element");
    element.name = name();
    if (element.name.empty()) return bad(element.begin, "a tag without a name");
    if (open_.size() >= limits::nesting)
      return bad(element.begin, "it is nested more than " + std::to_string(limits::nesting) + " deep");
    for (;;) {
      const bool space = skip_space();
      if (at_ >= text_.size()) return bad(element.begin, "the tag has no end");
      if (text_[at_] == '>' || text_.substr(at_).starts_with("/>")) break;
      if (!space) return bad(at_, "a blank, '>' or '/>' is missing in the tag <" + element.name + ">");
      TRY(attribute(element));
    }
    element.empty = text_[at_] == '/';
    at_ += element.empty ? 2 : 1;
    element.inside = element.close = element.end = at_;
    element.parent = open_.empty() ? 0 : open_.back();
    all_.push_back(std::move(element));
    if (!all_.back().empty) open_.push_back(all_.size() - 1);
    return {};
  }

  Status attribute(XmlElement& element) {
    XmlAttribute found;
    const auto begin = at_;
    found.name = name();
    if (found.name.empty()) return bad(at_, "an attribute of <" + element.name + "> has no name");
    if (element.attributes.size() >= most_attributes)
      return bad(begin, "<" + element.name + "> has more than " + std::to_string(most_attributes) + " attributes");
    if (attribute_in(element, found.name)) return bad(begin, "<" + element.name + "> has " + found.name + " twice");
    skip_space();
    if (at_ >= text_.size() || text_[at_] != '=')
      return bad(at_, "'=' is missing after the attribute " + found.name + " of <" + element.name + ">");
    ++at_;
    skip_space();
    if (at_ >= text_.size() || (text_[at_] != '"' && text_[at_] != '\''))
      return bad(at_, "the value of " + found.name + " in <" + element.name + "> is not in quotes");
    found.begin = at_ + 1;
    found.end = text_.find(text_[at_], found.begin);
    if (found.end == std::string_view::npos) return bad(at_, "the value of " + found.name + " has no end");
    const auto bracket = text_.find('<', found.begin);
    if (bracket < found.end) return bad(bracket, "the value of " + found.name + " contains '<'");
    at_ = found.end + 1;
    element.attributes.push_back(std::move(found));
    return {};
  }

  Status end_tag() {
    const auto begin = at_;
    at_ += 2;
    const auto closed = name();
    skip_space();
    if (at_ >= text_.size() || text_[at_] != '>') return bad(begin, "the tag has no end");
    ++at_;
    if (open_.empty() || all_[open_.back()].name != closed)
      return bad(begin, "</" + closed + "> closes nothing that is open");
    all_[open_.back()].close = begin;
    all_[open_.back()].end = at_;
    open_.pop_back();
    return {};
  }

  [[nodiscard]] Error bad(std::size_t at, const std::string& why) const {
    at = std::min(at, text_.size());
    const auto line = std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1;
    const auto begin = at == 0 ? 0 : text_.rfind('\n', at - 1) + 1;  // npos + 1 is 0
    return Error{ErrorKind::usage, "read the XML", why, "virt-xml-validate shows the details",
                 SourcePos{file_, static_cast<int>(line), static_cast<int>(at - begin) + 1}};
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0;
  std::vector<XmlElement> all_;
  std::vector<std::size_t> open_;
};

}  // namespace

Result<XmlText> XmlText::parse(std::string text, const std::string& file) {
  if (text.size() > limits::document_bytes)
    return Error{ErrorKind::usage, "read the XML",
                 "it is larger than " + std::to_string(limits::document_bytes >> 20) + " MiB", "",
                 SourcePos{file, 1, 1}};
  XmlText xml;
  xml.text_ = std::move(text);
  TRY_ASSIGN(xml.elements_, XmlParser(xml.text_, file).run());
  return xml;
}

std::vector<std::size_t> XmlText::children(std::size_t parent, std::string_view name) const {
  std::vector<std::size_t> found;
  // They are between their parent's tags: a domain may have many devices.
  const auto end = elements_[parent].end;
  for (std::size_t i = parent + 1; i < elements_.size() && elements_[i].begin < end; ++i)
    if (elements_[i].parent == parent && elements_[i].name == name) found.push_back(i);
  return found;
}

std::size_t XmlText::child(std::size_t parent, std::string_view name) const {
  const auto all = children(parent, name);
  return all.empty() ? npos : all.front();
}

bool XmlText::is_below(std::size_t element, std::string_view name) const {
  while (element != 0) {
    element = elements_[element].parent;
    if (elements_[element].name == name) return true;
  }
  return false;
}

bool XmlText::has_attribute(std::size_t element, std::string_view name) const {
  return attribute_in(elements_[element], name) != nullptr;
}

std::string_view XmlText::content(std::size_t element) const {
  const auto& it = elements_[element];
  return trimmed(std::string_view(text_).substr(it.inside, it.close - it.inside));
}

std::string XmlText::attribute(std::size_t element, std::string_view name) const {
  const auto* place = attribute_in(elements_[element], name);
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
  if (const auto* place = attribute_in(elements_[index], name)) {
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
