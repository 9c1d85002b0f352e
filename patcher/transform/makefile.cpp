#include "transform/makefile.hpp"

#include <algorithm>

#include "transform/source_text.hpp"

namespace vgpukit::transform {
namespace {

bool is_name_character(char c) {
  return is_identifier_character(c) || c == '-' || c == '.';
}
bool blank_char(char c) {
  return c == ' ' || c == '\t';
}

class MakefileReader {
 public:
  explicit MakefileReader(std::string_view text) { made_.text = text; }

  Makefile run() {
    int line = 1;
    for (std::size_t at = 0; at < made_.text.size();) {
      const std::size_t end = logical_end(at);
      const std::size_t next = next_line(made_.text, end);
      line_number_ = line;
      logical_line({at, end}, next);
      line += static_cast<int>(std::count(made_.text.begin() + static_cast<std::ptrdiff_t>(at),
                                          made_.text.begin() + static_cast<std::ptrdiff_t>(next), '\n'));
      at = next;
    }
    return std::move(made_);
  }

 private:
  char at(std::size_t i) const { return i < made_.text.size() ? made_.text[i] : '\n'; }

  // The position of the newline of a line with all its continuations.
  std::size_t logical_end(std::size_t begin) const {
    for (;;) {
      const std::size_t end = line_end(made_.text, begin);
      std::size_t slashes = 0;
      while (end > begin + slashes && made_.text[end - slashes - 1] == '\\') ++slashes;
      const std::size_t next = next_line(made_.text, end);
      if (slashes % 2 == 0 || next >= made_.text.size()) return end;
      begin = next;
    }
  }

  std::size_t skip_blanks(std::size_t i, std::size_t end) const {
    while (i < end && (blank_char(at(i)) || (at(i) == '\\' && (at(i + 1) == '\n' || at(i + 1) == '\r')) ||
                       at(i) == '\n' || at(i) == '\r'))
      ++i;
    return i;
  }

  // The beginning of the comment, or the end of the line. "\#" is not a comment.
  std::size_t comment_begin(Span line) const {
    for (std::size_t i = line.begin; i < line.end; ++i) {
      if (at(i) == '\\' && (at(i + 1) == '#' || at(i + 1) == '\\'))
        ++i;
      else if (at(i) == '#')
        return i;
    }
    return line.end;
  }

  std::string_view first_word(Span line) const {
    const std::size_t begin = skip_blanks(line.begin, line.end);
    std::size_t end = begin;
    while (end < line.end && is_name_character(at(end))) ++end;
    return made_.text.substr(begin, end - begin);
  }

  void logical_line(Span whole, std::size_t next) {
    if (in_rule_ && at(whole.begin) == '\t') return references(whole);
    const Span code{whole.begin, comment_begin(whole)};
    const std::string_view word = first_word(code);
    if (defines_ > 0) return in_definition(whole, code, word);
    if (blank(made_.at(code))) return;
    references(code);
    if (conditional(code, word, next)) return;
    if (word == "define") return begin_definition(code, word);
    const bool assigned = assignment(whole, code, code.begin, false);
    in_rule_ = !assigned && rule_colon(code) < code.end;
    if (in_rule_) assignment_of_target(whole, code);
    if (!assigned && (word == "export" || word == "unexport" || word == "undefine")) named_words(code, word);
  }

  void begin_definition(Span code, std::string_view word) {
    named_words(code, word);
    ++defines_;
  }

  // A line between define and endef: text that is often makefile code for $(eval). A line of a recipe is not.
  void in_definition(Span whole, Span code, std::string_view word) {
    references(whole);
    if (at(whole.begin) == '\t') return;
    if (word == "define") return begin_definition(code, word);
    if (word == "endef") {
      --defines_;
      return;
    }
    const std::size_t known = made_.assignments.size();
    if (tests_name(word))
      named_words(code, word);
    else if (!assignment(whole, code, code.begin, false))
      assignment_of_target(whole, code);
    for (std::size_t i = known; i < made_.assignments.size(); ++i) made_.assignments[i].in_define = true;
  }

  static bool tests_name(std::string_view word) { return word == "ifdef" || word == "ifndef"; }

  bool conditional(Span code, std::string_view word, std::size_t next) {
    if (word == "ifeq" || word == "ifneq" || word == "ifdef" || word == "ifndef") {
      if (tests_name(word)) named_words(code, word);
      if (depth_++ == 0) outermost_ = made_.assignments.size();
      return true;
    }
    if (word == "endif" && depth_ > 0) {
      if (--depth_ > 0) return true;
      for (std::size_t i = outermost_; i < made_.assignments.size(); ++i) made_.assignments[i].conditional_end = next;
      return true;
    }
    if (word == "else") {  // `else ifdef NAME`
      const auto behind = static_cast<std::size_t>(word.data() - made_.text.data()) + word.size();
      const std::string_view second = first_word({behind, code.end});
      if (tests_name(second)) named_words(code, second);
    }
    return word == "else" || word == "endif";
  }

