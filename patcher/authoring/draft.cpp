#include "authoring/draft.hpp"

#include <algorithm>
#include <set>

#include "authoring/draft_text.hpp"

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

std::string full_type(const diagnostics::Subject& subject) {
  return subject.of.empty() || subject.of == "typedef" ? subject.name : subject.of + " " + subject.name;
}

std::string parameters_of(const diagnostics::HeaderPlace& place) {
  const auto open = place.text.find('(');
  return open == std::string::npos ? std::string() : place.text.substr(open);
}

struct Writer {
  const diagnostics::ApiChange& finding;
  const DraftOrigin::Shown* shown;  // how others were changed; nullptr: nobody knows
  std::string kernel;               // when.kernel, indented by four
  std::string driver;               // the token that the driver contains
  std::string steps;                // transforms
  std::string ensures;
  std::string summary;
  std::string ending;  // of the id
  std::string change;  // empty: not finished

  void todo_step(const std::string& advice) {
    for (std::size_t at = 0; at < advice.size();) {
      const auto end = std::min(advice.find('\n', at), advice.size());
      steps += comment("  ", advice.substr(at, end - at));
      at = end + 1;
    }
    steps += "  - replace: {files: \"**/*.{c,h}\", find: " + in_yaml_quotes(driver) + ", with: \"TODO\"}\n";
  }

  [[nodiscard]] std::string header() const {
    if (finding.now) return included_header(finding.now->header);
    if (finding.before) return included_header(finding.before->header);
    if (!finding.nearest.empty()) return included_header(finding.nearest.front().place.header);
    return "linux/module.h";
  }
  [[nodiscard]] std::string header_note() const {
    return finding.now || finding.before ? "" : "  # TODO the header that declared it";
  }

  // What the kernel did to its own callers is right for the driver's, too.
  bool as_others() {
    if (!shown) return false;
    for (const auto& line : shown->lines) steps += comment("  ", line);
    for (const auto& step : shown->steps) {
      steps += step_in_yaml(step, "\"**/*.{c,h}\"");
      change += (change.empty() ? "" : ", ") + step_in_words(step);
    }
    return !shown->steps.empty();
  }

  void nearest_notes() {
    for (const diagnostics::NearName& near : finding.nearest)
      steps += comment(
          "  ", "near: " + near.name + ", " + place_text(near.place) + (near.why.empty() ? "" : " (" + near.why + ")"));
  }

  void gone() {
    const diagnostics::Subject& subject = finding.subject;
    const std::string asked = subject.kind == diagnostics::NameKind::type ? full_type(subject) : subject.name;
    driver = asked;
    kernel = "    lacks: {declaration: " + asked + ", header: " + header() + "}" + header_note() + "\n";
    ending = "removed";
    summary = subject.text() + " is gone";
    if (as_others()) {
      ending = "replaced";
      return;
    }
    if (!finding.nearest.empty() && finding.nearest.front().likely_rename) return renamed(asked);
    nearest_notes();
    const bool value = finding.before && finding.before->text.find('(') == std::string::npos &&
                       subject.kind != diagnostics::NameKind::type;
    todo_step("TODO what replaces it? Such as\n" +
              (value
                   ? "- remove-initializer: {files: \"**/*.c\", field: FIELD, value: " + subject.name +
                         "}\n- rename-token: {files: \"**/*.{c,h}\", from: " + subject.name + ", to: NEW}"
                   : "- rename-call: {files: \"**/*.{c,h}\", from: " + subject.name + ", to: NEW, arguments: \"$*\"}"));
  }

