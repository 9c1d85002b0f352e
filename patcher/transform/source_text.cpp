#include "transform/source_text.hpp"

#include <algorithm>
#include <stdexcept>

namespace vgpukit::transform {

bool is_c_file(std::string_view path) {
  for (const std::string_view end : {".c", ".h", ".cpp", ".cc", ".hpp"})
    if (path.ends_with(end)) return true;
  return false;
}

int line_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  return 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
}

std::size_t line_begin(std::string_view text, std::size_t offset) {
  if (offset == 0) return 0;
  const std::size_t newline = text.rfind('\n', offset - 1);
  return newline == std::string_view::npos ? 0 : newline + 1;
}

std::size_t line_end(std::string_view text, std::size_t offset) {
  const std::size_t newline = text.find('\n', offset);
  if (newline == std::string_view::npos) return text.size();
  return newline > offset && text[newline - 1] == '\r' ? newline - 1 : newline;
}

std::size_t next_line(std::string_view text, std::size_t offset) {
  const std::size_t newline = text.find('\n', offset);
  return newline == std::string_view::npos ? text.size() : newline + 1;
}

std::string_view indent_at(std::string_view text, std::size_t offset) {
  const std::size_t begin = line_begin(text, offset);
  const std::size_t end = std::min(text.find_first_not_of(" \t", begin), line_end(text, begin));
  return text.substr(begin, end - begin);
}

bool blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

std::string_view line_ending(std::string_view text) {
  std::size_t all = 0;
  std::size_t dos = 0;
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    ++all;
    if (at > 0 && text[at - 1] == '\r') ++dos;
  }
  return dos > 0 && dos * 2 >= all ? "\r\n" : "\n";
}

std::string with_line_endings(std::string_view text, std::string_view ending) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n')
      result += ending;
    else if (text[i] != '\r' || i + 1 >= text.size() || text[i + 1] != '\n')
      result += text[i];
  }
  return result;
}

std::string indent_lines(std::string_view text, std::string_view indent) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = next_line(text, at);
    const std::string_view line = text.substr(at, end - at);
    if (!blank(line) && trimmed(line).front() != '#') result += indent;
    result += line;
    at = end;
  }
  return result;
}

std::string indent_following_lines(std::string_view text, std::string_view indent) {
  const std::size_t first = next_line(text, 0);
  return std::string(text.substr(0, first)) + indent_lines(text.substr(first), indent);
}

std::string without_final_newline(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return std::string(text);
}

std::string trimmed_copy(std::string_view text) {
  return std::string(trimmed(text));
}

std::string quoted(std::string_view text) {
  std::string result(1, '`');
  result += text;
  result += '`';
  return result;
}

void TextEdits::replace(std::size_t offset, std::size_t length, std::string text) {
  edits_.push_back({offset, length, std::move(text)});
}

std::string TextEdits::apply(std::string_view source) const {
  std::vector<const Edit*> order;
  order.reserve(edits_.size());
  for (const Edit& edit : edits_) order.push_back(&edit);
  std::stable_sort(order.begin(), order.end(), [](const Edit* a, const Edit* b) { return a->offset < b->offset; });
  std::string text;
  text.reserve(source.size());
  std::size_t at = 0;
  for (const Edit* edit : order) {
    if (edit->offset < at || edit->offset + edit->length > source.size())
      throw std::logic_error("edits of a source overlap, or are outside of it");
    text += source.substr(at, edit->offset - at);
    text += edit->text;
    at = edit->offset + edit->length;
  }
  return text += source.substr(at);
}

}  // namespace vgpukit::transform
