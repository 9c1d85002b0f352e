// conftest-test: adds a test to NVIDIA's conftest.sh, renames one or replaces it, and registers it in the Kbuild list
// of its kind (550 keeps some of the lists in *.mk files).
//
// conftest.sh has one big `case "$1" in` in compile_test(); each branch compiles a snippet with compile_check_conftest
// and prints a #define or #undef. Kbuild files name the branches to run in NV_CONFTEST_*_COMPILE_TESTS; headers need no
// branch.
#include <algorithm>
#include <cctype>

#include "transform/kinds.hpp"
#include "transform/makefile.hpp"
#include "transform/shell_script.hpp"
#include "transform/source_text.hpp"

namespace vgpukit::transform {
namespace {

constexpr std::string_view kind_name = "conftest-test";

struct TestKind {
  std::string_view name, list, category;
  bool present;  // whether its define ends with _PRESENT
};
constexpr TestKind test_kinds[] = {{"function", "NV_CONFTEST_FUNCTION_COMPILE_TESTS", "functions", true},
                                   {"type", "NV_CONFTEST_TYPE_COMPILE_TESTS", "types", false},
                                   {"symbol", "NV_CONFTEST_SYMBOL_COMPILE_TESTS", "symbols", true},
                                   {"macro", "NV_CONFTEST_MACRO_COMPILE_TESTS", "macros", true},
                                   {"generic", "NV_CONFTEST_GENERIC_COMPILE_TESTS", "generic", false},
                                   {"header", "NV_HEADER_PRESENCE_TESTS", "", true}};

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

bool in_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// `from` as a word of its own, behind one of NVIDIA's prefixes (conftest_f, NV_F) and, in capitals, before a suffix
// (NV_F_PRESENT).
void rename_in(std::string& text, const std::string& from, const std::string& to, std::string_view prefix,
               bool suffixes) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    const std::string_view before = std::string_view(text).substr(0, at);
    const char after = at + from.size() < text.size() ? text[at + from.size()] : ' ';
    const bool begins = at == 0 || !in_word(before.back()) || before.ends_with(prefix);
    const bool ends = !in_word(after) || (suffixes && after == '_');
    if (begins && ends) text.replace(at, from.size(), to);
    at += begins && ends ? to.size() : 1;
  }
}

std::string indent_all(std::string_view text, std::string_view indent) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); at = next_line(text, at)) {
    const std::string_view line = text.substr(at, next_line(text, at) - at);
    if (!blank(line)) result += indent;
    result += line;
  }
  return result;
}

bool same_words(std::string_view a, std::string_view b) {
  return words_of(a) == words_of(b);
}

class ConftestTest : public Transform {
 public:
  std::vector<std::string> scripts, registers;
  std::string action, test, rename_from, code, script, define, value, list, category, answer;
  bool header = false;

  std::string_view kind() const override { return kind_name; }
  std::string describe() const override {
    return "conftest-test " + action + " " + (rename_from.empty() ? "" : rename_from + " -> ") + test +
           (list.empty() ? "" : " in " + list);
  }

  Result<Applied> apply(SourceTree& tree) const override {
    SearchResult findings;
    findings.what = "conftest " + (rename_from.empty() ? test : rename_from);
    if (!header) {
      TRY_ASSIGN(const std::vector<std::string> paths, select_files(kind_name, tree, scripts));
      if (paths.size() > 1)
        return Error{ErrorKind::failed, "apply conftest-test", "more than one file matches: " + join(paths, ", "), ""};
      findings.searched = paths;
      TRY(in_script(paths.front(), tree, findings));
    }
    if (action == "rename") TRY(rename_registered(tree, findings));
    if (action == "add") TRY(register_test(tree, findings));
    return conclude(kind_name, Places{}, std::move(findings), tree);
  }

 private:
  bool has_content() const { return !code.empty() || !script.empty(); }

  static const CaseBranch* branch_named(const CaseBlock& block, std::string_view name) {
    for (const CaseBranch& branch : block.branches)
      if (std::find(branch.patterns.begin(), branch.patterns.end(), name) != branch.patterns.end()) return &branch;
    return nullptr;
  }