  // The names after ifdef, export and so on.
  void named_words(Span code, std::string_view word) {
    std::size_t i = static_cast<std::size_t>(word.data() - made_.text.data()) + word.size();
    while ((i = skip_blanks(i, code.end)) < code.end) {
      const std::size_t begin = i;
      while (i < code.end && is_name_character(at(i))) ++i;
      if (i == begin) return;
      made_.references.push_back({{begin, i}, line_at(code, begin)});
    }
  }

  int line_at(Span code, std::size_t i) const {
    return line_number_ + static_cast<int>(std::count(made_.text.begin() + static_cast<std::ptrdiff_t>(code.begin),
                                                      made_.text.begin() + static_cast<std::ptrdiff_t>(i), '\n'));
  }

  bool assignment(Span whole, Span code, std::size_t from, bool of_target) {
    std::size_t i = skip_blanks(from, code.end);
    std::size_t begin = i;
    for (;;) {  // modifiers first
      while (i < code.end && is_name_character(at(i))) ++i;
      const std::string_view word = made_.text.substr(begin, i - begin);
      if (word != "override" && word != "export" && word != "private") break;
      const std::size_t after = skip_blanks(i, code.end);
      if (!is_name_character(at(after))) break;
      begin = i = after;
    }
    const Span name{begin, i};
    if (name.begin == name.end) return false;
    i = skip_blanks(i, code.end);
    const std::string_view op = operator_at(i, code.end);
    if (op.empty()) return false;
    Span value{skip_blanks(i + op.size(), code.end), code.end};
    while (value.end > value.begin && (blank_char(at(value.end - 1)) || at(value.end - 1) == '\r')) --value.end;
    made_.assignments.push_back({name, op, whole, value, line_number_, depth_, of_target, false, std::nullopt});
    return true;
  }

  // The operator of an assignment; empty if there is none.
  std::string_view operator_at(std::size_t i, std::size_t end) const {
    for (const std::string_view candidate : {"+=", "?=", ":::=", "::=", ":=", "!=", "="})
      if (made_.text.substr(i, std::min(candidate.size(), end - i)) == candidate)
        return made_.text.substr(i, candidate.size());
    return {};
  }

  // The colon of a rule, which is not in $(...); the end if there is none.
  std::size_t rule_colon(Span code) const {
    int depth = 0;
    for (std::size_t i = code.begin; i < code.end; ++i) {
      if (at(i) == '(' || at(i) == '{') ++depth;
      if (at(i) == ')' || at(i) == '}') --depth;
      if (at(i) == ':' && depth == 0) return i;
    }
    return code.end;
  }

  void assignment_of_target(Span whole, Span code) {
    const std::size_t colon = rule_colon(code);
    if (colon < code.end) (void)assignment(whole, code, colon + (at(colon + 1) == ':' ? 2U : 1U), true);
  }

  void references(Span span) {
    for (std::size_t i = span.begin; i + 1 < span.end; ++i) {
      if (at(i) != '$' || (at(i + 1) != '(' && at(i + 1) != '{')) continue;
      std::size_t begin = i + 2;
      std::size_t end = begin;
      while (end < span.end && is_name_character(at(end))) ++end;
      const std::string_view function = made_.text.substr(begin, end - begin);
      if (blank_char(at(end)) &&
          (function == "call" || function == "origin" || function == "flavor" || function == "value")) {
        begin = end = skip_blanks(end, span.end);
        while (end < span.end && is_name_character(at(end))) ++end;
      } else if (blank_char(at(end)) && function == "eval") {
        begin = end = skip_blanks(end, span.end);
        while (end < span.end && is_name_character(at(end))) ++end;
        if (operator_at(skip_blanks(end, span.end), span.end).empty()) continue;
      } else if (at(end) != ')' && at(end) != '}' && at(end) != ':') {
        continue;
      }
      if (end > begin) made_.references.push_back({{begin, end}, line_at(span, begin)});
    }
  }

  Makefile made_;
  int line_number_ = 1;
  std::size_t depth_ = 0;
  std::size_t outermost_ = 0;  // the first assignment inside the outermost open conditional
  bool in_rule_ = false;
  std::size_t defines_ = 0;  // without their endef so far
};

}  // namespace

std::vector<std::string_view> Makefile::value_words(const MakeAssignment& assignment) const {
  std::vector<std::string_view> words = make_words(at(assignment.value));
  for (std::string_view& word : words) {
    const std::size_t behind = static_cast<std::size_t>(word.data() - text.data()) + word.size();
    if (word.ends_with('\\') && behind < text.size() && (text[behind] == '\n' || text[behind] == '\r'))
      word.remove_suffix(1);
  }
  std::erase(words, "");
  return words;
}

Makefile read_makefile(std::string_view text) {
  return MakefileReader(text).run();
}

std::vector<std::string_view> make_words(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    if ((c == '(' || c == '{') && (depth > 0 || (i > 0 && text[i - 1] == '$'))) ++depth;
    if ((c == ')' || c == '}') && depth > 0) --depth;
    if (i < text.size() && (depth > 0 || white_space.find(c) == std::string_view::npos)) continue;
    if (i > begin) words.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  return words;
}

bool is_make_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_name_character);
}

}  // namespace vgpukit::transform
