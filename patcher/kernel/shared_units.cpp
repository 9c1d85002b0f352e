#include "kernel/shared_units.hpp"

#include <algorithm>
#include <cctype>
#include <map>

#include "support/text.hpp"

namespace vgpukit::kernel {

namespace {

// Words, string literals (as one quote) and single characters.
std::vector<std::string_view> tokens_of(std::string_view code) {
  std::vector<std::string_view> tokens;
  for (std::size_t i = 0; i < code.size();) {
    auto end = i + 1;
    if (is_identifier_character(code[i])) {
      while (end < code.size() && is_identifier_character(code[end])) ++end;
      tokens.push_back(code.substr(i, end - i));
    } else if (code[i] == '"') {
      end = std::min(code.find('"', end), code.size() - 1) + 1;
      tokens.push_back(code.substr(i, 1));
    } else if (std::isspace(static_cast<unsigned char>(code[i])) == 0) {
      tokens.push_back(code.substr(i, 1));
    }
    i = end;
  }
  return tokens;
}

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

bool leaves_nothing_behind(std::string_view code) {
  if (code.find_first_of("#\\'") != std::string_view::npos) return false;
  if (contains(code, "//") || contains(code, "/*")) return false;
  const auto tokens = tokens_of(code);
  std::size_t at = 0;
  // Moves behind the bracket that closes the one at `at`. False when there is none, or for a word in between that
  // declares something at file scope.
  const auto skip = [&](std::string_view open, std::string_view close) {
    int depth = 0;
    for (; at < tokens.size(); ++at) {
      if (one_of(tokens[at], {"extern", "asm", "__asm__", "__asm"}) || (open == "(" && one_of(tokens[at], {"{", "}"})))
        return false;
      if (tokens[at] == open) ++depth;
      if (tokens[at] == close && --depth == 0) return ++at, true;
    }
    return false;
  };
  while (at < tokens.size()) {
    for (; at < tokens.size() && tokens[at] != "vgpukit_probe"; ++at) {
      const auto word = tokens[at];
      // It would declare a struct that no header declares.
      if (one_of(word, {"struct", "union", "enum", "typedef", "extern"}) ||
          (word != "*" && !is_identifier_character(word.front())))
        return false;
    }
    if (++at >= tokens.size() || tokens[at] != "(" || !skip("(", ")") || at >= tokens.size()) return false;
    if (tokens[at] == ";")
      ++at;
    else if (tokens[at] != "{" || !skip("{", "}"))
      return false;
  }
  return !tokens.empty();
}

std::set<std::string> names_left_declared(const Question& question, const CompileError& error) {
  const auto space = question.name.rfind(' ');
  if (question.kind == Question::Kind::declaration)
    return space == std::string::npos ? std::set<std::string>() : std::set{question.name.substr(space + 1)};
  const auto& message = error.message;
  // gcc: implicit declaration of function 'f'; clang 15: call to undeclared function 'f'
  for (const char* words : {"implicit declaration of function '", "undeclared function '"}) {
    const auto found = message.find(words);
    if (found == std::string::npos) continue;
    const auto begin = found + std::string_view(words).size();
    return {message.substr(begin, message.find('\'', begin) - begin)};
  }
  return {};
}

bool uses_any(const Question& question, const std::set<std::string>& names) {
  if (names.empty()) return false;
  for (const std::string_view text : {std::string_view(question.name), std::string_view(question.code)})
    for (const auto word : tokens_of(text))
      if (names.contains(std::string(word))) return true;
  return false;
}

std::vector<std::vector<Question>> units_by_headers(const std::vector<Question>& questions) {
  std::map<std::vector<std::string>, std::vector<Question>> by_headers;
  std::vector<std::vector<Question>> units;
  for (const auto& question : questions) {
    // Snippets may define the same names.
    if (question.kind == Question::Kind::compiles)
      units.push_back({question});
    else
      by_headers[question.headers].push_back(question);
  }
  for (auto& [headers, unit] : by_headers) units.push_back(std::move(unit));
  return units;
}

std::vector<std::vector<Question>> shared_units(const std::vector<Question>& questions,
                                                const HeaderClosures& closures) {
  std::map<std::vector<std::string>, std::vector<Question>> by_headers;  // snippets first
  std::vector<Question> others;
  for (const auto& question : questions) {
    const bool is_snippet = question.kind == Question::Kind::compiles;
    if (question.headers.empty() || (is_snippet && !leaves_nothing_behind(question.code))) {
      others.push_back(question);
      continue;
    }
    auto& same = by_headers[question.headers];
    same.insert(is_snippet ? same.begin() : same.end(), question);
  }
  std::vector<HeaderClosures::Files> sets;
  std::vector<const std::vector<Question>*> stages;
  for (const auto& [headers, same] : by_headers) {
    if (auto files = closures.of(headers)) {
      sets.push_back(*std::move(files));
      stages.push_back(&same);
    } else {
      others.insert(others.end(), same.begin(), same.end());
    }
  }
  std::vector<std::vector<Question>> units;
  for (const auto& chain : chains_of_closures(sets)) {
    auto& unit = units.emplace_back();
    for (const std::size_t i : chain) unit.insert(unit.end(), stages[i]->begin(), stages[i]->end());
  }
  for (auto& unit : units_by_headers(others)) units.push_back(std::move(unit));
  return units;
}

}  // namespace vgpukit::kernel
