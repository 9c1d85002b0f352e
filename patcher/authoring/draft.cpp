#include "authoring/draft.hpp"

#include <algorithm>
#include <set>

#include "authoring/draft_text.hpp"
#include "support/text.hpp"
#include "support/version.hpp"

namespace vgpukit::authoring {
namespace {

// A comment's text must stay on one line.
std::string comment(const std::string& indent, std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return indent + "# " + text + "\n";
}

std::string place_text(const diagnostics::HeaderPlace& place) {
  std::string text = "<" + place.header + ">";
  if (place.line > 0) text += " line " + std::to_string(place.line);
  return text + " of " + place.kernel + (place.text.empty() ? "" : ": " + place.text);
}

// The name that a declaration fact asks for: of a type with its "struct".
std::string asked_name(const diagnostics::Subject& subject) {
  const bool tagged = subject.kind == diagnostics::NameKind::type && !subject.of.empty() && subject.of != "typedef";
  return tagged ? subject.of + " " + subject.name : subject.name;
}

std::string parameters_at(const diagnostics::HeaderPlace& place) {
  const auto open = place.text.find('(');
  return open == std::string::npos ? std::string() : place.text.substr(open);
}

struct DraftWriter {
  const diagnostics::ApiChange& api;
  const DraftOrigin::Shown* shown;  // the change of the kernel's callers; may be null
  std::string kernel;               // when.kernel, indented by four
  std::string driver;               // the token that the driver contains
  std::string steps;                // transforms
  std::string ensures;
  std::string summary;
  std::string ending;  // of the id
  std::string change;  // empty: not finished

  void todo_step(const std::string& advice) {
    each_line(advice, [&](std::string_view line) { steps += comment("  ", std::string(line)); });
    steps += "  - replace: {files: \"**/*.{c,h}\", find: " + in_yaml_quotes(driver) + ", with: \"TODO\"}\n";
  }

  [[nodiscard]] std::string header() const {
    if (api.now) return included_header(api.now->header);
    if (api.before) return included_header(api.before->header);
    if (!api.nearest.empty()) return included_header(api.nearest.front().place.header);
    return "linux/module.h";
  }
  [[nodiscard]] std::string header_note() const {
    return api.now || api.before ? "" : "  # TODO the header that declared it";
  }

  // Applies the change of the kernel's callers to the driver. False if there is none.
  bool change_as_callers() {
    if (!shown) return false;
    for (const auto& line : shown->lines) steps += comment("  ", line);
    for (const auto& step : shown->steps) {
      std::string files;
      for (const auto& file : step.files) append(files, in_yaml_quotes(file));
      steps += step_in_yaml(step, files.empty() ? "\"**/*.{c,h}\"" : "[" + files + "]");
      append(change, step_in_words(step));
    }
    return !shown->steps.empty();
  }

  void nearest_notes() {
    for (const diagnostics::NearName& near : api.nearest)
      steps += comment(
          "  ", "near: " + near.name + ", " + place_text(near.place) + (near.why.empty() ? "" : " (" + near.why + ")"));
  }

  void gone() {
    const diagnostics::Subject& subject = api.subject;
    const std::string asked = asked_name(subject);
    driver = asked;
    kernel = "    lacks: {declaration: " + asked + ", header: " + header() + "}" + header_note() + "\n";
    ending = "removed";
    summary = subject.text() + " is gone";
    if (change_as_callers()) {
      ending = "replaced";
      return;
    }
    if (!api.nearest.empty() && api.nearest.front().likely_rename) return renamed(asked);
    nearest_notes();
    const bool value =
        api.before && api.before->text.find('(') == std::string::npos && subject.kind != diagnostics::NameKind::type;
    todo_step("TODO what replaces it? Such as\n" +
              (value
                   ? "- remove-initializer: {files: \"**/*.c\", field: FIELD, value: " + subject.name +
                         "}\n- rename-token: {files: \"**/*.{c,h}\", from: " + subject.name + ", to: NEW}"
                   : "- rename-call: {files: \"**/*.{c,h}\", from: " + subject.name + ", to: NEW, arguments: \"$*\"}"));
  }

  void renamed(const std::string& asked) {
    const diagnostics::NearName& near = api.nearest.front();
    const diagnostics::Subject& subject = api.subject;
    ending = "renamed";
    const std::string to = subject.kind == diagnostics::NameKind::type
                               ? near.place.text.starts_with("typedef ") ? near.name : near.place.text
                               : near.name;
    summary = subject.text() + " is called " + to + " now";
    kernel = "    has: {declaration: " + to + ", header: " + included_header(near.place.header) + "}\n" + kernel;
    nearest_notes();
    const bool call = subject.kind == diagnostics::NameKind::function;
    steps += "  - " + std::string(call ? "rename-call" : "rename-token") + ": {files: \"**/*.{c,h}\", from: " + asked +
             ", to: " + to + "}\n";
    change = std::string(call ? "rename-call " : "rename-token ") + asked + " -> " + to;
    ensures =
        "ensures:\n  - absent: {token: " + in_yaml_quotes(asked + (call ? "(" : "")) + ", files: \"**/*.{c,h}\"}\n";
  }

