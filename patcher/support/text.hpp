// Helpers for plain text: lines, words, C identifiers, lists, escaping, times.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vgpukit {

// --- lines --------------------------------------------------------------------------------------------------------

// Calls use(line) for each line without its newline. There is no empty line after the last newline. Copies nothing.
template <class Use>
void each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const auto newline = std::min(text.find('\n'), text.size());
    use(text.substr(0, newline));
    text.remove_prefix(std::min(newline + 1, text.size()));
  }
}
// The same with the line's number, from 1: use(line, number).
template <class Use>
void for_each_line(std::string_view text, Use use) {
  int number = 0;
  each_line(text, [&](std::string_view line) { use(line, ++number); });
}
std::vector<std::string> lines_of(std::string_view text);
// Whether the line is a comment of make or the shell.
bool is_comment(std::string_view line);

// --- words --------------------------------------------------------------------------------------------------------

inline constexpr std::string_view white_space = " \t\r\n\f\v";

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}
// Without white space at both ends. The result is part of `text`.
std::string_view trimmed(std::string_view text);
// The parts between separators, without empty ones. They are parts of `text`.
std::vector<std::string_view> words_of(std::string_view text, std::string_view separators = white_space);
// The same as strings.
std::vector<std::string> split_words(std::string_view text);
// The parts between `separator`, with the empty ones.
std::vector<std::string> split(std::string_view text, char separator);
constexpr bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// A letter of ASCII, a digit or '_': what a C identifier is made of.
constexpr bool is_identifier_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9');
}
// Whether the text is a C identifier: not empty, and not with a digit in front.
bool is_identifier(std::string_view text);
// Where `word` stands in `text`, from `from` on, with no identifier character beside it; npos when it does not.
std::size_t find_word(std::string_view text, std::string_view word, std::size_t from = 0);
// The text with each whole word `from` replaced by `to`.
std::string replace_word(std::string_view text, std::string_view from, std::string_view to);
// Calls visit(word, offset) for each identifier or number of the text.
template <class Visit>
void for_each_word(std::string_view text, Visit visit) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    while (at < text.size() && is_identifier_character(text[at])) ++at;
    if (at > start)
      visit(text.substr(start, at - start), start);
    else
      ++at;
  }
}

// --- lists --------------------------------------------------------------------------------------------------------

// Adds one more part to a list: with the separator in front, unless the list is empty.
inline void append(std::string& list, std::string_view part, std::string_view separator = ", ") {
  if (!list.empty()) list += separator;
  list += part;
}
// text(part) of each part, with `separator` between them.
template <class Parts, class Text>
std::string join(const Parts& parts, std::string_view separator, Text text) {
  std::string list;
  bool first = true;
  for (const auto& part : parts) {
    if (!first) list += separator;
    first = false;
    list += text(part);
  }
  return list;
}
// The parts, which are strings or string views, with `separator` between them.
template <class Parts>
std::string join(const Parts& parts, std::string_view separator) {
  return join(parts, separator, [](std::string_view part) { return part; });
}

// --- escaping -----------------------------------------------------------------------------------------------------

// Text of an input in a message: control characters are shown as \xNN, and it is cut at `limit` characters. A name in
// an archive must not be able to write to the user's terminal.
std::string printable(std::string_view text, std::size_t limit = 160);
// Text for a terminal: control characters of inputs, and those that change the direction of text, are shown as \xNN,
// and so are bytes that are no UTF-8. Tabs and line ends stay; if `styled`, so do vgpukit's own colours.
std::string terminal_text(std::string_view text, bool styled);
// Text for an XML attribute's value, in either kind of quotes, or between tags. Characters that XML 1.0 cannot hold are
// left out.
std::string xml_escaped(std::string_view text);

// --- time ---------------------------------------------------------------------------------------------------------

std::string utc_now();  // 2026-11-20T16:00:00Z

}  // namespace vgpukit
