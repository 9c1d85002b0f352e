#include "build/preprocessor_lines.hpp"

#include <algorithm>

#include "support/text.hpp"

namespace vgpukit::build {
namespace {

// The identifier at the start of the text.
std::string_view word_of(std::string_view text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_identifier_character);
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

// The macro that the condition requires to be undefined: "#ifndef X", "#if !defined(X)" -> X; otherwise empty.
std::string_view undefined_macro_of(const std::string& condition) {
  std::string_view rest = condition;
  if (rest.starts_with("#ifndef")) return trimmed(rest.substr(7));
  if (!rest.starts_with("#if")) return {};
  rest = trimmed(rest.substr(3));
  if (!rest.starts_with('!')) return {};
  rest = trimmed(rest.substr(1));
  if (!rest.starts_with("defined")) return {};
  rest = trimmed(rest.substr(7));
  const auto name = rest.starts_with('(') ? word_of(trimmed(rest.substr(1))) : word_of(rest);
  const auto after = trimmed(rest.substr(static_cast<std::size_t>(name.data() + name.size() - rest.data())));
  return after.empty() || after == ")" ? name : std::string_view();
}

}  // namespace

void each_logical_line(std::string_view text, const std::function<bool(std::string_view line)>& use) {
  std::string line;
  const auto flush = [&] {
    const auto plain = trimmed(line);
    const bool go_on = plain.empty() || use(plain);
    line.clear();
    return go_on;
  };
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (c == '\\' && (next == '\n' || (next == '\r' && text.substr(i + 2).starts_with('\n')))) {
      i = text.find('\n', i) + 1;
    } else if (c == '/' && next == '*') {
      const auto end = text.find("*/", i + 2);
      if (end == std::string_view::npos) return;
      i = end + 2;
      line += ' ';
    } else if (c == '/' && next == '/') {
      while (i < text.size() && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;  // a backslash at its end continues it
    } else if (c == '"' || c == '\'') {
      const auto start = i++;
      while (i < text.size() && text[i] != c && text[i] != '\n') i += text[i] == '\\' ? 2 : 1;
      i = std::min(i + (i < text.size() && text[i] == c ? 1 : 0), text.size());
      line += text.substr(start, i - start);
    } else if (c == '\n') {
      ++i;
      if (!flush()) return;
    } else {
      line += c;
      ++i;
    }
  }
  flush();
}

Line read_line(std::string_view text) {
  Line line;
  line.text = text;
  if (!text.starts_with('#')) return line;
  const auto directive = trimmed(text.substr(1));
  line.text = "#" + std::string(directive);
  line.kind = Line::Kind::other_directive;
  const auto word = word_of(directive);
  const auto rest = trimmed(directive.substr(word.size()));
  if (word == "include" && !rest.empty()) {
    const auto close = rest.find(rest[0] == '<' ? '>' : '"', 1);
    if ((rest[0] != '<' && rest[0] != '"') || close == std::string_view::npos) return line;
    line.kind = Line::Kind::include;
    line.quoted = rest[0] == '"';
    line.name = rest.substr(1, close - 1);
  } else if (word == "define") {
    line.kind = Line::Kind::define;
    line.name = word_of(rest);
    line.plain = !line.name.empty() && line.name == rest;
  } else if (word == "if" || word == "ifdef" || word == "ifndef" || word == "elif" || word == "else" ||
             word == "endif") {
    line.kind = Line::Kind::condition;
  }
  return line;
}

Header read_header(std::string_view text) {
  Header header;
  each_logical_line(text, [&](std::string_view line) {
    auto read = read_line(line);
    if (read.kind != Line::Kind::text || header.lines.empty() || header.lines.back().kind != Line::Kind::text)
      header.lines.push_back(std::move(read));
    return true;
  });
  auto& lines = header.lines;
  if (!lines.empty() && lines[0].text == "#pragma once") {
    lines.erase(lines.begin());
    header.may_be_included_twice = true;
    return header;
  }
  header.may_be_included_twice =
      std::all_of(lines.begin(), lines.end(), [](const Line& line) { return line.kind == Line::Kind::define; });
  if (lines.size() < 3 || lines[1].kind != Line::Kind::define) return header;
  const auto guard = undefined_macro_of(lines[0].text);
  if (guard.empty() || guard != lines[1].name) return header;
  int depth = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].kind != Line::Kind::condition) {
      if (lines[i].kind == Line::Kind::other_directive && lines[i].text.starts_with("#undef") &&
          trimmed(std::string_view(lines[i].text).substr(6)) == guard)
        return header;
      continue;
    }
    const std::string_view condition = lines[i].text;
    if (condition.starts_with("#if"))
      ++depth;
    else if (condition.starts_with("#endif"))
      --depth;
    else if (depth == 1)
      return header;  // an #else of the guard
    if (depth == 0 && i + 1 != lines.size()) return header;
  }
  if (depth != 0) return header;
  header.may_be_included_twice = true;
  lines.pop_back();
  lines.erase(lines.begin(), lines.begin() + 2);
  return header;
}

bool may_be_included_twice(std::string_view header) {
  return read_header(header).may_be_included_twice;
}

}  // namespace vgpukit::build
