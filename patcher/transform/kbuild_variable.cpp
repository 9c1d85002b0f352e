// kbuild-variable: renames a variable (EXTRA_CFLAGS -> ccflags-y; EXTRA_CFLAGS is ignored since 6.15), adds a flag,
// removes one.
#include <algorithm>

#include "transform/kinds.hpp"
#include "transform/makefile.hpp"
#include "transform/source_text.hpp"

namespace vgpukit::transform {
namespace {

// The position of the sequence `wanted` in `words`; words.size() if there is none.
std::size_t find_words(const std::vector<std::string_view>& words, const std::vector<std::string_view>& wanted) {
  return static_cast<std::size_t>(std::search(words.begin(), words.end(), wanted.begin(), wanted.end()) -
                                  words.begin());
}

// Words that follow each other.
struct Run {
  std::size_t first = 0, last = 0;
};

// Every place of `wanted` in `words`. Places side by side are one run.
std::vector<Run> runs_of(const std::vector<std::string_view>& words, const std::vector<std::string_view>& wanted) {
  std::vector<Run> runs;
  for (auto at = words.begin(); (at = std::search(at, words.end(), wanted.begin(), wanted.end())) != words.end();) {
    const auto first = static_cast<std::size_t>(at - words.begin());
    if (runs.empty() || runs.back().last != first) runs.push_back({first, first});
    runs.back().last += wanted.size();
    at += static_cast<std::ptrdiff_t>(wanted.size());
  }
  return runs;
}

enum class Action { rename, append, set, remove };

constexpr std::string_view action_names[] = {"rename", "append", "set", "remove"};  // in the order of the enum

class KbuildVariable : public Transform {
 public:
  static constexpr std::string_view kind_name = "kbuild-variable";
  static Result<std::unique_ptr<Transform>> make(const Parameters& parameters);

  std::vector<std::string> globs;
  Action action = Action::rename;
  std::string name, value, to;
  Places wanted;

  std::string_view kind() const override { return kind_name; }
  std::string describe() const override {
    std::string text = "kbuild-variable " + std::string(action_names[static_cast<int>(action)]) + " " + name;
    if (!to.empty()) text += " -> " + to;
    if (!value.empty()) text += (action == Action::append ? " += " : action == Action::set ? " = " : " of ") + value;
    return text + " in " + join(globs, ", ");
  }

  Result<Applied> apply(SourceTree& tree) const override {
    SearchResult findings;
    findings.what = action == Action::rename ? "use of the variable " + name : "assignment of the variable " + name;
    TRY_ASSIGN(findings.searched, select_files(kind_name, tree, globs));
    for (const std::string& path : findings.searched) {
      TRY_ASSIGN(const std::string_view source, tree.read(path));
      const Makefile makefile = read_makefile(source);
      switch (action) {
        case Action::rename:
          TRY(rename(path, makefile, findings));
          break;
        case Action::append:
          append(path, makefile, findings);
          break;
        case Action::set:
          set(path, makefile, findings);
          break;
        case Action::remove:
          remove(path, makefile, tree, findings);
          break;
      }
    }
    if (action == Action::append && findings.places.empty() && !findings.already) TRY(append_at_end(tree, findings));
    return conclude(kind_name, wanted, std::move(findings), tree);
  }

 private:
  std::vector<const MakeAssignment*> assignments(const Makefile& makefile) const {
    std::vector<const MakeAssignment*> found;
    for (const MakeAssignment& assignment : makefile.assignments)
      if (!assignment.of_target && !assignment.in_define && makefile.at(assignment.name) == name)
        found.push_back(&assignment);
    return found;
  }

  Status rename(const std::string& path, const Makefile& makefile, SearchResult& findings) const {
    findings.hint = "it would count as done already if these files assigned " + to;
    TextEdits edits;
    const auto edit = [&](Span span, int line) {
      if (makefile.at(span) != name) return;
      edits.replace(span.begin, span.end - span.begin, to);
      findings.places.push_back({path, line});
    };
    for (const MakeAssignment& assignment : makefile.assignments) {
      const std::string_view assigned = makefile.at(assignment.name);
      const std::string& other = assigned == name ? to : name;
      if ((assigned == name || assigned == to) && refers_to(makefile, assignment, other))
        return other_shape(kind_name, {path, assignment.line},
                           std::string(assigned) + " takes the value of " + other + " here, and would refer to itself");
      edit(assignment.name, assignment.line);
      if (makefile.at(assignment.name) == to) findings.already = true;
    }
    for (const MakeReference& reference : makefile.references) edit(reference.name, reference.line);
    if (!edits.empty()) findings.change(path, edits.apply(makefile.text), edits.size());
    return {};
  }