  Status in_script(const std::string& path, const SourceTree& tree, SearchResult& findings) const {
    TRY_ASSIGN(const std::string_view source, tree.read(path));
    const std::vector<CaseBlock> blocks = find_case_blocks(source);
    const auto block =
        std::find_if(blocks.begin(), blocks.end(), [](const CaseBlock& b) { return b.function == "compile_test"; });
    if (block == blocks.end() || block->branches.empty())
      return Error{ErrorKind::failed, "apply conftest-test", path + " has no compile_test() with a case block",
                   "is it NVIDIA's conftest.sh?"};
    if (action == "rename") return rename_branch(path, source, *block, findings);
    const CaseBranch* branch = branch_named(*block, test);
    if (action == "add") return add_branch(path, source, *block, branch, findings);
    if (branch == nullptr)
      return Error{ErrorKind::failed, "apply conftest-test", path + " has no test " + test + " to replace", ""};
    if (!answer.empty()) return answer_branch(path, source, *branch, findings);
    replace_branch(path, source, *branch, test, findings);
    return {};
  }

  std::string body(std::string_view indent, std::string_view ending) const {
    const std::string inner = std::string(indent) + "    ";
    std::string text = "\n";
    if (!script.empty()) {
      text += indent_all(without_final_newline(script), inner);
    } else {
      text += inner + "CODE=\"\n" + indent_all(in_double_quotes(without_final_newline(code)), inner) + "\"\n\n";
      text += inner + "compile_check_conftest \"$CODE\" \"" + define + "\" \"" + value + "\" \"" + category + "\"";
    }
    return with_line_endings(text + "\n" + std::string(indent), ending);
  }

  Status add_branch(const std::string& path, std::string_view source, const CaseBlock& block, const CaseBranch* branch,
                    SearchResult& findings) const {
    if (branch != nullptr) {
      // A driver that has the test already keeps its own, when it answers the same question.
      const std::string_view text = source.substr(branch->body, branch->body_end - branch->body);
      const bool answers =
          script.empty() ? text.find("\"" + define + "\"") != std::string_view::npos : same_words(text, script);
      if (has_content() && !answers)
        return other_shape(kind_name, {path, line_of(source, branch->begin)},
                           "there is another test of the name " + test,
                           script.empty() ? "it does not set " + define : "`action: replace` would replace it");
      findings.already = true;
      return {};
    }
    const auto matches = [&](const CaseBranch& b) {
      return std::any_of(b.patterns.begin(), b.patterns.end(),
                         [&](const std::string& p) { return p != "*" && shell_pattern_matches(p, test); });
    };
    if (std::any_of(block.branches.begin(), block.branches.end(), matches))
      return {};  // is_export_symbol_present_*: nothing to add
    if (!has_content())
      return Error{ErrorKind::failed, "apply conftest-test", path + " has no test " + test,
                   "it can be added when the recipe gives its `code`"};
    // Behind the last branch that has a name: the catch-all stays the last one.
    const CaseBranch* last = &block.branches.front();
    for (const CaseBranch& b : block.branches)
      if (std::find(b.patterns.begin(), b.patterns.end(), "*") == b.patterns.end()) last = &b;
    const std::string_view ending = line_ending(source);
    const std::string indent(indent_at(source, block.branches.front().begin));
    TextEdits edits;
    edits.replace(last->end, 0,
                  std::string(ending) + std::string(ending) + indent + test + ")" + body(indent, ending) + ";;");
    findings.places.push_back({path, line_of(source, last->end)});
    findings.change(path, edits.apply(source), 1);
    return {};
  }

  void replace_branch(const std::string& path, std::string_view source, const CaseBranch& branch,
                      const std::string& name, SearchResult& findings) const {
    const std::string text = body(indent_at(source, branch.begin), line_ending(source));
    if (name == test && same_words(text, source.substr(branch.body, branch.body_end - branch.body))) {
      findings.already = true;
      return;
    }
    TextEdits edits;
    edits.replace(branch.begin, branch.body_end - branch.begin, test + ")" + text);
    findings.places.push_back({path, line_of(source, branch.begin)});
    findings.change(path, edits.apply(source), 1);
  }

