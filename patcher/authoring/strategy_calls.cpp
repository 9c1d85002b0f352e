// Strategies for functions and macros that take other arguments or return nothing.
#include <algorithm>
#include <optional>

#include "authoring/strategies.hpp"
#include "support/text.hpp"
#include "transform/call_sites.hpp"
#include "transform/code_view.hpp"

namespace vgpukit::authoring {
namespace {

using diagnostics::NameKind;
using Types = std::vector<std::string>;

bool is_changed_call(const Evidence& evidence) {
  const auto& subject = evidence.api.subject;
  return !subject.gone && (subject.kind == NameKind::function || subject.kind == NameKind::macro);
}

// For each of `parts` its index in `whole`, in order; nothing if there is none, or more than one way.
std::optional<std::vector<std::size_t>> places_in(const Types& parts, const Types& whole) {
  std::vector<std::size_t> first;
  std::size_t at = 0;
  for (const auto& part : parts) {
    while (at < whole.size() && whole[at] != part) ++at;
    if (at == whole.size()) return std::nullopt;
    first.push_back(at++);
  }
  std::vector<std::size_t> last(parts.size());
  at = whole.size();
  for (std::size_t i = parts.size(); i-- > 0;) {
    while (at > 0 && whole[at - 1] != parts[i]) --at;
    if (at == 0) return std::nullopt;
    last[i] = --at;
  }
  return first == last ? std::optional(first) : std::nullopt;
}

// What is compared: the types of a function, the names of a macro's parameters.
struct Forms {
  Types before, now;
};
std::optional<Forms> forms_of(const Evidence& evidence) {
  const auto* before = evidence.before();
  const auto* now = evidence.now();
  if (!before || !now || !before->callable || !now->callable) return std::nullopt;
  if (before->kind == now->kind) return Forms{before->arguments, now->arguments};
  return Forms{parameter_names(*before), parameter_names(*now)};
}

Candidate call_with(const Evidence& evidence, const std::string& strategy, const std::string& why, std::size_t before,
                    const std::string& arguments) {
  const auto& name = evidence.api.subject.name;
  Candidate candidate{strategy, why, false, {}};
  candidate.change.steps.push_back(
      step("rename-call",
           {{"from", name}, {"to", name}, {"when-arguments", std::to_string(before)}, {"arguments", arguments}}));
  return candidate;
}

// Whether a call in the files with errors passes the address of something at an index that is not in `kept`: the
// function wrote a result there.
bool drops_a_result(const Evidence& evidence, const std::vector<std::size_t>& kept) {
  for (const auto& file : files_of(evidence.errors)) {
    const auto text = evidence.driver.read(file);
    if (!text) return true;
    const transform::CodeView view(*text);
    for (const auto& call : transform::find_calls(view, evidence.api.subject.name))
      for (std::size_t i = 0; i < call.arguments.size(); ++i)
        if (std::find(kept.begin(), kept.end(), i) == kept.end() && (*text)[call.arguments[i].begin] == '&')
          return true;
  }
  return false;
}

// What a call in a header of this kernel passes at `index`, if it is a constant. Empty if there is none, or several.
std::string constant_of_callers(diagnostics::HeaderTexts& kernel, const std::string& name, std::size_t index,
                                std::size_t count) {
  std::set<std::string> seen;
  for (const auto& file : kernel.files()) {
    if (find_word(file.text, name) == std::string::npos) continue;
    const transform::CodeView view(file.text);
    for (const auto& call : transform::find_calls(view, name)) {
      if (!call.complete || call.arguments.size() != count) continue;
      const auto span = call.arguments[index];
      const auto text = file.text.substr(span.begin, span.end - span.begin);
      const bool constant = text == "true" || text == "false" ||
                            text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == std::string::npos;
      seen.insert(constant ? text : std::string());
    }
  }
  return seen.size() == 1 ? *seen.begin() : std::string();
}

// The variable or parameter of this type that every function with an error has; empty if one has none or several.
std::string variable_of_type(const Evidence& evidence, const std::string& type) {
  std::string common;
  for (const auto& place : places_of(evidence.errors)) {
    const auto text = evidence.driver.read(place.file);
    if (!text) return {};
    const transform::CodeView view(*text);
    const auto& code = view.code();
    const auto open = body_around(view, place.line);
    if (open == 0) return {};
    std::size_t close = open - 1;
    std::size_t begin = open;
    while (begin > 0 && !view.is(begin, "(")) --begin;
    if (begin == 0 || view.partner(begin) != close) return {};
    const auto list = std::string(text->substr(code[begin].offset, code[close].offset + 1 - code[begin].offset));
    const auto declared = diagnostics::declarations_in("void f" + list + ";");
    if (declared.empty()) return {};
    const auto names = parameter_names(declared[0]);
    std::string here;
    for (std::size_t i = 0; i < names.size() && i < declared[0].arguments.size(); ++i)
      if (declared[0].arguments[i] == type) {
        if (!here.empty()) return {};
        here = names[i];
      }
    if (here.empty() || (!common.empty() && common != here)) return {};
    common = here;
  }
  return common;
}

}  // namespace

std::vector<Candidate> remove_argument(const Evidence& evidence) {
  if (!is_changed_call(evidence)) return {};
  const auto forms = forms_of(evidence);
  if (!forms || forms->now.size() >= forms->before.size()) return {};
  const auto places = places_in(forms->now, forms->before);
  if (!places || drops_a_result(evidence, *places)) return {};
  std::string arguments;
  for (const auto place : *places) append(arguments, "$" + std::to_string(place + 1));
  return {call_with(evidence, "remove-argument", "its other arguments are the same: now " + evidence.api.now->text,
                    forms->before.size(), arguments)};
}

std::vector<Candidate> add_argument(const Evidence& evidence) {
  if (!is_changed_call(evidence)) return {};
  const auto forms = forms_of(evidence);
  if (!forms || forms->now.size() <= forms->before.size()) return {};
  const auto places = places_in(forms->before, forms->now);
  if (!places) return {};
  std::string arguments;
  std::string why;
  for (std::size_t i = 0; i < forms->now.size(); ++i) {
    const auto old = std::find(places->begin(), places->end(), i);
    if (old != places->end()) {
      append(arguments, "$" + std::to_string(old - places->begin() + 1));
      continue;
    }
    auto value = variable_of_type(evidence, forms->now[i]);
    if (!value.empty()) append(why, value + " is the " + forms->now[i] + " of the function that calls it");
    if (value.empty()) {
      value = constant_of_callers(evidence.kernel, evidence.api.subject.name, i, forms->now.size());
      if (!value.empty()) append(why, "the kernel's headers call it with " + value);
    }
    if (value.empty()) return {};
    append(arguments, value);
  }
  return {call_with(evidence, "add-argument", why, forms->before.size(), arguments)};
}

std::vector<Candidate> ignore_result(const Evidence& evidence) {
  const auto& name = evidence.api.subject.name;
  if (!is_changed_call(evidence) || !evidence.api.now || !evidence.api.now->text.starts_with("void ")) return {};
  std::vector<transform::RecognisedStep> steps;
  const auto add = [&](const std::string& find, const std::string& with, const std::string& file) {
    const auto made = replace_step(find, with, {file});
    if (std::none_of(steps.begin(), steps.end(),
                     [&](const auto& each) { return each.parameters == made.parameters && each.files == made.files; }))
      steps.push_back(made);
  };
  for (const auto& place : places_of(evidence.errors)) {
    const auto text = evidence.driver.read(place.file);
    if (!text) return {};
    const transform::CodeView view(*text);
    const auto& code = view.code();
    for (std::size_t i = 2; i + 1 < code.size(); ++i) {
      if (code[i].line != place.line || code[i].text != name || !view.is(i + 1, "(")) continue;
      const auto close = view.partner(i + 1);
      if (close == transform::CodeView::npos || !view.is(close + 1, ";")) return {};
      const auto call = std::string(text->substr(code[i].offset, code[close].offset + 1 - code[i].offset));
      if (view.is(i - 1, "return"))
        add("return " + call + ";", call + ";\nreturn 0;", place.file);
      else if (view.is(i - 1, "=") && code[i - 2].kind == transform::Token::Kind::identifier)
        add(std::string(code[i - 2].text) + " = " + call + ";", call + ";\n" + std::string(code[i - 2].text) + " = 0;",
            place.file);
      else
        return {};
    }
  }
  if (steps.empty()) return {};
  return {{"ignore-result", "it returns nothing now, so the driver takes 0", false, {std::move(steps), {}, {}}}};
}

}  // namespace vgpukit::authoring