  static bool refers_to(const Makefile& makefile, const MakeAssignment& assignment, std::string_view other) {
    return std::any_of(makefile.references.begin(), makefile.references.end(), [&](const MakeReference& reference) {
      return assignment.value.begin <= reference.name.begin && reference.name.end <= assignment.value.end &&
             makefile.at(reference.name) == other;
    });
  }

  void append(const std::string& path, const Makefile& makefile, SearchResult& findings) const {
    const std::vector<std::string_view> added = make_words(value);
    const MakeAssignment* last = nullptr;
    for (const MakeAssignment* assignment : assignments(makefile)) {
      const std::vector<std::string_view> words = makefile.value_words(*assignment);
      if (assignment->depth == 0 && find_words(words, added) < words.size()) {
        findings.already = true;
        return;
      }
      if (last == nullptr || assignment->depth == 0 || last->depth > 0) last = assignment;
    }
    if (last == nullptr) return;
    const std::string_view ending = line_ending(makefile.text);
    const std::string line = name + " += " + value;
    TextEdits edits;
    if (last->conditional_end)
      edits.replace(*last->conditional_end, 0, after_newline(makefile.text, *last->conditional_end, line, ending));
    else
      edits.replace(last->whole.end, 0, after_line(makefile.text, last->whole.end, ending) + line);
    findings.places.push_back({path, last->line});
    findings.change(path, edits.apply(makefile.text), 1);
  }

  // The newline after the line that ends at `end`. With a backslash at its end it needs an empty line.
  static std::string after_line(std::string_view text, std::size_t end, std::string_view ending) {
    const bool goes_on = end > 0 && text[end - 1] == '\\';
    return std::string(ending) + (goes_on ? std::string(ending) : "");
  }

  // The text that adds a line at `offset`: the beginning of a line, or the end of a text without a final newline.
  static std::string after_newline(std::string_view text, std::size_t offset, const std::string& line,
                                   std::string_view ending) {
    if (offset == 0) return line + std::string(ending);
    if (text[offset - 1] != '\n') return after_line(text, offset, ending) + line;
    const std::size_t end = line_end(text, line_begin(text, offset - 1));
    return after_line(text, end, ending).substr(ending.size()) + line + std::string(ending);
  }

  Status append_at_end(const SourceTree& tree, SearchResult& findings) const {
    if (findings.searched.size() != 1) {
      findings.hint = "none of them assigns it: name one file, and the line is added at its end";
      return {};
    }
    const std::string& path = findings.searched.front();
    TRY_ASSIGN(const std::string_view source, tree.read(path));
    findings.places.push_back({path, line_of(source, source.size())});
    findings.change(
        path, std::string(source) + after_newline(source, source.size(), name + " += " + value, line_ending(source)),
        1);
    return {};
  }

  void set(const std::string& path, const Makefile& makefile, SearchResult& findings) const {
    TextEdits edits;
    for (const MakeAssignment* assignment : assignments(makefile)) {
      if (makefile.value_words(*assignment) == make_words(value)) {
        findings.already = true;
        continue;
      }
      const bool glued = assignment->value.begin > 0 && makefile.text[assignment->value.begin - 1] == '=';
      edits.replace(assignment->value.begin, assignment->value.end - assignment->value.begin,
                    (glued ? " " : "") + value);
      findings.places.push_back({path, assignment->line});
    }
    if (!edits.empty()) findings.change(path, edits.apply(makefile.text), edits.size());
  }