  // The branch says what the recipe knows, for each thing that compile_check_conftest was to find out.
  Status answer_branch(const std::string& path, std::string_view source, const CaseBranch& branch,
                       SearchResult& findings) const {
    const std::string_view text = source.substr(branch.body, branch.body_end - branch.body);
    std::string lines;
    constexpr std::string_view check = "compile_check_conftest \"$CODE\" \"";
    for (std::size_t at = text.find(check); at != std::string_view::npos; at = text.find(check, at)) {
      at += check.size();
      // "DEFINE" "VALUE" "CATEGORY"
      const std::string_view rest = text.substr(at, line_end(text, at) - at);
      const std::size_t name = rest.find('"');
      const std::size_t from = name == std::string_view::npos ? name : rest.find('"', name + 1);
      const std::size_t to = from == std::string_view::npos ? from : rest.find('"', from + 1);
      if (to == std::string_view::npos) continue;
      const std::string found(rest.substr(0, name));
      if (!define.empty() && found != define)
        return other_shape(kind_name, {path, line_of(source, branch.begin)}, "the test sets " + found + ", too",
                           "`action: replace` with a `script` can say both");
      const std::string_view its_value = trimmed(rest.substr(from + 1, to - from - 1));
      lines += answer == "absent" ? "echo \"#undef " + found : "echo \"#define " + found;
      if (answer == "present" && !its_value.empty()) lines += " " + std::string(its_value);
      lines += "\"\n";
    }
    if (lines.empty()) {
      const std::string wanted = (answer == "absent" ? "echo \"#undef " : "echo \"#define ") + define;
      findings.already =
          text.find("compile_check_conftest") == std::string_view::npos && text.find(wanted) != std::string_view::npos;
      if (findings.already) return {};
      return other_shape(kind_name, {path, line_of(source, branch.begin)},
                         "the test does not ask with compile_check_conftest" + (define.empty() ? "" : " for " + define),
                         "`action: replace` with a `script` can say the same");
    }
    ConftestTest made(*this);
    made.script = lines;
    made.replace_branch(path, source, branch, test, findings);
    return {};
  }

  Status rename_branch(const std::string& path, std::string_view source, const CaseBlock& block,
                       SearchResult& findings) const {
    const CaseBranch* from = branch_named(block, rename_from);
    const CaseBranch* to = branch_named(block, test);
    if (from != nullptr && to != nullptr)
      return other_shape(kind_name, {path, line_of(source, to->begin)},
                         "there are tests of both names, " + rename_from + " and " + test);
    if (from == nullptr && to == nullptr) {
      findings.hint = "it would count as done already if there were a test " + test;
      return {};
    }
    if (from == nullptr) {
      if (has_content())
        replace_branch(path, source, *to, test, findings);
      else
        findings.already = true;
      return {};
    }
    if (from->patterns.size() > 1)
      return other_shape(kind_name, {path, line_of(source, from->begin)},
                         "this branch has more names than " + rename_from);
    if (has_content()) {
      replace_branch(path, source, *from, rename_from, findings);
      return {};
    }
    std::string text(source.substr(from->begin, from->body_end - from->begin));
    rename_in(text, rename_from, test, "conftest_", false);
    rename_in(text, upper(rename_from), upper(test), "NV_", true);
    TextEdits edits;
    edits.replace(from->begin, from->body_end - from->begin, std::move(text));
    findings.places.push_back({path, line_of(source, from->begin)});
    findings.change(path, edits.apply(source), 1);
    return {};
  }

  static bool is_test_list(std::string_view name) {
    return (name.starts_with("NV_CONFTEST_") && name.ends_with("_COMPILE_TESTS")) || name == "NV_HEADER_PRESENCE_TESTS";
  }

  Status rename_registered(const SourceTree& tree, SearchResult& findings) const {
    TRY_ASSIGN(const std::vector<std::string> paths, select_files(kind_name, tree, registers));
    for (const std::string& path : paths) {
      TRY_ASSIGN(const std::string_view source, tree.read(path));
      const Makefile makefile = read_makefile(source);
      TextEdits edits;
      for (const MakeAssignment& assignment : makefile.assignments) {
        if (!is_test_list(makefile.at(assignment.name))) continue;
        for (const std::string_view word : makefile.value_words(assignment)) {
          if (word != rename_from) continue;
          edits.replace(static_cast<std::size_t>(word.data() - source.data()), word.size(), test);
          findings.places.push_back({path, assignment.line});
        }
      }
      if (!edits.empty()) findings.change(path, edits.apply(source), edits.size());
    }
    return {};
  }

