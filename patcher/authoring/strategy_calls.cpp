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

struct Parameter {
  std::string type, name;
};

// The parameters of the function around a place; nothing if they cannot be read.
std::optional<std::vector<Parameter>> parameters_around(const Evidence& evidence, const ErrorPlace& place) {
  const auto text = evidence.driver.read(place.file);
  if (!text) return std::nullopt;
  const transform::CodeView view(*text);
  const auto& code = view.code();
  const auto open = body_around(view, place.line);
  if (open == 0) return std::nullopt;
  std::size_t begin = open;
  while (begin > 0 && !view.is(begin, "(")) --begin;
  if (begin == 0 || view.partner(begin) != open - 1) return std::nullopt;
  const auto list = std::string(text->substr(code[begin].offset, code[open - 1].offset + 1 - code[begin].offset));
  const auto declared = diagnostics::declarations_in("void f" + list + ";");
  if (declared.empty()) return std::nullopt;
  const auto names = parameter_names(declared[0]);
  std::vector<Parameter> all;
  for (std::size_t i = 0; i < names.size() && i < declared[0].arguments.size(); ++i)
    all.push_back({declared[0].arguments[i], names[i]});
  return all;
}

// The parameter of this type; empty if there is none, or more than one.
std::string parameter_of_type(const std::vector<Parameter>& parameters, const std::string& type) {
  std::string found;
  for (const auto& each : parameters) {
    if (each.type != type && "const " + each.type != type) continue;
    if (!found.empty()) return {};
    found = each.name;
  }
  return found;
}

// A member of this name in what one parameter points to, of an array its first element: "cmd->modifier[0]". Empty if
// there is none, or more than one.
std::string member_of_parameter(diagnostics::HeaderTexts& kernel, const std::vector<Parameter>& parameters,
                                const std::string& name) {
  std::string found;
  for (const auto& each : parameters) {
    if (!each.type.ends_with("*") || std::count(each.type.begin(), each.type.end(), '*') != 1) continue;
    auto type = std::string(trimmed(each.type.substr(0, each.type.size() - 1)));
    if (type.starts_with("const ")) type.erase(0, 6);
    const auto fields = fields_of(kernel, type);
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const auto* one) { return one->name == name; });
    if (field == fields.end()) continue;
    if (!found.empty()) return {};
    found = each.name + "->" + name + (contains((*field)->text, "[") ? "[0]" : "");
  }
  return found;
}

// The call of the one function of this kernel that returns the type and whose arguments the parameters have:
// "drm_get_format_info(dev, cmd->pixel_format, cmd->modifier[0])". Empty if there is none, or more than one.
std::string made_of(diagnostics::HeaderTexts& kernel, const std::vector<Parameter>& parameters,
                    const std::string& type) {
  const auto tag_at = type.find("struct ");
  if (tag_at == std::string::npos) return {};
  const auto tag = type.substr(tag_at + 7, type.find_first_of(" *", tag_at + 7) - tag_at - 7);
  std::set<std::string> calls;
  for (const auto& file : kernel.files()) {
    if (find_word(file.text, tag) == std::string::npos) continue;
    for (const auto& one : kernel.declarations(file)) {
      if (one.kind != NameKind::function || one.arguments.empty()) continue;
      std::string_view result = std::string_view(one.text).substr(0, one.text.find(one.name + "("));
      for (const std::string_view word : {"extern ", "static ", "inline "})
        if (result.starts_with(word)) result.remove_prefix(word.size());
      if (trimmed(result) != type) continue;
      std::string list;
      const auto names = parameter_names(one);
      bool known = names.size() == one.arguments.size();
      for (std::size_t i = 0; known && i < names.size(); ++i) {
        const auto value = contains(one.arguments[i], "struct ") ? parameter_of_type(parameters, one.arguments[i])
                                                                 : member_of_parameter(kernel, parameters, names[i]);
        known = !value.empty();
        append(list, value);
      }
      if (known) calls.insert(one.name + "(" + list + ")");
    }
  }
  return calls.size() == 1 ? *calls.begin() : std::string();
}