  void remove(const std::string& path, const Makefile& makefile, const SourceTree& tree, SearchResult& findings) const {
    findings.hint = value.empty() ? "whether it was removed before is not known"
                                  : "it would count as done already if they assigned " + name;
    findings.what = "assignment of the variable " + name + (value.empty() ? "" : " with " + value);
    if (value.empty() && tree.edits().contains(path)) {  // an earlier step of the same plan may have done it
      const auto before = tree.original(path);
      findings.already = findings.already || (before && !assignments(read_makefile(*before)).empty());
    }
    const std::vector<std::string_view> gone = make_words(value);
    TextEdits edits;
    std::size_t count = 0;
    for (const MakeAssignment* assignment : assignments(makefile)) {
      findings.already = findings.already || !value.empty();
      const std::vector<std::string_view> words = makefile.value_words(*assignment);
      const std::vector<Run> runs = value.empty() ? std::vector<Run>{{0, words.size()}} : runs_of(words, gone);
      if (runs.empty()) continue;
      ++count;
      findings.places.push_back({path, assignment->line});
      if (runs.front().last - runs.front().first == words.size()) {
        edits.replace(assignment->whole.begin,
                      next_line(makefile.text, assignment->whole.end) - assignment->whole.begin, "");
        continue;
      }
      const auto offset = [&](std::string_view word) {
        return static_cast<std::size_t>(word.data() - makefile.text.data());
      };
      for (const Run& run : runs) {  // with the blanks (and continuation) on one side
        const bool at_end = run.last == words.size();
        const std::size_t begin =
            at_end ? offset(words[run.first - 1]) + words[run.first - 1].size() : offset(words[run.first]);
        const std::size_t end = at_end ? offset(words.back()) + words.back().size() : offset(words[run.last]);
        edits.replace(begin, end - begin, "");
      }
    }
    if (!edits.empty()) findings.change(path, edits.apply(makefile.text), count);
  }
};

Result<std::unique_ptr<Transform>> KbuildVariable::make(const Parameters& parameters) {
  auto made = std::make_unique<KbuildVariable>();
  made->globs = list_of(parameters, "files");
  const std::string& action = text_of(parameters, "action");
  const auto found = std::find(std::begin(action_names), std::end(action_names), action);
  made->action = static_cast<Action>(found - std::begin(action_names));  // the specs allow these names only
  made->name = trimmed_copy(text_of(parameters, "name"));
  made->value = trimmed_copy(text_or(parameters, "value", ""));
  made->to = trimmed_copy(text_or(parameters, "to", ""));
  TRY_ASSIGN(made->wanted, places_of(parameters, made->action == Action::set ? "1" : "1.."));
  if (!is_make_name(made->name)) return usage_error(kind_name, "`" + made->name + "` is not the name of a variable");
  if (made->action == Action::rename && !is_make_name(made->to))
    return usage_error(kind_name, "`action: rename` needs `to`, the new name");
  if (made->action == Action::rename && made->to == made->name)
    return usage_error(kind_name, "`name` and `to` are the same");
  if (made->action != Action::rename && !made->to.empty())
    return usage_error(kind_name, "`to` belongs to `action: rename` only");
  if ((made->action == Action::append || made->action == Action::set) && made->value.empty())
    return usage_error(kind_name, "`action: " + action + "` needs `value`");
  if (contains(made->value, "\n")) return usage_error(kind_name, "`value` has more than one line");
  return std::unique_ptr<Transform>(std::move(made));
}

}  // namespace

TransformKind kbuild_variable_kind() {
  using Type = ParameterSpec::Type;
  return {
      KbuildVariable::kind_name,
      "Changes a variable in Kbuild files and Makefiles. rename: every assignment and reference; append: adds `name "
      "+= value` after the last assignment that is not in a conditional; set: the value of its assignment; remove: "
      "the value's words, or all assignments. Done already: rename - `to` is assigned; append and set - the value "
      "is there; remove - the variable is assigned without the value (without `value`, finding nothing is an "
      "error).",
      {{"files", Type::glob, true, "the files"},
       {"action", Type::choice, true, "the kind of change", {"rename", "append", "set", "remove"}},
       {"name", Type::token, true, "the variable"},
       {"value", Type::text, false, "for append, set and remove"},
       {"to", Type::token, false, "the new name, for rename"},
       {"places", Type::places, false, "the expected number of places; 1.. if not given, 1 for set"}},
      KbuildVariable::make};
}

}  // namespace vgpukit::transform
