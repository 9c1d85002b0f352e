// add-include: adds an #include after the last one of the first run of includes that is not inside an #if.
#include <algorithm>

#include "transform/code_view.hpp"
#include "transform/kinds.hpp"
#include "transform/source_text.hpp"

namespace vgpukit::transform {
namespace {

using Kind = Token::Kind;

struct Include {
  std::string header;   // without <> or ""
  std::size_t end = 0;  // of the directive
  int line = 0;
  std::vector<std::size_t> branch;  // the branches of conditionals around it, each with its own number
  bool in_first_run = false;
};

std::string bare(std::string_view header) {
  std::string name = trimmed_copy(header);
  if (name.size() > 2 && ((name.front() == '<' && name.back() == '>') || (name.front() == '"' && name.back() == '"')))
    name = name.substr(1, name.size() - 2);
  return name;
}

// Whether the conditional at index i of the code is an include guard: #ifndef X, #define X, and its #endif ends the
// file.
bool is_guard(const std::vector<Token>& code, std::size_t i) {
  if (i != 0 || code.size() < 3 || code[1].kind != Kind::directive || code.back().kind != Kind::directive) return false;
  const std::vector<Token> first = lex_directive(code[0].text);
  const std::vector<Token> second = lex_directive(code[1].text);
  if (first.size() < 2 || second.size() < 2 || second[0].text != "define" || first.back().text.empty()) return false;
  const bool names_it =
      std::any_of(first.begin(), first.end(), [&](const Token& t) { return t.text == second[1].text; });
  if (!names_it || (first[0].text != "ifndef" && !(first[0].text == "if" && first[1].text == "!"))) return false;
  std::size_t depth = 0;
  for (std::size_t j = 0; j < code.size(); ++j) {
    if (code[j].kind != Kind::directive) continue;
    const std::vector<Token> words = lex_directive(code[j].text);
    if (words.empty()) continue;
    if (words[0].text.starts_with("if")) ++depth;
    if (words[0].text == "endif" && --depth == 0) return j + 1 == code.size();
  }
  return false;
}

std::vector<Include> includes_of(const CodeView& view) {
  std::vector<Include> found;
  std::vector<std::size_t> branch;  // 0: an include guard, which is not a condition
  std::size_t branches = 0;
  bool first_run = true;
  for (std::size_t i = 0; i < view.code().size(); ++i) {
    const Token& token = view.code()[i];
    if (token.kind != Kind::directive) {
      first_run = false;
      continue;
    }
    const std::vector<Token> words = lex_directive(token.text);
    if (words.empty()) continue;
    const std::string_view name = words[0].text;
    if (name.starts_with("if"))
      branch.push_back(is_guard(view.code(), i) ? 0 : ++branches);
    else if (name.starts_with("el") && !branch.empty())
      branch.back() = ++branches;
    else if (name == "endif" && !branch.empty())
      branch.pop_back();
    else if (name == "include" && words.size() >= 2) {
      std::vector<std::size_t> around = branch;
      std::erase(around, 0);
      found.push_back(
          {bare(words[1].text), token.offset + token.text.size(), token.line, std::move(around), first_run});
    }
  }
  return found;
}

class AddInclude : public Transform {
 public:
  static constexpr std::string_view kind_name = "add-include";
  static Result<std::unique_ptr<Transform>> make(const Parameters& parameters);

  std::vector<std::string> globs;
  std::string header;  // as written: <linux/mm.h>
  std::string after;

  std::string_view kind() const override { return kind_name; }
  std::string describe() const override {
    return "add-include " + header + (after.empty() ? "" : " after " + after) + " in " + join(globs, ", ");
  }

  Result<Applied> apply(SourceTree& tree) const override {
    SearchResult findings;
    findings.what = after.empty() ? "#include that another one can follow" : "#include of " + after;
    TRY_ASSIGN(findings.searched, select_files(kind_name, tree, globs));
    for (const std::string& path : findings.searched) {
      TRY_ASSIGN(const std::string_view source, tree.read(path));
      if (!contains(source, "include")) continue;
      TRY(in_file(path, source, findings));
    }
    return conclude(kind_name, Places{}, std::move(findings), tree);
  }

 private:
  Status in_file(const std::string& path, std::string_view source, SearchResult& findings) const {
    const std::vector<Include> includes = includes_of(CodeView(source));
    std::vector<const Include*> places;  // several, if `after` is in more than one branch of an #if
    bool only_conditional = false;
    for (const Include& include : includes) {
      if (!after.empty()) {
        if (include.header == bare(after)) places.push_back(&include);
      } else if (include.in_first_run && include.branch.empty()) {
        places.assign(1, &include);
      } else if (include.in_first_run) {
        only_conditional = true;
      }
    }
    if (places.empty() && only_conditional)
      return other_shape(kind_name, {path, includes.front().line}, "all #includes at the beginning are inside an #if",
                         "`after` can name one of them");
    // It counts as there if its conditions are the same as those of the place, or some of them.
    std::vector<const Include*> there;
    for (const Include& include : includes)
      if (include.header == bare(header)) there.push_back(&include);
    TextEdits edits;
    for (const Include* place : places) {
      const bool known = std::any_of(there.begin(), there.end(), [&](const Include* include) {
        return include->branch.size() <= place->branch.size() &&
               std::equal(include->branch.begin(), include->branch.end(), place->branch.begin());
      });
      findings.already = findings.already || known;
      if (known) continue;
      there.push_back(place);
      edits.replace(place->end, 0, std::string(line_ending(source)) + "#include " + header);
      findings.places.push_back({path, place->line});
    }
    if (!edits.empty()) findings.change(path, edits.apply(source), edits.size());
    return {};
  }
};

Result<std::unique_ptr<Transform>> AddInclude::make(const Parameters& parameters) {
  auto made = std::make_unique<AddInclude>();
  made->globs = list_of(parameters, "files");
  made->header = trimmed_copy(text_of(parameters, "header"));
  made->after = trimmed_copy(text_or(parameters, "after", ""));
  if (made->header.find_first_of("\n\r") != std::string::npos)
    return usage_error(kind_name, "`header` has more than one line");
  if (made->header.front() != '<' && made->header.front() != '"') made->header = "<" + made->header + ">";
  return std::unique_ptr<Transform>(std::move(made));
}

}  // namespace

TransformKind add_include_kind() {
  using Type = ParameterSpec::Type;
  return {
      AddInclude::kind_name,
      "Adds `#include <header>` after the last #include of the run at a file's beginning that is not inside an #if, or "
      "after `after`, in each branch that has it. Files without such an #include do not change. Done already: the "
      "header is included there under no further condition.",
      {{"files", Type::glob, true, "the files"},
       {"header", Type::token, true, "`linux/mm.h`, or with the quotes it needs: `\"nv-linux.h\"`"},
       {"after", Type::token, false, "the header after whose #include it goes, also inside an #if"}},
      AddInclude::make};
}

}  // namespace vgpukit::transform
