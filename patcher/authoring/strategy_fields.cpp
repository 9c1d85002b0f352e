// Strategies for fields of structures that are gone, moved or read-only.
#include <algorithm>
#include <optional>
#include <set>

#include "authoring/draft_text.hpp"
#include "authoring/strategies.hpp"
#include "support/text.hpp"
#include "transform/code_view.hpp"

namespace vgpukit::authoring {
namespace {

using diagnostics::NameKind;
using transform::CodeView;
using transform::Token;

// A use of the field in a line with an error.
struct Use {
  std::string file;
  std::string object;      // "vma", "fb->base"; empty in an initializer
  std::string access;      // "->" or "."
  std::string assignment;  // "=", "|=" ... if it is assigned
  std::string value;       // what is assigned
};

std::string text_between(const CodeView& view, std::size_t first, std::size_t last) {
  const auto& code = view.code();
  return std::string(
      view.source().substr(code[first].offset, code[last].offset + code[last].text.size() - code[first].offset));
}

// The first token of the primary expression that ends before `access`; nothing if it is no chain of names, members,
// elements and calls.
std::optional<std::size_t> object_before(const CodeView& view, std::size_t access) {
  const auto& code = view.code();
  std::size_t at = access;
  while (at > 0) {
    std::size_t i = at - 1;
    while (view.is(i, "]") || view.is(i, ")")) {
      const auto open = view.partner(i);
      if (open == CodeView::npos || open == 0) return std::nullopt;
      if (view.is(i, ")") && code[open - 1].kind != Token::Kind::identifier) return open;  // "(x)->f"
      i = open - 1;
    }
    if (code[i].kind != Token::Kind::identifier) return std::nullopt;
    if (i == 0 || !(view.is(i - 1, "->") || view.is(i - 1, "."))) return i;
    at = i - 1;
  }
  return std::nullopt;
}

// The use of the field at token i; nothing if it cannot be read.
std::optional<Use> use_at(const CodeView& view, std::size_t i, const std::string& file) {
  const auto& code = view.code();
  Use use{file, {}, std::string(code[i - 1].text), {}, {}};
  const bool initializer = view.is(i - 1, ".") && i > 1 && (view.is(i - 2, "{") || view.is(i - 2, ","));
  if (!initializer) {
    const auto first = object_before(view, i - 1);
    if (!first) return std::nullopt;
    use.object = text_between(view, *first, i - 2);
    if (contains(use.object, "\n")) return std::nullopt;
  }
  const auto next = i + 1 < code.size() ? code[i + 1].text : std::string_view();
  if (next != "=" && next != "|=" && next != "&=") return use;
  std::size_t end = i + 2;
  while (end < code.size() && !view.is(end, ";") && !(initializer && (view.is(end, ",") || view.is(end, "}")))) {
    if (view.partner(end) != CodeView::npos && view.partner(end) > end) end = view.partner(end);
    ++end;
  }
  if (end >= code.size() || end == i + 2) return std::nullopt;
  use.assignment = next;
  use.value = text_between(view, i + 2, end - 1);
  return use;
}

// The uses in all lines with errors, also in macros. Nothing if one of them cannot be read.
std::optional<std::vector<Use>> uses_of(const Evidence& evidence) {
  const auto& field = evidence.api.subject.name;
  std::vector<Use> uses;
  for (const auto& place : places_of(evidence.errors)) {
    const auto text = evidence.driver.read(place.file);
    if (!text) return std::nullopt;
    const CodeView whole(*text);
    bool here = false;
    // `line`: of the error in this view.
    const auto read = [&](const CodeView& view, int line) {
      for (std::size_t i = 1; i < view.code().size(); ++i) {
        const bool access = view.is(i - 1, "->") || view.is(i - 1, ".");
        if (view.code()[i].line != line || view.code()[i].text != field || !access) continue;
        auto use = use_at(view, i, place.file);
        if (!use) return false;
        uses.push_back(*std::move(use));
        here = true;
      }
      return true;
    };
    if (!read(whole, place.line)) return std::nullopt;
    for (const auto& token : whole.code()) {
      if (token.kind != Token::Kind::directive || token.line > place.line) continue;
      if (token.line + std::count(token.text.begin(), token.text.end(), '\n') < place.line) continue;
      if (!read(CodeView(token.text.substr(1)), place.line - token.line + 1)) return std::nullopt;
    }
    if (!here) return std::nullopt;
  }
  return uses.empty() ? std::nullopt : std::optional(uses);
}

bool is_field(const Evidence& evidence, bool gone) {
  return evidence.api.subject.kind == NameKind::field && evidence.api.subject.gone == gone;
}

void add_once(std::vector<transform::RecognisedStep>& steps, transform::RecognisedStep made) {
  for (auto& each : steps) {
    if (each.kind != made.kind || each.parameters != made.parameters) continue;
    for (auto& file : made.files)
      if (std::find(each.files.begin(), each.files.end(), file) == each.files.end())
        each.files.push_back(std::move(file));
    return;
  }
  steps.push_back(std::move(made));
}

// A longer expression first: "a->b->f" before "b->f", which is a part of it.
void longest_first(std::vector<transform::RecognisedStep>& steps) {
  std::stable_sort(steps.begin(), steps.end(), [](const auto& a, const auto& b) {
    return a.parameters.front().second.size() > b.parameters.front().second.size();
  });
}

// Functions and macros of this kernel that have the words of the field in their names.
std::vector<diagnostics::HeaderTexts::Found> functions_about(diagnostics::HeaderTexts& kernel,
                                                             const std::string& field) {
  std::set<std::string, std::less<>> names;
  for (const auto& file : kernel.files()) {
    if (!file.name.starts_with("linux/") && !file.name.starts_with("drm/")) continue;
    if (!contains(file.text, field)) continue;
    for_each_word(file.text, [&](std::string_view word, std::size_t) {
      if (word.size() > field.size() && (word.ends_with("_" + field) || word.starts_with(field + "_")))
        names.emplace(word);
    });
  }
  std::vector<diagnostics::HeaderTexts::Found> functions;
  for (const auto& [name, all] : kernel.find(names, {}))
    for (const auto& found : all)
      if (found.declaration->kind == NameKind::function && found.declaration->callable) functions.push_back(found);
  return functions;
}

// The type of a field without its name and the names of parameters.
std::string type_of(const diagnostics::Declaration& field) {
  const auto name = find_word(field.text, field.name);
  if (name == std::string::npos) return field.text;
  const auto before = field.text.substr(0, name);
  if (field.callable) return before + "(" + join(field.arguments, ", ") + ")";
  // "struct a *x, *y[2]": the words in front of the first one, and what is around the name.
  const auto first = before.substr(0, before.find(','));
  const auto last_word = first.size() < before.size() ? first.find_last_of(" *") + 1 : first.size();
  auto type = first.substr(0, first.find('*') == std::string::npos ? last_word : first.find('*'));
  const auto own = before.substr(before.find_last_of(',') + 1);
  type =
      std::string(trimmed(type)) + std::string(static_cast<std::size_t>(std::count(own.begin(), own.end(), '*')), '*');
  const auto after = field.text.substr(name + field.name.size());
  return type + after.substr(0, after.find(','));
}

// Many fields are numbers or flags: that a new one is, too, says nothing about its meaning. fb_modifiers_not_supported
// is the opposite of allow_fb_modifiers.
bool is_plain_number(const std::string& type) {
  static const std::set<std::string_view> words = {"bool",   "char", "short", "int",   "long", "unsigned",
                                                   "signed", "u8",   "u16",   "u32",   "u64",  "s8",
                                                   "s16",    "s32",  "s64",   "size_t"};
  if (type.find_first_of("*(") != std::string::npos) return false;
  bool plain = true;
  for_each_word(type, [&](std::string_view word, std::size_t) {
    plain = plain && words.contains(word.substr(word.starts_with("__") ? 2 : 0));
  });
  return plain;
}

// The one field of the structure that is new since the older kernel and has the type of the field that is gone; null
// if there is none, or more than one.
const diagnostics::Declaration* new_field_of_type(const Evidence& evidence) {
  const auto* gone = evidence.before();
  if (!gone || evidence.api.subject.of.empty() || is_plain_number(type_of(*gone))) return nullptr;
  std::set<std::string> known;
  for (auto& each : evidence.older)
    if (each.release() == evidence.api.before->kernel)
      for (const auto* field : fields_of(each, evidence.api.subject.of)) known.insert(field->name);
  const diagnostics::Declaration* found = nullptr;
  for (const auto* field : fields_of(evidence.kernel, evidence.api.subject.of)) {
    if (known.contains(field->name) || type_of(*field) != type_of(*gone)) continue;
    if (found && found->name != field->name) return nullptr;
    found = field;
  }
  return found;
}

bool points_to(const std::string& type, const std::string& structure) {
  return type == structure + " *" || type == "const " + structure + " *";
}

}  // namespace

std::vector<const diagnostics::Declaration*> fields_of(diagnostics::HeaderTexts& kernel, const std::string& structure) {
  std::vector<const diagnostics::Declaration*> fields;
  const auto tag = structure.substr(structure.rfind(' ') == std::string::npos ? 0 : structure.rfind(' ') + 1);
  std::set<const diagnostics::HeaderTexts::File*> files;
  for (const auto& [name, all] : kernel.find({}, {tag}))
    for (const auto& found : all)
      if (found.declaration->kind == NameKind::type) files.insert(found.file);
  for (const auto* file : files)
    for (const auto& one : kernel.declarations(*file))
      if (one.kind == NameKind::field && one.of == structure) fields.push_back(&one);
  return fields;
}

std::vector<Candidate> rename_field(const Evidence& evidence) {
  if (!is_field(evidence, true)) return {};
  if (!evidence.api.nearest.empty() && evidence.api.nearest.front().likely_rename)
    return rename_field_to(evidence, "rename-field", evidence.api.nearest.front().name,
                           evidence.api.nearest.front().why);
  if (const auto* field = new_field_of_type(evidence))
    return rename_field_to(evidence, "rename-field", field->name,
                           "it has the same type, and is new since " + evidence.api.before->kernel);
  return {};
}

std::vector<Candidate> rename_field_to(const Evidence& evidence, const std::string& strategy, const std::string& name,
                                       const std::string& why) {
  const auto uses = uses_of(evidence);
  if (!uses) return {};
  Candidate candidate{strategy, name + ": " + why, false, {}};
  for (const auto& use : *uses)
    add_once(candidate.change.steps, step("rename-token",
                                          {{"from", use.object + use.access + evidence.api.subject.name},
                                           {"to", use.object + use.access + name}},
                                          {use.file}));
  longest_first(candidate.change.steps);
  return {candidate};
}

std::vector<Candidate> move_field(const Evidence& evidence) {
  if (!is_field(evidence, true) || evidence.api.subject.of.empty()) return {};
  const auto uses = uses_of(evidence);
  if (!uses || std::any_of(uses->begin(), uses->end(), [](const Use& use) { return use.object.empty(); })) return {};
  const auto& field = evidence.api.subject.name;
  std::vector<Candidate> all;
  for (const auto* member : fields_of(evidence.kernel, evidence.api.subject.of)) {
    if (!member->text.starts_with("struct ") && !member->text.starts_with("const struct ")) continue;
    auto type = member->text.substr(0, member->text.rfind(member->name));
    const bool pointer = contains(type, "*");
    if (type.starts_with("const ")) type.erase(0, 6);
    type = type.substr(0, type.find('*'));
    type = std::string(trimmed(type));
    if (type == evidence.api.subject.of) continue;
    const auto inner = fields_of(evidence.kernel, type);
    if (std::none_of(inner.begin(), inner.end(), [&](const auto* one) { return one->name == field; })) continue;
    Candidate candidate{
        "move-field", type + " has it, and " + evidence.api.subject.of + " has " + member->text, false, {}};
    for (const auto& use : *uses)
      add_once(candidate.change.steps,
               step("rename-token",
                    {{"from", use.object + use.access + field},
                     {"to", use.object + use.access + member->name + (pointer ? "->" : ".") + field}},
                    {use.file}));
    longest_first(candidate.change.steps);
    all.push_back(std::move(candidate));
  }
  if (all.size() > 3) all.clear();  // a common name
  return all;
}

std::vector<Candidate> use_accessor(const Evidence& evidence) {
  const auto& subject = evidence.api.subject;
  if (subject.kind != NameKind::field || !subject.arguments.empty()) return {};
  const auto uses = uses_of(evidence);
  if (!uses || std::any_of(uses->begin(), uses->end(), [](const Use& use) { return use.object.empty(); })) return {};
  const auto functions = functions_about(evidence.kernel, subject.name);
  const auto object = [](const Use& use) { return use.access == "->" ? use.object : "&" + use.object; };
  const bool assigned = std::any_of(uses->begin(), uses->end(), [](const Use& use) { return !use.assignment.empty(); });
  std::vector<Candidate> all;
  if (!assigned) {
    for (const auto& found : functions) {
      const auto& one = *found.declaration;
      if (subject.of.empty() || one.arguments.size() != 1 || !points_to(one.arguments[0], subject.of) ||
          one.text.starts_with("void "))
        continue;
      Candidate candidate{"use-accessor", "<" + found.file->name + "> has " + one.text, false, {}};
      for (const auto& use : *uses)
        add_once(candidate.change.steps,
                 replace_step(use.object + use.access + subject.name, one.name + "(" + object(use) + ")", {use.file}));
      longest_first(candidate.change.steps);
      all.push_back(std::move(candidate));
    }
    if (all.size() > 3) all.clear();
    return all;
  }
  // f_set(), f_clear() and f_init() for |=, &= ~ and =; or f_init() for all of them.
  const auto setter = [&](const std::string& ending) -> const diagnostics::Declaration* {
    for (const auto& found : functions)
      if (found.declaration->name == subject.name + ending && found.declaration->arguments.size() == 2)
        return found.declaration;
    return nullptr;
  };
  const auto* init = setter("_init");
  for (const bool only_init : {false, true}) {
    Candidate candidate{
        "use-accessor", only_init ? "the kernel's headers have " : "the kernel's headers have setters: ", false, {}};
    std::set<std::string> texts;
    bool complete = true;
    for (const auto& use : *uses) {
      const auto field = use.object + use.access + subject.name;
      const auto find = field + " " + use.assignment + " " + use.value + ";";
      const bool clears = use.assignment == "&=" && use.value.starts_with('~');
      const auto cleared = clears ? std::string(trimmed(std::string_view(use.value).substr(1))) : use.value;
      const auto* function = use.assignment == "=" || only_init ? init
                             : use.assignment == "|="           ? setter("_set")
                             : clears                           ? setter("_clear")
                                                                : nullptr;
      complete = complete && function && !use.assignment.empty();
      if (!complete) break;
      texts.insert(function->text);
      const auto value = use.assignment == "=" ? use.value
                         : !only_init          ? cleared
                         : clears              ? field + " & ~" + cleared
                                               : field + " " + use.assignment.substr(0, 1) + " (" + use.value + ")";
      add_once(candidate.change.steps,
               replace_step(find, function->name + "(" + object(use) + ", " + value + ");", {use.file}));
    }
    if (!complete) continue;
    candidate.why += join(texts, "; ");
    longest_first(candidate.change.steps);
    if (all.empty() || all.front().why != candidate.why) all.push_back(std::move(candidate));
  }
  return all;
}

std::vector<Candidate> drop_field(const Evidence& evidence) {
  if (!is_field(evidence, true)) return {};
  const auto uses = uses_of(evidence);
  if (!uses) return {};
  const auto& subject = evidence.api.subject;
  Candidate candidate{"drop-field", "the driver only sets it", false, {}};
  for (const auto& use : *uses) {
    if (use.assignment != "=") return {};
    if (use.object.empty()) {
      std::vector<std::pair<std::string, std::string>> parameters = {{"field", subject.name}};
      if (subject.of.starts_with("struct ")) parameters.emplace_back("of", subject.of);
      add_once(candidate.change.steps, step("remove-initializer", std::move(parameters), {use.file}));
    } else {
      add_once(candidate.change.steps,
               replace_step(use.object + use.access + subject.name + " = " + use.value + ";", "", {use.file}));
    }
  }
  return {candidate};
}

}  // namespace vgpukit::authoring
