// The strategy for function pointers whose type changed: the driver's function gets the parameters that the kernel
// passes.
#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "authoring/strategies.hpp"
#include "support/text.hpp"
#include "transform/code_view.hpp"

namespace vgpukit::authoring {
namespace {

using transform::CodeView;
using transform::Token;

// The functions of the driver that the lines with errors assign to the field.
std::set<std::string> assigned_functions(const Evidence& evidence) {
  std::set<std::string> names;
  for (const auto& place : places_of(evidence.errors)) {
    const auto text = evidence.driver.read(place.file);
    if (!text) continue;
    const CodeView view(*text);
    const auto& code = view.code();
    for (std::size_t i = 2; i + 1 < code.size(); ++i) {
      const bool here = code[i].line == place.line && code[i].kind == Token::Kind::identifier;
      const bool value = view.is(i - 1, "=") || (view.is(i - 1, "&") && view.is(i - 2, "="));
      const bool ends = view.is(i + 1, ",") || view.is(i + 1, ";") || view.is(i + 1, "}");
      if (here && value && ends) names.emplace(code[i].text);
    }
  }
  return names;
}

std::string without_const(const std::string& type) {
  return type.starts_with("const ") ? type.substr(6) : type;
}

// The parameter at `i` as the kernel's header has it; with a name of our own if it has none there.
std::string new_parameter(const std::vector<std::string>& wanted, const std::vector<std::string>& wanted_texts,
                          std::size_t i) {
  if (i < wanted_texts.size() && wanted_texts[i].size() > wanted[i].size()) return wanted_texts[i];
  return wanted[i] + (wanted[i].ends_with('*') ? "" : " ") + "vgpukit_" + std::to_string(i + 1);
}

// The driver's parameters in the form that the kernel wants: the old ones with their names, and new ones. Empty if the
// types do not show which is which.
std::vector<std::string> new_parameters(const std::vector<std::string>& parameters,
                                        const std::vector<std::string>& types, const std::vector<std::string>& wanted,
                                        const std::vector<std::string>& wanted_texts) {
  if (parameters.size() != types.size()) return {};
  std::vector<std::string> result;
  std::size_t used = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    // The next old parameter of this type, with or without const.
    std::size_t at = used;
    while (at < types.size() && without_const(types[at]) != without_const(wanted[i])) ++at;
    if (at < types.size()) {
      used = at + 1;
      const auto& old = parameters[at];
      result.push_back(types[at] == wanted[i] ? old : wanted[i].starts_with("const ") ? "const " + old : old.substr(6));
      continue;
    }
    result.push_back(new_parameter(wanted, wanted_texts, i));
  }
  return result;
}

// For a parameter list with an #if, in which parameters are only inserted before it: the beginning of the list up to
// there, and the new one. Nothing if the types do not show that.
std::optional<std::pair<std::string, std::string>> insertion(const std::string& name,
                                                             const std::vector<std::string>& parameters,
                                                             const std::vector<std::string>& wanted,
                                                             const std::vector<std::string>& wanted_texts) {
  if (wanted.size() <= parameters.size()) return std::nullopt;
  const auto added = wanted.size() - parameters.size();
  const auto has_type = [&](const std::string& parameter, const std::string& type) {
    const auto declared = diagnostics::declarations_in("void f(" + parameter + ");");
    return !declared.empty() && declared[0].arguments == std::vector<std::string>{type};
  };
  std::string before;
  std::size_t at = 0;
  for (; at < parameters.size() && has_type(parameters[at], wanted[at]); ++at) append(before, parameters[at]);
  if (at == 0 || at == parameters.size()) return std::nullopt;
  for (std::size_t i = at; i < parameters.size(); ++i)
    if (!contains(parameters[i], "#") && !has_type(parameters[i], wanted[i + added])) return std::nullopt;
  std::string after = before;
  for (std::size_t i = at; i < at + added; ++i) append(after, new_parameter(wanted, wanted_texts, i));
  return std::pair(name + "(" + before + ",", name + "(" + after + ",");
}

// "int (*fb_create)(struct a *x, int y)" -> {"struct a *x", "int y"}
std::vector<std::string> parameters_of_pointer(const std::string& text) {
  const auto close = text.find(')');
  return close == std::string::npos ? std::vector<std::string>() : parameters_of("f" + text.substr(close + 1));
}

}  // namespace

std::vector<Candidate> change_callback(const Evidence& evidence) {
  const auto& subject = evidence.api.subject;
  if (subject.kind != diagnostics::NameKind::field || subject.gone || subject.arguments.empty()) return {};
  const auto texts = evidence.api.now ? parameters_of_pointer(evidence.api.now->text) : std::vector<std::string>();
  Candidate candidate{"change-callback", "the kernel calls it with (" + join(subject.arguments, ", ") + ")", false, {}};
  for (const auto& name : assigned_functions(evidence)) {
    for (const auto& path : evidence.driver.matching("**/*.{c,h}")) {
      const auto text = evidence.driver.read(path);
      if (!text || find_word(*text, name) == std::string::npos) continue;
      const CodeView view(*text);
      const auto& code = view.code();
      for (std::size_t i = 1; i + 1 < code.size(); ++i) {
        // A declaration or the definition: at file scope, with a type in front.
        if (view.depth(i) != 0 || code[i].text != name || !view.is(i + 1, "(")) continue;
        if (code[i - 1].kind != Token::Kind::identifier && !view.is(i - 1, "*")) continue;
        const auto close = view.partner(i + 1);
        if (close == CodeView::npos) continue;
        const auto old = std::string(text->substr(code[i].offset, code[close].offset + 1 - code[i].offset));
        const auto parameters = parameters_of(old);
        std::string find = old;
        std::string now;
        if (contains(old, "#")) {
          const auto inserted = insertion(name, parameters, subject.arguments, texts);
          if (!inserted) return {};
          find = inserted->first;
          now = inserted->second;
        } else {
          const auto declared = diagnostics::declarations_in("void " + old + ";");
          if (declared.empty()) continue;
          const auto made = new_parameters(parameters, declared[0].arguments, subject.arguments, texts);
          if (made.empty()) return {};
          if (made == parameters) continue;
          now = name + "(" + join(made, ", ") + ")";
        }
        const auto change = replace_step(find, now, {path});
        auto& steps = candidate.change.steps;
        if (std::none_of(steps.begin(), steps.end(), [&](const auto& each) {
              return each.files == change.files && each.parameters == change.parameters;
            }))
          steps.push_back(change);
      }
    }
  }
  if (candidate.change.steps.empty()) return {};
  return {candidate};
}

}  // namespace vgpukit::authoring
