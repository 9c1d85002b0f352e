// An XML text with the positions of its elements, for adding lines while the rest stays byte for byte. It reads what
// libvirt writes: no DTD and no user-defined entities.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::passthrough {

struct XmlAttribute {
  std::string name;
  std::size_t begin = 0, end = 0;  // of the value, without its quotes
};

struct XmlElement {
  std::string name;
  std::vector<XmlAttribute> attributes;
  std::size_t parent = 0;  // index; the root is its own parent
  std::size_t begin = 0;   // of '<'
  std::size_t inside = 0;  // after the '>' of the start tag
  std::size_t close = 0;   // of "</"; for <empty/> the same as `inside`
  std::size_t end = 0;     // after the end tag
  bool empty = false;
};

class XmlText {
 public:
  // Error: usage, with line and column, if the text is not well-formed.
  static Result<XmlText> parse(std::string text, const std::string& file);

  // In the order of their start tags; [0] is the root.
  [[nodiscard]] const std::vector<XmlElement>& elements() const { return elements_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  // The children of an element with that name.
  [[nodiscard]] std::vector<std::size_t> children(std::size_t parent, std::string_view name) const;
  // The first of them, or npos.
  [[nodiscard]] std::size_t child(std::size_t parent, std::string_view name) const;
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);
  // Whether an element of that name is above it.
  [[nodiscard]] bool is_below(std::size_t element, std::string_view name) const;
  [[nodiscard]] bool has_attribute(std::size_t element, std::string_view name) const;
  // The text between its tags, without white space at its ends; with its children.
  [[nodiscard]] std::string_view content(std::size_t element) const;
  // The value of an attribute, with its entities, or empty.
  [[nodiscard]] std::string attribute(std::size_t element, std::string_view name) const;
  // The indentation of the line with its start tag.
  [[nodiscard]] std::string indent(std::size_t element) const;

  // These collect changes of the text that was parsed; result() applies them.
  void add_inside(std::size_t element, const std::string& lines);  // as last children, indented to fit
  void set_attribute(std::size_t element, std::string_view name, const std::string& value);
  [[nodiscard]] std::string result() const;

 private:
  struct Edit {
    std::size_t begin, end;
    std::string text;
  };
  std::string text_;
  std::vector<XmlElement> elements_;
  std::vector<Edit> edits_;
};

// Each line with `indent` in front of it.
std::string indented(std::string_view lines, std::string_view indent);

}  // namespace vgpukit::passthrough