  // It is declared in a header that the driver's file does not include.
  void in_another_header(const std::string& file) {
    const diagnostics::Subject& subject = api.subject;
    const std::string asked = asked_name(subject);
    driver = asked;
    ending = "in-another-header";
    summary =
        "the headers that the driver's file includes no longer declare " + subject.text() + "; <" + header() + "> does";
    kernel = "    has: {declaration: " + asked + ", header: " + header() + "}\n";
    if (change_as_callers()) return;
    steps += comment("  ", "if this file includes it already, an #if of the header or of the driver excludes it");
    if (file.empty() || file.starts_with('/'))
      return todo_step("TODO which file? - add-include: {files: FILE, header: " + header() + "}");
    steps += "  - add-include: {files: " + in_yaml_quotes(file) + ", header: " + header() + "}\n";
    change = "add-include <" + header() + "> to " + file;
  }

  void changed() {
    const diagnostics::Subject& subject = api.subject;
    driver = subject.name + "(";
    ending = "changed";
    summary = subject.text() + " has other arguments or another result";
    const bool macro = api.now && api.now->text.starts_with("#define");
    if (api.now && !macro)
      kernel = "    has:\n" + prototype_snippet(api.now->text) + "      about: " + subject.name +
               "() as it is declared in " + api.now->kernel + "\n      header: " + header() + "\n";
    else
      kernel = "    has: {declaration: " + subject.name + ", header: " + header() + "}" + header_note() +
               "  # TODO a fact that only newer kernels have\n";
    if (api.now) steps += comment("  ", "now:    " + place_text(*api.now));
    if (api.before) steps += comment("  ", "before: " + place_text(*api.before));
    if (change_as_callers()) return;
    const bool same_parameters = api.before && api.now && parameters_at(*api.before) == parameters_at(*api.now);
    if (same_parameters)
      return todo_step("TODO it has another result; such as\n- replace: {files: \"**/*.{c,h}\", find: \"return " +
                       subject.name + "($1);\", with: \"" + subject.name + "($1); return 0;\"}");
    todo_step("TODO such as\n- rename-call: {files: \"**/*.{c,h}\", from: " + subject.name + ", to: " + subject.name +
              ", arguments: \"$1, TODO\"}");
  }

  void field() {
    const diagnostics::Subject& subject = api.subject;
    const std::string of = subject.of.empty() ? "struct TODO" : subject.of;
    const std::string parameter = of + " *vgpukit_it";
    driver = subject.name;
    ending = subject.gone ? "removed" : "changed";
    summary = subject.text() + (subject.gone ? " is gone" : " has another type or is read-only");
    std::string code;
    if (subject.gone) {
      kernel = "    lacks:\n";
      code = "unsigned long vgpukit_probe(void);\n        unsigned long vgpukit_probe(void) { return offsetof(" + of +
             ", " + subject.name + "); }";
    } else if (!subject.arguments.empty() && api.now) {
      kernel = "    has:\n";
      code = "void vgpukit_probe(" + parameter + ", " + api.now->text + ");\n        void vgpukit_probe(" + parameter +
             ", " + api.now->text + ") { vgpukit_it->" + subject.name + " = " + subject.name + "; }";
    } else {
      kernel = "    lacks:\n";
      code = "void vgpukit_probe(" + parameter + ");\n        void vgpukit_probe(" + parameter + ") { vgpukit_it->" +
             subject.name + " = 0; }";
    }
    kernel += "      compiles: |\n        " + code + "\n      about: the field " + subject.name + " of " + of +
              "\n      header: " + header() + header_note() + "\n";
    if (api.now) steps += comment("  ", "now:    " + place_text(*api.now));
    if (api.before) steps += comment("  ", "before: " + place_text(*api.before));
    if (change_as_callers()) return;
    nearest_notes();
    std::string advice = "TODO such as";
    if (subject.gone) advice += "\n- remove-initializer: {files: \"**/*.c\", field: " + subject.name + "}";
    for (const diagnostics::NearName& near : api.nearest)
      if (&near == &api.nearest.front())
        advice +=
            "\n- rename-token: {files: \"**/*.c\", from: \"->" + subject.name + "\", to: \"->" + near.name + "\"}";
    todo_step(advice);
  }

  void missing_header() {
    driver = "#include <" + api.subject.name + ">";
    ending = "removed";
    summary = "<" + api.subject.name + "> is gone";
    kernel = "    lacks: {header: " + api.subject.name + "}\n";
    if (change_as_callers()) return;
    nearest_notes();
    todo_step("TODO include its replacement, or nothing");
  }

