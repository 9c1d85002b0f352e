// The strategy from the driver's own #if: it has code for such a kernel, and a conftest test with a wrong answer leaves
// that out.
#include <algorithm>
#include <optional>

#include "authoring/strategies.hpp"
#include "support/text.hpp"
#include "transform/code_view.hpp"

namespace vgpukit::authoring {
namespace {

using diagnostics::NameKind;
using transform::CodeView;
using transform::Token;
using Words = std::set<std::string, std::less<>>;

// An #if with one conftest macro, an #else, and the branches between.
struct Choice {
  std::string directive;  // "#if defined(NV_X)"
  std::string macro;      // "NV_X"
  bool if_defined = true;
  int if_line = 0, else_line = 0, end_line = 0;  // else_line 0: there is none

  [[nodiscard]] bool in_first(int line) const { return line > if_line && (else_line == 0 || line < else_line); }
  // Whether the compiler, which reached this line, has the macro.
  [[nodiscard]] bool is_defined(int line) const { return in_first(line) == if_defined; }
};

// "#if !defined(NV_X)", "#ifdef NV_X"; nothing for any other condition.
std::optional<Choice> choice_at(const Token& directive) {
  std::vector<std::string_view> words;
  for (const auto& word : transform::lex_directive(directive.text)) words.push_back(word.text);
  if (words.empty()) return std::nullopt;
  Choice choice{std::string(directive.text), {}, words[0] != "ifndef", directive.line, 0, 0};
  if (words[0] == "if") {
    words.erase(words.begin());
    while (!words.empty() && words[0] == "!") choice.if_defined = !choice.if_defined, words.erase(words.begin());
    if (words.empty() || words[0] != "defined") return std::nullopt;
  } else if (words[0] != "ifdef" && words[0] != "ifndef") {
    return std::nullopt;
  }
  std::erase_if(words, [](auto word) { return word == "(" || word == ")"; });
  if (words.size() != 2 || !words[1].starts_with("NV_")) return std::nullopt;
  choice.macro = words[1];
  return choice;
}

// Those around a line, the innermost first.
std::vector<Choice> choices_around(const CodeView& view, int line) {
  std::vector<std::optional<Choice>> open;
  std::vector<Choice> around;
  for (const auto& token : view.code()) {
    if (token.kind != Token::Kind::directive) continue;
    const auto words = transform::lex_directive(token.text);
    const auto word = words.empty() ? std::string_view() : words[0].text;
    if (word.starts_with("if")) {
      open.push_back(choice_at(token));
    } else if (open.empty()) {
      continue;
    } else if (word == "else" && open.back()) {
      open.back()->else_line = token.line;
    } else if (word == "elif") {
      open.back().reset();
    } else if (word == "endif") {
      if (auto& one = open.back(); one && one->if_line < line && token.line > line) {
        one->end_line = token.line;
        around.push_back(*std::move(one));
      }
      open.pop_back();
    }
  }
  return around;
}

Words words_between(const CodeView& view, int after, int before) {
  Words words;
  for (const auto& token : view.code())
    if (token.line > after && token.line < before && token.kind == Token::Kind::identifier) words.emplace(token.text);
  return words;
}

// Whether the names share a word of at least four letters: del_timer and timer_delete.
bool share_a_word(std::string_view one, std::string_view other) {
  while (!one.empty()) {
    const auto end = std::min(one.find('_'), one.size());
    if (end >= 4 && contains(other, one.substr(0, end))) return true;
    one.remove_prefix(std::min(end + 1, one.size()));
  }
  return false;
}

// Of the names that only the other branch has, one that is similar to the subject's and that this kernel declares. Any
// other branch may be for a kernel without the whole feature.
std::string declared_in_other(const Evidence& evidence, const CodeView& view, const Choice& choice, int line) {
  if (choice.else_line == 0) return {};
  const auto first = words_between(view, choice.if_line, choice.else_line);
  const auto second = words_between(view, choice.else_line, choice.end_line);
  auto names = choice.in_first(line) ? second : first;
  const auto& here = choice.in_first(line) ? first : second;
  std::erase_if(names, [&](const std::string& name) {
    return here.contains(name) || !share_a_word(evidence.api.subject.name, name);
  });
  for (const auto& [name, found] : evidence.kernel.find(names, {}))
    for (const auto& each : found)
      if (each.declaration->kind == NameKind::function || each.declaration->kind == NameKind::macro) return name;
  return {};
}

}  // namespace

std::vector<Candidate> other_branch(const Evidence& evidence) {
  const auto places = places_of(evidence.errors);
  const auto script = evidence.driver.read("conftest.sh");
  if (places.empty() || !script) return {};
  std::vector<Candidate> all;
  const auto first = evidence.driver.read(places.front().file);
  if (!first) return {};
  const CodeView view(*first);
  for (const auto& choice : choices_around(view, places.front().line)) {
    const auto name = declared_in_other(evidence, view, choice, places.front().line);
    if (name.empty() || find_word(*script, choice.macro) == std::string::npos) continue;
    const bool is_defined = choice.is_defined(places.front().line);
    // Every place has to be in such a branch.
    Words directives;
    const bool everywhere = std::all_of(places.begin(), places.end(), [&](const ErrorPlace& place) {
      const auto text = evidence.driver.read(place.file);
      if (!text) return false;
      const auto around = choices_around(CodeView(*text), place.line);
      const auto same = std::find_if(around.begin(), around.end(), [&](const Choice& each) {
        return each.macro == choice.macro && each.is_defined(place.line) == is_defined;
      });
      if (same == around.end()) return false;
      directives.insert(same->directive);
      return true;
    });
    if (!everywhere) continue;
    Candidate candidate{"other-branch",
                        "the driver's code for a kernel " + std::string(is_defined ? "without " : "with ") +
                            choice.macro + " has " + name + "(), which this kernel declares",
                        false,
                        {}};
    const auto line = (is_defined ? "#undef " : "#define ") + choice.macro + "\n";
    for (const auto& directive : directives)
      candidate.change.steps.push_back(replace_step(directive, line + directive, files_of(evidence.errors)));
    all.push_back(std::move(candidate));
  }
  return all;
}

}  // namespace vgpukit::authoring
