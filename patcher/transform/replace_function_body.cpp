// replace-function-body: replaces the text between the braces; the signature stays.
#include <algorithm>

#include "transform/code_view.hpp"
#include "transform/kinds.hpp"
#include "transform/source_text.hpp"
#include "transform/token_match.hpp"

namespace vgpukit::transform {
namespace {

bool same_tokens(std::string_view a, std::string_view b) {
  const std::vector<Token> left = flat_tokens(a);
  const std::vector<Token> right = flat_tokens(b);
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const Token& x, const Token& y) { return x.text == y.text && x.kind == y.kind; });
}

// The first conditional directive of a range without its partner in that range; null if there is none.
const Token* stray_conditional(const std::vector<Token>& code, std::size_t first, std::size_t last) {
  std::vector<const Token*> open;
  for (std::size_t i = first; i < last; ++i) {
    if (code[i].kind != Token::Kind::directive) continue;
    const std::vector<Token> words = lex_directive(code[i].text);
    if (words.empty()) continue;
    const std::string_view name = words.front().text;
    if (name.starts_with("if"))
      open.push_back(&code[i]);
    else if (open.empty() && (name.starts_with("el") || name == "endif"))
      return &code[i];
    else if (name == "endif")
      open.pop_back();
  }
  return open.empty() ? nullptr : open.front();
}

class ReplaceFunctionBody : public Transform {
 public:
  static constexpr std::string_view kind_name = "replace-function-body";
  static Result<std::unique_ptr<Transform>> make(const Parameters& parameters);

  std::vector<std::string> globs;
  std::string function, body;
  Places wanted;

  std::string_view kind() const override { return kind_name; }
  std::string describe() const override { return "replace-function-body of " + function + " in " + join(globs, ", "); }

  Result<Applied> apply(SourceTree& tree) const override {
    SearchResult findings;
    findings.what = "definitions of the function " + function;
    TRY_ASSIGN(findings.searched, select_files(kind_name, tree, globs));
    for (const std::string& path : findings.searched) {
      TRY_ASSIGN(const std::string_view source, tree.read(path));
      if (!contains(source, function)) continue;
      TRY(in_file(path, source, findings));
    }
    // The places are all definitions, also those that have the new body.
    if (findings.changes.empty() && !findings.places.empty()) {
      const std::size_t count = findings.places.size();
      if (count < wanted.least || (wanted.most && count > *wanted.most))
        return unexpected_places(kind_name, findings.what, wanted, findings.places, findings.searched);
      findings.already = true;
      findings.places.clear();
    }
    return conclude(kind_name, wanted, std::move(findings), tree);
  }

 private:
  Status in_file(const std::string& path, std::string_view source, SearchResult& findings) const {
    const CodeView view(source);
    const auto& code = view.code();
    const std::string_view ending = line_ending(source);
    TextEdits edits;
    for (const CodeView::Function& found : view.functions(function)) {
      const Place place{path, code[found.name].line};
      findings.places.push_back(place);
      if (const Token* stray = stray_conditional(code, found.open + 1, found.close))
        return other_shape(
            kind_name, place,
            "an #if begins or ends inside the body of " + function + " at line " + std::to_string(stray->line),
            "use a `patch` if the signature is written once in each branch");
      const std::size_t begin = code[found.open].offset + 1;
      const std::size_t end = code[found.close].offset;
      if (same_tokens(source.substr(begin, end - begin), body)) continue;
      std::string text(ending);
      if (!blank(body)) text += with_line_endings(without_final_newline(body), ending) + std::string(ending);
      edits.replace(begin, end - begin, text + std::string(indent_at(source, code[found.first].offset)));
    }
    if (!edits.empty()) findings.change(path, edits.apply(source), edits.size());
    return {};
  }
};

Result<std::unique_ptr<Transform>> ReplaceFunctionBody::make(const Parameters& parameters) {
  auto made = std::make_unique<ReplaceFunctionBody>();
  made->globs = list_of(parameters, "files");
  made->function = trimmed_copy(text_of(parameters, "function"));
  made->body = text_of(parameters, "body");
  TRY_ASSIGN(made->wanted, places_of(parameters, "1"));
  const CodeView view(made->body);
  const auto& code = view.code();
  if (stray_conditional(code, 0, code.size()) != nullptr)
    return usage_error(kind_name, "an #if in `body` has no partner");
  const bool conditionals =
      std::any_of(code.begin(), code.end(), [](const Token& t) { return t.kind == Token::Kind::directive; });
  for (std::size_t i = 0; i < code.size() && !conditionals; ++i) {
    if (code[i].kind == Token::Kind::punctuator &&
        std::string_view("()[]{}").find(code[i].text) != std::string_view::npos && view.partner(i) == CodeView::npos)
      return usage_error(kind_name, "line " + std::to_string(code[i].line) + " of `body` has a `" +
                                        std::string(code[i].text) + "` without its partner");
  }
  return std::unique_ptr<Transform>(std::move(made));
}

}  // namespace

TransformKind replace_function_body_kind() {
  using Type = ParameterSpec::Type;
  return {ReplaceFunctionBody::kind_name,
          "Replaces the text between the braces of a function's definition; the signature stays. Done already: every "
          "definition has that body, apart from white space and comments.",
          {{"files", Type::glob, true, "the files"},
           {"function", Type::token, true, "the function's name"},
           {"body", Type::code, true, "the lines between the braces, with their indentation"},
           {"places", Type::places, false, "the expected number of definitions; 1 if not given"}},
          ReplaceFunctionBody::make};
}

}  // namespace vgpukit::transform