  // Adds the test to the list in the files that `register` names, or in the only file that has such a list.
  Status register_test(const SourceTree& tree, SearchResult& findings) const {
    TRY_ASSIGN(const std::vector<std::string> paths, select_files(kind_name, tree, registers));
    std::vector<std::string> without, candidates;
    bool registered = false;
    for (const std::string& path : paths) {
      TRY_ASSIGN(const std::string_view source, tree.read(path));
      const Makefile makefile = read_makefile(source);
      bool has_list = false;
      bool has_test = false;
      for (const MakeAssignment& assignment : makefile.assignments) {
        if (makefile.at(assignment.name) != list) continue;
        const std::vector<std::string_view> words = makefile.value_words(assignment);
        has_list = has_list || !words.empty();
        has_test = has_test || std::find(words.begin(), words.end(), test) != words.end();
      }
      if (!has_test) without.push_back(path);
      if (has_list && !has_test) candidates.push_back(path);
      registered = registered || has_test;
    }
    if (!registers_given) {
      if (registered)
        without.clear();
      else if (candidates.size() == 1)
        without = candidates;
      else
        return Error{ErrorKind::failed, "apply conftest-test",
                     candidates.empty() ? "no Kbuild file has a list " + list
                                        : list + " is in more than one file: " + join(candidates, ", "),
                     "`register` names the file in which " + test + " shall be registered"};
    }
    if (registered && without.empty()) findings.already = true;
    for (const std::string& path : without) {
      TRY_ASSIGN(const std::string_view source, tree.read(path));
      add_to_list(path, read_makefile(source), findings);
    }
    return {};
  }

  void add_to_list(const std::string& path, const Makefile& makefile, SearchResult& findings) const {
    const MakeAssignment* last = nullptr;
    for (const MakeAssignment& assignment : makefile.assignments)
      if (makefile.at(assignment.name) == list && assignment.depth == 0 && assignment.op != "?=") last = &assignment;
    const std::string ending(line_ending(makefile.text));
    TextEdits edits;
    if (last == nullptr) {
      const bool open_line = !makefile.text.empty() && makefile.text.back() != '\n';
      edits.replace(makefile.text.size(), 0,
                    (open_line ? ending : "") + list + " += " + test + (open_line ? "" : ending));
    } else if (makefile.at(last->value).find('\n') != std::string_view::npos) {  // a list with one word on each line
      edits.replace(last->value.end, 0, " \\" + ending + std::string(indent_at(makefile.text, last->value.end)) + test);
    } else if (last->op == "+=") {
      const std::string prefix(makefile.at({last->whole.begin, last->value.begin}));
      edits.replace(last->whole.end, 0, ending + prefix + test);
    } else {
      edits.replace(last->value.end, 0, " " + test);
    }
    findings.places.push_back({path, last == nullptr ? line_of(makefile.text, makefile.text.size()) : last->line});
    findings.change(path, edits.apply(makefile.text), 1);
  }

 public:
  bool registers_given = false;
};

Status check(const ConftestTest& made, bool kind_given) {
  const bool content = !made.code.empty() || !made.script.empty();
  if (!made.code.empty() && !made.script.empty())
    return usage_error(kind_name, "`code` and `script` exclude each other");
  if (made.action == "rename" && made.rename_from.empty())
    return usage_error(kind_name, "`action: rename` needs `rename-from`");
  if (made.action != "rename" && !made.rename_from.empty())
    return usage_error(kind_name, "`rename-from` belongs to `action: rename` only");
  if (made.action == "rename" && made.rename_from == made.test)
    return usage_error(kind_name, "`rename-from` and `test` are the same");
  if (!made.answer.empty() && (content || made.action != "replace" || !made.value.empty()))
    return usage_error(kind_name,
                       "`answer` says all there is to say about a test: only `test` and `define` go with it");
  if (made.action == "replace" && !content && made.answer.empty())
    return usage_error(kind_name, "`action: replace` needs `code`, `script` or `answer`");
  if (made.action == "add" && made.list.empty()) return usage_error(kind_name, "a test that is added needs its `kind`");
  if (!made.code.empty() && !kind_given) return usage_error(kind_name, "`code` needs the test's `kind`");
  if (made.header && (made.action != "add" || content))
    return usage_error(kind_name, "a header needs no test of its own: only `action: add` without `code` and `script`");
  if (made.script.empty()) return {};
  const std::string whole = "case x in\nx)\n" + made.script + "\n;;\nesac\n";
  const std::vector<CaseBlock> blocks = find_case_blocks(whole);
  if (blocks.empty() || blocks.back().branches.size() != 1 || blocks.back().esac + 5 != whole.size())
    return usage_error(kind_name, "`script` is not the whole body of a branch: a quote or a block is left open");
  return {};
}

