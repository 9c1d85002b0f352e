// Strategies for functions, macros, constants and types that are gone.
#include <algorithm>
#include <array>

#include "authoring/draft_text.hpp"
#include "authoring/strategies.hpp"
#include "support/text.hpp"
#include "transform/call_sites.hpp"
#include "transform/code_view.hpp"

namespace vgpukit::authoring {
namespace {

using diagnostics::NameKind;
using transform::Token;

bool is_name(const diagnostics::Subject& subject) {
  return subject.kind != NameKind::field && subject.kind != NameKind::header && subject.kind != NameKind::symbol;
}

bool is_gone_name(const Evidence& evidence) {
  return evidence.api.subject.gone && !evidence.api.now && is_name(evidence.api.subject);
}

// The one expression of a macro or of an inline function that only returns or calls; empty if there is more.
std::string one_expression(const diagnostics::Declaration& old) {
  std::string_view body = trimmed(old.body);
  if (old.kind == NameKind::function) {
    if (!body.starts_with('{')) return {};
    body = trimmed(body.substr(1));
    if (body.ends_with('}')) body = trimmed(body.substr(0, body.size() - 1));
    if (!body.ends_with(';')) return {};
    body = trimmed(body.substr(0, body.size() - 1));
    if (body.starts_with("return") && body.size() > 6 && !is_identifier_character(body[6]))
      body = trimmed(body.substr(6));
  }
  if (body.empty() || body.find_first_of(";{}#\\") != std::string_view::npos || contains(body, "BUG")) return {};
  std::string text;
  const transform::CodeView view(body);
  for (const auto& token : view.code()) {
    static constexpr std::array<std::string_view, 9> statements = {"=",  "if",     "else", "for",   "while",
                                                                   "do", "switch", "goto", "return"};
    if (token.kind == Token::Kind::directive ||
        std::find(statements.begin(), statements.end(), token.text) != statements.end())
      return {};
    const bool words = !text.empty() && is_identifier_character(text.back()) && is_identifier_character(token.text[0]);
    const auto at = token.offset;
    const bool spaced = at > 0 && is_blank(body[at - 1]);
    if (!text.empty() && (words || spaced || body[at - 1] == '\n')) text += ' ';
    text += token.text;
  }
  return text;
}

// The text with the parameters as $1, $2, ...; in parentheses unless they are a whole argument. Empty if that is not
// possible: a parameter has no name, or there are more than nine.
std::string with_wildcards(const std::string& text, const std::vector<std::string>& names) {
  if (names.size() > 9) return {};
  std::string result;
  const transform::CodeView view(text);
  const auto& code = view.code();
  std::size_t copied = 0;
  for (std::size_t i = 0; i < code.size(); ++i) {
    const auto at = std::find(names.begin(), names.end(), code[i].text);
    const bool member = i > 0 && (view.is(i - 1, "->") || view.is(i - 1, "."));
    if (code[i].kind != Token::Kind::identifier || at == names.end() || member) continue;
    const auto wildcard = "$" + std::to_string(at - names.begin() + 1);
    const bool alone = (i > 0 && (view.is(i - 1, "(") || view.is(i - 1, ","))) &&
                       (i + 1 < code.size() && (view.is(i + 1, ")") || view.is(i + 1, ",")));
    result += text.substr(copied, code[i].offset - copied) + (alone ? wildcard : "(" + wildcard + ")");
    copied = code[i].offset + code[i].text.size();
  }
  return result + text.substr(copied);
}

// The function that the expression calls, if it is one call: "dma_set_mask(&($1)->dev, $2)".
struct Call {
  std::string name, arguments;
};
std::optional<Call> one_call(const std::string& expression) {
  const transform::CodeView view(expression);
  const auto& code = view.code();
  if (code.size() < 3 || code[0].kind != Token::Kind::identifier || !view.is(1, "(") ||
      view.partner(1) != code.size() - 1)
    return std::nullopt;
  const auto from = code[1].offset + 1;
  return Call{std::string(code[0].text), std::string(trimmed(expression.substr(from, code.back().offset - from)))};
}

// Whether both kernels declare the name in the same way: what was built from it means the same today.
bool unchanged(Evidence const& evidence, const std::string& name) {
  if (!evidence.api.before) return false;
  const auto texts = [&](diagnostics::HeaderTexts& kernel) {
    std::set<std::string> all;
    for (const auto& [word, found] : kernel.find({name}, {}))
      for (const auto& one : found)
        if (one.declaration->kind == NameKind::function || one.declaration->kind == NameKind::macro)
          all.insert(one.declaration->text);
    return all;
  };
  for (auto& each : evidence.older) {
    if (each.release() != evidence.api.before->kernel) continue;
    const auto now = texts(evidence.kernel);
    const auto before = texts(each);
    return std::any_of(now.begin(), now.end(), [&](const auto& text) { return before.contains(text); });
  }
  return false;
}

}  // namespace

std::vector<Candidate> rename(const Evidence& evidence) {
  if (!is_gone_name(evidence) || evidence.api.nearest.empty() || !evidence.api.nearest.front().likely_rename) return {};
  // The draft renames by itself.
  const auto& near = evidence.api.nearest.front();
  Candidate candidate{"rename", near.name + ": " + near.why, near.why == "it has the same members", {}};
  return {candidate};
}

std::vector<Candidate> rebuild(const Evidence& evidence) {
  if (!is_gone_name(evidence)) return {};
  const auto* old = evidence.before();
  if (!old || old->kind == NameKind::type) return {};
  const auto expression = one_expression(*old);
  if (expression.empty()) return {};
  const auto names = parameter_names(*old);
  const auto& name = evidence.api.subject.name;
  if (find_word(expression, name) != std::string::npos) return {};
  // An initializer without the field has the same value.
  if (expression == "NULL" || expression == "0")
    if (auto dropped = drop_value(evidence); !dropped.empty()) {
      dropped[0].why += ", and " + evidence.api.before->kernel + " has it as " + expression;
      dropped[0].proven = true;
      return dropped;
    }
  const auto filled = with_wildcards(expression, names);
  if (filled.empty()) return {};
  Candidate candidate{
      "rebuild",
      evidence.api.before->kernel + "'s <" + evidence.api.before->header + "> has it as " + printable(expression),
      false,
      {}};
  if (!old->callable) {
    if (const auto plain = trimmed(expression); is_identifier(plain)) {
      candidate.change.steps.push_back(step("rename-token", {{"from", name}, {"to", std::string(plain)}}));
      candidate.proven = unchanged(evidence, std::string(plain));
    } else {
      candidate.change.steps.push_back(step("rename-token", {{"from", name}, {"to", "(" + filled + ")"}}));
    }
    return {candidate};
  }
  if (const auto call = one_call(filled)) {
    std::string same;
    for (std::size_t i = 0; i < names.size(); ++i) append(same, "$" + std::to_string(i + 1));
    std::vector<std::pair<std::string, std::string>> parameters = {{"from", name}, {"to", call->name}};
    if (call->arguments != same) parameters.emplace_back("arguments", call->arguments);
    candidate.change.steps.push_back(step("rename-call", std::move(parameters)));
    candidate.proven = unchanged(evidence, call->name);
    return {candidate};
  }
  std::string find = name + "(";
  for (std::size_t i = 0; i < names.size(); ++i) find += (i > 0 ? ", $" : "$") + std::to_string(i + 1);
  candidate.change.steps.push_back(replace_step(find + ")", "(" + filled + ")"));
  return {candidate};
}

std::vector<Candidate> drop_value(const Evidence& evidence) {
  if (!is_gone_name(evidence)) return {};
  const auto& name = evidence.api.subject.name;
  std::vector<std::string> fields;
  std::size_t uses = 0;
  for (const auto& place : places_of(evidence.errors)) {
    const auto text = evidence.driver.read(place.file);
    if (!text) return {};
    const transform::CodeView view(*text);
    const auto& code = view.code();
    for (std::size_t i = 3; i + 1 < code.size(); ++i) {
      if (code[i].line != place.line || code[i].text != name) continue;
      ++uses;
      const bool value = view.is(i - 1, "=") && view.is(i - 3, ".") && (view.is(i + 1, ",") || view.is(i + 1, "}"));
      if (!value) return {};
      if (std::find(fields.begin(), fields.end(), code[i - 2].text) == fields.end())
        fields.emplace_back(code[i - 2].text);
    }
  }
  if (uses == 0 || fields.empty()) return {};
  Candidate candidate{"drop-value", "it is only the value of ." + join(fields, ", .") + " in initializers", false, {}};
  for (const auto& field : fields)
    candidate.change.steps.push_back(step("remove-initializer", {{"field", field}, {"value", name}}));
  return {candidate};
}

std::vector<Candidate> fail_wrapper(const Evidence& evidence) {
  if (!is_gone_name(evidence) || evidence.api.subject.kind != NameKind::function) return {};
  const auto& name = evidence.api.subject.name;
  std::vector<transform::RecognisedStep> steps;
  for (const auto& place : places_of(evidence.errors)) {
    const auto text = evidence.driver.read(place.file);
    if (!text) return {};
    const transform::CodeView view(*text);
    const auto& code = view.code();
    const auto open = body_around(view, place.line);
    const auto close = open == 0 ? transform::CodeView::npos : view.partner(open);
    if (close == transform::CodeView::npos || !view.is(open - 1, ")")) return {};
    const auto parameters = view.partner(open - 1);
    if (parameters == transform::CodeView::npos || parameters < 2 || !view.is(parameters - 2, "int")) return {};
    // All statements are `return f(...);`, in branches of an #if, and one calls the function.
    bool calls = false;
    for (std::size_t i = open + 1; i < close; ++i) {
      if (code[i].kind == Token::Kind::directive) continue;
      const bool returns = view.is(i, "return") && i + 2 < close && view.is(i + 2, "(");
      const auto end = returns ? view.partner(i + 2) : transform::CodeView::npos;
      if (end == transform::CodeView::npos || !view.is(end + 1, ";")) return {};
      calls = calls || code[i + 1].text == name;
      i = end + 1;
    }
    if (!calls) return {};
    auto made = step("replace-function-body",
                     {{"function", std::string(code[parameters - 1].text)}, {"body", "    return -1;"}}, {place.file});
    if (std::none_of(steps.begin(), steps.end(), [&](const auto& each) { return each.parameters == made.parameters; }))
      steps.push_back(std::move(made));
  }
  if (steps.empty()) return {};
  return {{"fail-wrapper",
           "the driver calls it in a function that does nothing else, which now always fails",
           false,
           {std::move(steps), {}, {}}}};
}

std::vector<Candidate> quote_argument(const Evidence& evidence) {
  if (!is_gone_name(evidence) || evidence.api.before) return {};
  const auto& name = evidence.api.subject.name;
  std::string macro;
  for (const auto& place : places_of(evidence.errors)) {
    const auto text = evidence.driver.read(place.file);
    if (!text) return {};
    const transform::CodeView view(*text);
    const auto& code = view.code();
    bool here = false;
    for (std::size_t i = 2; i + 1 < code.size(); ++i) {
      if (code[i].line != place.line || code[i].text != name) continue;
      if (!view.is(i - 1, "(") || !view.is(i + 1, ")") || code[i - 2].kind != Token::Kind::identifier) return {};
      if (!macro.empty() && macro != code[i - 2].text) return {};
      macro = code[i - 2].text;
      here = true;
    }
    if (!here) return {};
  }
  if (macro.empty()) return {};
  for (const auto& [word, all] : evidence.kernel.find({macro}, {}))
    for (const auto& found : all)
      if (found.declaration->kind == NameKind::macro && found.declaration->arguments.size() == 1) {
        Candidate candidate{"quote-argument", "no kernel declares it, and " + macro + "() is a macro", false, {}};
        candidate.change.kernel =
            "    lacks:\n      compiles: \"" + macro + "(VGPUKIT_PROBE);\"\n      about: " + macro +
            "() with a bare word\n      of: " + macro + "\n      header: " + included_header(found.file->name) + "\n";
        candidate.change.steps.push_back(replace_step(macro + "(" + name + ")", macro + "(\"" + name + "\")"));
        return {candidate};
      }
  return {};
}

}  // namespace vgpukit::authoring