// A value of this type that every function with an error has; empty if one has none.
struct Value {
  std::string text, why;
};
Value value_of_callers(const Evidence& evidence, const std::string& type) {
  Value common;
  for (const auto& place : places_of(evidence.errors)) {
    const auto parameters = parameters_around(evidence, place);
    if (!parameters) return {};
    Value here{parameter_of_type(*parameters, type), {}};
    if (!here.text.empty())
      here.why = here.text + " is the " + type + " of the function that calls it";
    else if (here.text = made_of(evidence.kernel, *parameters, type); !here.text.empty())
      here.why = here.text + " makes one of what the calling function has";
    if (here.text.empty() || (!common.text.empty() && common.text != here.text)) return {};
    common = here;
  }
  return common;
}

// The arguments of a call with an #if between its parentheses, each without the directives in front of it. `clean`: it
// has none in front.
struct Argument {
  std::string text;
  bool clean = true;
};
std::vector<Argument> arguments_with_branches(const transform::CodeView& view, std::size_t open) {
  const auto& code = view.code();
  const auto close = view.partner(open);
  std::vector<Argument> all;
  if (close == transform::CodeView::npos) return all;
  for (std::size_t i = open + 1; i < close; ++i) {
    Argument one;
    std::size_t first = i;
    for (; i < close && !view.is(i, ","); ++i) {
      if (code[i].kind == transform::Token::Kind::directive) {
        first = i + 1;
        one.clean = false;
      } else if (view.partner(i) != transform::CodeView::npos && view.partner(i) > i) {
        i = view.partner(i);
      }
    }
    if (first >= i) return {};
    one.text = std::string(
        view.source().substr(code[first].offset, code[i - 1].offset + code[i - 1].text.size() - code[first].offset));
    all.push_back(std::move(one));
  }
  return all;
}

// Puts the value before the argument at `index` in the calls with errors that have an #if between their parentheses.
// Empty if one has none, or if an #if is at that place.
std::vector<transform::RecognisedStep> insert_between(const Evidence& evidence, std::size_t index,
                                                      const std::string& value) {
  std::vector<transform::RecognisedStep> steps;
  for (const auto& file : files_of(evidence.errors)) {
    const auto text = evidence.driver.read(file);
    if (!text) return {};
    const transform::CodeView view(*text);
    for (std::size_t i = 0; i + 1 < view.code().size(); ++i) {
      if (view.code()[i].text != evidence.api.subject.name || !view.is(i + 1, "(") || view.depth(i) == 0) continue;
      const auto arguments = arguments_with_branches(view, i + 1);
      const bool branches =
          std::any_of(arguments.begin(), arguments.end(), [](const Argument& one) { return !one.clean; });
      if (!branches || index == 0 || index >= arguments.size() || !arguments[index].clean) return {};
      const auto& before = arguments[index - 1].text;
      const auto after = arguments[index].text + (index + 1 == arguments.size() ? ")" : ",");
      steps.push_back(replace_step(before + ", " + after, before + ", " + value + ", " + after, {file}));
    }
  }
  return steps;
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
  std::vector<std::pair<std::size_t, std::string>> added;
  for (std::size_t i = 0; i < forms->now.size(); ++i) {
    const auto old = std::find(places->begin(), places->end(), i);
    if (old != places->end()) {
      append(arguments, "$" + std::to_string(old - places->begin() + 1));
      continue;
    }
    auto value = value_of_callers(evidence, forms->now[i]);
    if (value.text.empty()) {
      value.text = constant_of_callers(evidence.kernel, evidence.api.subject.name, i, forms->now.size());
      value.why = "the kernel's headers call it with " + value.text;
    }
    if (value.text.empty()) return {};
    append(why, value.why);
    append(arguments, value.text);
    added.emplace_back(i, value.text);
  }
  if (added.size() == 1)
    if (auto steps = insert_between(evidence, added[0].first, added[0].second); !steps.empty())
      return {{"add-argument", why, false, {std::move(steps), {}, {}}}};
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