Result<std::unique_ptr<Transform>> make(const Parameters& parameters) {
  auto made = std::make_unique<ConftestTest>();
  made->test = trimmed_copy(text_of(parameters, "test"));
  made->rename_from = trimmed_copy(text_or(parameters, "rename-from", ""));
  made->answer = text_or(parameters, "answer", "");
  made->action = text_or(parameters, "action",
                         !made->rename_from.empty() ? "rename"
                         : made->answer.empty()     ? "add"
                                                    : "replace");
  made->code = text_or(parameters, "code", "");
  made->script = trimmed_copy(text_or(parameters, "script", ""));
  if (made->script.ends_with(";;"))
    made->script = trimmed_copy(std::string_view(made->script).substr(0, made->script.size() - 2));
  const std::string kind = text_or(parameters, "kind", "");
  for (const TestKind& known : test_kinds) {
    if (known.name != kind) continue;
    made->list = known.list;
    made->category = known.category;
    made->header = kind == "header";
    made->define = "NV_" + upper(made->test) + (known.present ? "_PRESENT" : "");
  }
  made->define = text_or(parameters, "define", made->define);
  made->value = in_double_quotes(text_or(parameters, "value", ""));
  made->list = text_or(parameters, "list", made->list);
  made->scripts = has(parameters, "files") ? list_of(parameters, "files") : std::vector<std::string>{"**/conftest.sh"};
  made->registers_given = has(parameters, "register");
  made->registers = made->registers_given ? list_of(parameters, "register")
                                          : std::vector<std::string>{"**/*.Kbuild", "**/Kbuild", "**/*.mk"};
  TRY(check(*made, !kind.empty()));
  return std::unique_ptr<Transform>(std::move(made));
}

}  // namespace

TransformKind conftest_test_kind() {
  using Type = ParameterSpec::Type;
  return {
      kind_name,
      "Adds a test to conftest.sh and registers it, renames one (its define and its registrations too, the uses in the "
      "sources "
      "not), or "
      "replaces one. Done already: the test is there under its (new) name, sets that define, and is registered.",
      {{"test", Type::token, true, "the test's name; for a header its path: linux/vfio.h"},
       {"action", Type::choice, false, "add when not given, rename with `rename-from`", {"add", "rename", "replace"}},
       {"rename-from", Type::token, false, "the name until now"},
       {"kind", Type::choice, false, "what is tested", {"function", "type", "symbol", "macro", "generic", "header"}},
       {"code", Type::code, false,
        "the C snippet; for kind function it has to call it in a way that cannot compile: `f();`"},
       {"script", Type::code, false, "instead of `code`: the whole branch in shell, without the name and `;;`"},
       {"answer",
        Type::choice,
        false,
        "instead of asking the compiler, say this: what the recipe's facts found",
        {"present", "absent"}},
       {"define", Type::text, false, "what the test defines; NV_TEST_PRESENT (type, generic: NV_TEST) when not given"},
       {"value", Type::text, false, "the define's value; empty when not given"},
       {"register", Type::glob, false,
        "the Kbuild files to register it in; the only one with that list when not given"},
       {"list", Type::text, false, "the list; NV_CONFTEST_KIND_COMPILE_TESTS when not given"},
       {"files", Type::glob, false, "the script; **/conftest.sh when not given"}},
      make};
}

}  // namespace vgpukit::transform