  void renamed(const std::string& asked) {
    const diagnostics::NearName& near = finding.nearest.front();
    const diagnostics::Subject& subject = finding.subject;
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

  // It is declared, but not where the driver's file gets it from.
  void elsewhere(const std::string& file) {
    const diagnostics::Subject& subject = finding.subject;
    const std::string asked = subject.kind == diagnostics::NameKind::type ? full_type(subject) : subject.name;
    driver = asked;
    ending = "in-another-header";
    summary =
        "the driver's file no longer gets " + subject.text() + " from what it includes; it is in <" + header() + ">";
    kernel = "    has: {declaration: " + asked + ", header: " + header() + "}\n";
    steps += comment("  ", "if this file includes it already, an #if of the header or of the driver is in the way");
    if (file.empty() || file.starts_with('/'))
      return todo_step("TODO which file? - add-include: {files: FILE, header: " + header() + "}");
    steps += "  - add-include: {files: " + in_yaml_quotes(file) + ", header: " + header() + "}\n";
    change = "add-include <" + header() + "> to " + file;
  }

  void changed() {
    const diagnostics::Subject& subject = finding.subject;
    driver = subject.name + "(";
    ending = "changed";
    summary = subject.text() + " takes other arguments, or gives another result";
    const bool macro = finding.now && finding.now->text.starts_with("#define");
    if (finding.now && !macro)
      kernel = "    has:\n" + prototype_snippet(finding.now->text) + "      about: " + subject.name +
               "() as it is declared in " + finding.now->kernel + "\n      header: " + header() + "\n";
    else
      kernel = "    has: {declaration: " + subject.name + ", header: " + header() + "}" + header_note() +
               "  # TODO what tells this kernel from those before\n";
    if (finding.now) steps += comment("  ", "now:    " + place_text(*finding.now));
    if (finding.before) steps += comment("  ", "before: " + place_text(*finding.before));
    if (as_others()) return;
    const bool same_parameters =
        finding.before && finding.now && parameters_of(*finding.before) == parameters_of(*finding.now);
    if (same_parameters)
      return todo_step("TODO the result is another one; such as\n- replace: {files: \"**/*.{c,h}\", find: \"return " +
                       subject.name + "($1);\", with: \"" + subject.name + "($1); return 0;\"}");
    todo_step("TODO such as\n- rename-call: {files: \"**/*.{c,h}\", from: " + subject.name + ", to: " + subject.name +
              ", arguments: \"$1, TODO\"}");
  }

  void field() {
    const diagnostics::Subject& subject = finding.subject;
    const std::string of = subject.of.empty() ? "struct TODO" : subject.of;
    const std::string parameter = of + " *vgpukit_it";
    driver = subject.name;
    ending = subject.gone ? "removed" : "changed";
    summary = subject.text() + (subject.gone ? " is gone" : " has another type, or can no longer be written to");
    std::string code;
    if (subject.gone) {
      kernel = "    lacks:\n";
      code = "unsigned long vgpukit_probe(void);\n        unsigned long vgpukit_probe(void) { return offsetof(" + of +
             ", " + subject.name + "); }";
    } else if (!subject.arguments.empty() && finding.now) {
      kernel = "    has:\n";
      code = "void vgpukit_probe(" + parameter + ", " + finding.now->text + ");\n        void vgpukit_probe(" +
             parameter + ", " + finding.now->text + ") { vgpukit_it->" + subject.name + " = " + subject.name + "; }";
    } else {
      kernel = "    lacks:\n";
      code = "void vgpukit_probe(" + parameter + ");\n        void vgpukit_probe(" + parameter + ") { vgpukit_it->" +
             subject.name + " = 0; }";
    }
    kernel += "      compiles: |\n        " + code + "\n      about: the field " + subject.name + " of " + of +
              "\n      header: " + header() + header_note() + "\n";
    if (finding.now) steps += comment("  ", "now:    " + place_text(*finding.now));
    if (finding.before) steps += comment("  ", "before: " + place_text(*finding.before));
    nearest_notes();
    std::string advice = "TODO such as";
    if (subject.gone) advice += "\n- remove-initializer: {files: \"**/*.c\", field: " + subject.name + "}";
    for (const diagnostics::NearName& near : finding.nearest)
      if (&near == &finding.nearest.front())
        advice +=
            "\n- rename-token: {files: \"**/*.c\", from: \"->" + subject.name + "\", to: \"->" + near.name + "\"}";
    todo_step(advice);
  }

  void missing_header() {
    driver = "#include <" + finding.subject.name + ">";
    ending = "removed";
    summary = "<" + finding.subject.name + "> is gone";
    kernel = "    lacks: {header: " + finding.subject.name + "}\n";
    nearest_notes();
    todo_step("TODO include what replaces it, or nothing");
  }

  void symbol() {
    const std::string& name = finding.subject.name;
    driver = name;
    ending = finding.subject.gone ? "not-exported" : "gpl-only";
    summary = "the kernel exports " + name +
              (finding.subject.gone ? " no longer" : " to GPL-compatible modules or in a namespace only");
    kernel = finding.subject.gone ? "    lacks: {symbol: " + name + "}\n"
                                  : "    has: {symbol-is-gpl: " + name + "}  # TODO or its namespace\n";
    nearest_notes();
    todo_step("TODO what does the same, and may be called by this module?");
  }
};

// The part of a message that says the same in every file and with every compiler flag.
std::string explained(const diagnostics::Diagnostic& error, const diagnostics::Subject& subject) {
  std::string text = error.message.substr(0, error.message.find("; did you mean "));
  for (const std::string_view end : {" [-W", " (first use", " here (not in", "; expected ", " {aka "})
    if (const auto at = text.find(end); at != std::string::npos) text.erase(at);
  return text.find(subject.name) == std::string::npos ? std::string() : text;
}

}  // namespace

