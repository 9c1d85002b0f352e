// An XML text with the places of its elements, so that a line can be put in and all the rest stays as the user wrote
// it. It knows what libvirt writes: no DTD, no entities of one's own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::passthrough {

struct XmlElement {
  std::string name;
  std::size_t parent = 0;  // index; the root is its own
  std::size_t begin = 0;   // of '<'
  std::size_t inside = 0;  // behind the start tag's '>'
  std::size_t close = 0;   // of "</", or the same as `inside` where the tag is <empty/>
  std::size_t end = 0;     // behind the end tag
  bool empty = false;
};

class XmlText {
 public:
  // Error: usage, with the line, for what is not well-formed.
  static Result<XmlText> parse(std::string text, const std::string& file);

  [[nodiscard]] const std::vector<XmlElement>& elements() const {
    return elements_;
  }  // in the order of their start tags; [0] is the root
  [[nodiscard]] const std::string& text() const { return text_; }
  // The children of an element with that name.
  [[nodiscard]] std::vector<std::size_t> children(std::size_t parent, std::string_view name) const;
  // The first of them, or npos.
  [[nodiscard]] std::size_t child(std::size_t parent, std::string_view name) const;
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);
  // An attribute's value as it stands, or empty.
  [[nodiscard]] std::string attribute(std::size_t element, std::string_view name) const;
  // How far the line of its start tag is indented.
  [[nodiscard]] std::string indent(std::size_t element) const;

  // Changes are collected and made by result(). Places are those of the text that was read.
  void add_inside(std::size_t element, const std::string& lines);  // as last children; `lines` are indented to fit
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

std::string xml_escaped(const std::string& text);  // for an attribute's value in either kind of quotes

}  // namespace vgpukit::passthrough
