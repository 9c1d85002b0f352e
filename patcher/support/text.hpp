// Words, lines and times in text.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace vgpukit {

std::string joined(const std::vector<std::string>& words, std::string_view between);
std::vector<std::string> lines_of(std::string_view text);  // without their newlines; no empty one behind the last newline
// The same, one after the other, without copying them.
template <class Use>
void each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const auto newline = std::min(text.find('\n'), text.size());
    use(text.substr(0, newline));
    text.remove_prefix(std::min(newline + 1, text.size()));
  }
}
std::string utc_now();  // 2026-11-20T16:00:00Z

inline bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

// Calls f(line, number) for each line without its newline; numbers count from 1.
template <class F>
void for_each_line(std::string_view text, F f) {
  int number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    f(text.substr(0, end), ++number);
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

// A line that is a comment of make or the shell.
inline bool is_comment(std::string_view line) {
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  return line.starts_with('#');
}

// Where `word` stands in `line` with no letter, digit or '_' beside it; npos when it does not.
std::string_view::size_type find_word(std::string_view line, std::string_view word);

std::vector<std::string> split_words(std::string_view line);

// Somebody else's text in a message of ours: control characters are shown as \xNN, and it is cut at `limit` characters. A name in
// an archive must not be able to write to the user's terminal.
std::string printable(std::string_view text, std::size_t limit = 160);


}  // namespace vgpukit