std::vector<Draft> draft_recipes(const std::vector<diagnostics::ApiChange>& findings,
                                 const std::vector<diagnostics::Diagnostic>& errors, const diagnostics::Causes& causes,
                                 const std::string& kernel, const DraftOrigin& origin) {
  std::vector<Draft> drafts;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const diagnostics::ApiChange& finding = findings[i];
    const diagnostics::Subject& subject = finding.subject;
    if (!finding.follows.empty()) continue;  // mended by the draft for what it follows from
    const auto shown = origin.shown.find(subject.name);
    Writer writer{finding, shown == origin.shown.end() ? nullptr : &shown->second, {}, {}, {}, {}, {}, {}, {}};
    const std::vector<std::size_t> none;
    const auto& about = i < causes.errors.size() ? causes.errors[i] : none;  // a commit is no error
    if (subject.kind == diagnostics::NameKind::field)
      writer.field();
    else if (subject.kind == diagnostics::NameKind::header)
      writer.missing_header();
    else if (subject.kind == diagnostics::NameKind::symbol)
      writer.symbol();
    else if (!subject.gone)
      writer.changed();
    else if (finding.now)
      writer.elsewhere(about.empty() ? "" : errors[about.front()].file);
    else
      writer.gone();

    std::string id = draft_id(
        kernel,
        (subject.kind == diagnostics::NameKind::field ? subject.of.substr(subject.of.rfind(' ') + 1) + "-" : "") +
            subject.name + "-" + writer.ending);
    for (int n = 2; !ids.insert(id).second; ++n)
      id = draft_id(kernel, subject.name + "-" + std::to_string(n) + "-" + writer.ending);

    std::string text =
        "# A draft by `vgpukit recipe new " + origin.option + "`. " +
        std::string(writer.change.empty() ? "It does nothing before the lines with TODO are finished.\n"
                                          : "Read it, try it, and say in `summary` what it costs the user.\n");
    if (finding.before) text += comment("", "It was in " + place_text(*finding.before));
    if (!finding.conftest.empty()) text += comment("", "The driver's conftest.sh: " + finding.conftest);
    text += "id: " + id + "\nsummary: " + in_yaml_quotes("TODO " + writer.summary) + "\n" +
            (origin.upstream.empty() ? "# upstream: [{release: \"TODO\", subject: \"TODO the kernel's commit\"}]"
                                     : origin.upstream) +
            "\nwhen:\n  kernel:\n" + writer.kernel +
            "  driver:\n    contains:\n      - {token: " + in_yaml_quotes(writer.driver) + ", files: \"**/*.{c,h}\"}\n";
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
