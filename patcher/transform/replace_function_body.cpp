// replace-function-body: keeps the signature, replaces what is between the braces.
#include <algorithm>

#include "transform/kinds.hpp"
#include "transform/lexer.hpp"
#include "transform/source_text.hpp"
#include "transform/token_match.hpp"

namespace vgpukit::transform {
namespace {

constexpr std::string_view kind_name = "replace-function-body";

bool same_tokens(std::string_view a, std::string_view b) {
  const std::vector<Token> left = flat_tokens(a);
  const std::vector<Token> right = flat_tokens(b);
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const Token& x, const Token& y) { return x.text == y.text && x.kind == y.kind; });
}

// The first conditional directive of a text that does not belong to an #if in it.
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
      if (source.find(function) == std::string_view::npos) continue;
      TRY(in_file(path, source, findings));
    }
    // The places are the definitions, whether they have the new body already or not.
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
            "the body of " + function + " and an #if cut each other at line " + std::to_string(stray->line),
            "its signature is written twice, one in each branch; this needs a `patch`");
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

Result<std::unique_ptr<Transform>> make(const Parameters& parameters) {
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
  return {kind_name,
          "Replaces what is between the braces of a function's definition; the signature stays. Done already: every "
          "definition has "
          "that "
          "body, white space and comments aside.",
          {{"files", Type::glob, true, "files to look at"},
           {"function", Type::token, true, "the function's name"},
           {"body", Type::code, true, "the lines between the braces, indented as they shall be"},
           {"places", Type::places, false, "how many definitions there must be; 1 when not given"}},
          make};
}

}  // namespace vgpukit::transform