  void symbol() {
    const std::string& name = api.subject.name;
    driver = name;
    ending = api.subject.gone ? "not-exported" : "gpl-only";
    summary = "the kernel exports " + name +
              (api.subject.gone ? " no longer" : " to GPL-compatible modules or in a namespace only");
    kernel = api.subject.gone ? "    lacks: {symbol: " + name + "}\n"
                              : "    has: {symbol-is-gpl: " + name + "}  # TODO or its namespace\n";
    if (change_as_callers()) return;
    nearest_notes();
    todo_step("TODO what does the same and is exported to this module?");
  }
};

// The part of a message that does not depend on the file and the compiler's flags.
std::string explained(const diagnostics::Diagnostic& error, const diagnostics::Subject& subject) {
  std::string text = error.message.substr(0, error.message.find("; did you mean "));
  for (const std::string_view end : {" [-W", " (first use", " here (not in", "; expected ", " {aka "})
    if (const auto at = text.find(end); at != std::string::npos) text.erase(at);
  return contains(text, subject.name) ? text : std::string();
}

}  // namespace

std::vector<Draft> draft_recipes(const std::vector<diagnostics::ApiChange>& changes,
                                 const std::vector<diagnostics::Diagnostic>& errors, const diagnostics::Causes& causes,
                                 const std::string& kernel, const DraftOrigin& origin) {
  std::vector<Draft> drafts;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const diagnostics::ApiChange& api = changes[i];
    const diagnostics::Subject& subject = api.subject;
    const auto shown = origin.shown.find(subject.name);
    // The draft of the other change fixes it.
    if (!api.follows.empty() && shown == origin.shown.end()) continue;
    DraftWriter writer{api, shown == origin.shown.end() ? nullptr : &shown->second, {}, {}, {}, {}, {}, {}, {}};
    const std::vector<std::size_t> none;
    const auto& about = i < causes.errors.size() ? causes.errors[i] : none;  // a commit has no errors
    if (subject.kind == diagnostics::NameKind::field)
      writer.field();
    else if (subject.kind == diagnostics::NameKind::header)
      writer.missing_header();
    else if (subject.kind == diagnostics::NameKind::symbol)
      writer.symbol();
    else if (!subject.gone)
      writer.changed();
    else if (api.now)
      writer.in_another_header(about.empty() ? "" : errors[about.front()].file);
    else
      writer.gone();

    if (shown != origin.shown.end() && !shown->second.kernel.empty()) writer.kernel = shown->second.kernel;
    const bool adapted = !origin.adapted.empty();
    // What no older headers declare may be missing in every kernel.
    if (adapted && !api.before && !contains(writer.kernel, "compiles:") && !contains(writer.kernel, "version:"))
      writer.kernel = version_condition(kernel) + writer.kernel;

    std::string id =
        (adapted ? "adapted-" : "") + draft_id(kernel, (subject.kind == diagnostics::NameKind::field
                                                            ? subject.of.substr(subject.of.rfind(' ') + 1) + "-"
                                                            : "") +
                                                           subject.name + "-" + writer.ending);
    for (int n = 2; !ids.insert(id).second; ++n)
      id = (adapted ? "adapted-" : "") + draft_id(kernel, subject.name + "-" + std::to_string(n) + "-" + writer.ending);

    std::string text =
        "# A draft by `vgpukit recipe new " + origin.option + "`. " +
        std::string(writer.change.empty() ? "It does nothing until the lines with TODO are finished.\n"
                                          : "Read it, try it, and say in `summary` what it costs the user.\n");
    if (adapted) text = proposal_preamble;
    if (api.before) text += comment("", "It was in " + place_text(*api.before));
    if (!api.conftest.empty()) text += comment("", "The driver's conftest.sh: " + api.conftest);
    text += "id: " + id + "\nsummary: " + in_yaml_quotes((adapted ? "" : "TODO ") + writer.summary) + "\n" +
            (adapted ? "adapted: " + origin.adapted + "\n" : "") +
            (origin.upstream.empty() ? std::string(unknown_upstream) : origin.upstream) + "\nwhen:\n  kernel:\n" +
            writer.kernel + "  driver:\n    contains:\n      - {token: " + in_yaml_quotes(writer.driver) +
            ", files: \"**/*.{c,h}\"}\n";
    if (writer.change.empty())
      text += "      - {file: " + std::string(draft_guard) + "}  # remove this line when the draft is finished\n";
    text += "transforms:\n" + writer.steps + writer.ensures;
    std::set<std::string> said;
    for (const auto index : about)
      if (auto part = explained(errors[index], subject); !part.empty()) said.insert(std::move(part));
    if (!said.empty()) {
      text += "explains:\n";
      for (const auto& part : said) text += "  - " + in_yaml_quotes(part) + "\n";
    }
    drafts.push_back({std::move(id), std::move(text), subject.text(), writer.change});
  }
  return drafts;
}

}  // namespace vgpukit::authoring
