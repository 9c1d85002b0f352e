#include "support/text.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>

namespace vgpukit {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  each_line(text, [&](std::string_view line) { lines.emplace_back(line); });
  return lines;
}

bool is_comment(std::string_view line) {
  return trimmed(line).starts_with('#');
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(white_space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white_space) - begin + 1);
}

std::vector<std::string_view> words_of(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> words;
  for (auto begin = text.find_first_not_of(separators); begin != std::string_view::npos;) {
    const auto end = std::min(text.find_first_of(separators, begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(separators, end);
  }
  return words;
}

std::vector<std::string> split_words(std::string_view text) {
  const auto words = words_of(text);
  return {words.begin(), words.end()};
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_identifier(std::string_view text) {
  return !text.empty() && !(text.front() >= '0' && text.front() <= '9') &&
         std::all_of(text.begin(), text.end(), is_identifier_character);
}

std::size_t find_word(std::string_view text, std::string_view word, std::size_t from) {
  for (auto at = from; at < text.size(); ++at) {
    // Much faster than text.find(): all headers of a kernel are searched.
    const void* const found = memmem(text.data() + at, text.size() - at, word.data(), word.size());
    if (!found) break;
    at = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    const auto end = at + word.size();
    if (at > 0 && is_identifier_character(text[at - 1])) continue;
    if (end < text.size() && is_identifier_character(text[end])) continue;
    return at;
  }
  return std::string_view::npos;
}

std::string replace_word(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  std::size_t copied = 0;
  for (auto at = find_word(text, from); at != std::string_view::npos; at = find_word(text, from, copied)) {
    result.append(text, copied, at - copied).append(to);
    copied = at + from.size();
  }
  return result.append(text, copied);
}

namespace {

void add_escaped(std::string& result, char c) {
  static constexpr std::string_view digits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  result += "\\x";
  result += digits[byte >> 4];
  result += digits[byte & 15];
}

// The length of the UTF-8 character in front, or 0 if it is none (RFC 3629).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto first = byte(0);
  const std::size_t size = first < 0x80   ? 1
                           : first < 0xc2 ? 0
                           : first < 0xe0 ? 2
                           : first < 0xf0 ? 3
                           : first < 0xf5 ? 4
                                          : 0;
  if (size < 2) return size;
  if (text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  // Overlong forms, surrogates, and what is above U+10FFFF.
  if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) || (first == 0xf0 && byte(1) < 0x90) ||
      (first == 0xf4 && byte(1) > 0x8f))
    return 0;
  return size;
}

// Whether a character in front makes a terminal show the text in another order: U+200E and U+200F, U+202A to U+202E,
// U+2066 to U+2069 (Unicode Standard Annex 9).
bool is_direction(std::string_view text) {
  if (text.size() < 3 || !text.starts_with("\xe2")) return false;
  const auto second = static_cast<unsigned char>(text[1]);
  const auto third = static_cast<unsigned char>(text[2]);
  return (second == 0x80 && (third == 0x8e || third == 0x8f || (third >= 0xaa && third <= 0xae))) ||
         (second == 0x81 && third >= 0xa6 && third <= 0xa9);
}

// The length of one of vgpukit's colours in front (ESC [ 1 m), or 0.
std::size_t colour_length(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  const auto end = text.find_first_not_of("0123456789;", 2);
  return end < std::min(text.size(), std::size_t{10}) && text[end] == 'm' ? end + 1 : 0;
}

}  // namespace

std::string terminal_text(std::string_view text, bool styled) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    auto length = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    const bool line_end = byte == '\n' || byte == '\t' || text.starts_with("\r\n");
    // U+0080 to U+009F are control characters, too.
    if ((byte < 0x20 && !line_end) || byte == 0x7f || (byte == 0xc2 && length == 2 && (text[1] & 0x20) == 0))
      length = 0;
    if (is_direction(text)) length = 0;
    if (length == 0 && styled) length = colour_length(text);
    if (length == 0) add_escaped(result, text[0]);
    result += text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string result;
  for (const char c : text.substr(0, limit)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f)
      result += c;
    else
      add_escaped(result, c);
  }
  if (text.size() > limit) result += "...";
  return result;
}

std::string xml_escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '\'':
        result += "&apos;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\t' || c == '\n') result += c;
    }
  }
  return result;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace vgpukit
