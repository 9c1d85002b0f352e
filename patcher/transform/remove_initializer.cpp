// remove-initializer: removes `.llseek = no_llseek,`.
#include <algorithm>

#include "transform/code_view.hpp"
#include "transform/kinds.hpp"
#include "transform/source_text.hpp"
#include "transform/token_match.hpp"

namespace vgpukit::transform {
namespace {

using Kind = Token::Kind;

struct Entry {
  std::size_t begin = 0;  // the '.'
  std::size_t end = 0;    // after the comma, or after the value of a last entry
  int line = 0;
  std::size_t before = 0;  // where the token before it ends
  bool cut = false;        // an #if is inside of it
  bool counts = false;     // the value of the next field is behind it, without a name
};

bool same(const std::vector<Token>& code, std::size_t first, std::size_t last, const std::vector<std::string>& words) {
  return std::equal(code.begin() + static_cast<std::ptrdiff_t>(first), code.begin() + static_cast<std::ptrdiff_t>(last),
                    words.begin(), words.end(),
                    [](const Token& token, const std::string& word) { return token.text == word; });
}

// Whether the text has only comments and blanks.
bool insignificant(std::string_view text) {
  const std::vector<Token> tokens = lex(text);
  return std::all_of(tokens.begin(), tokens.end(),
                     [](const Token& t) { return t.kind == Kind::space || t.kind == Kind::comment; });
}

// Whether the entry's line begins with it, or with a comment that begins there.
bool begins_line(std::string_view source, const Entry& entry, std::size_t line) {
  if (entry.before > line) return false;
  const std::vector<Token> tokens = lex(source.substr(entry.before, entry.begin - entry.before));
  return std::none_of(tokens.begin(), tokens.end(), [&](const Token& t) {
    const std::size_t begin = entry.before + t.offset;
    return t.kind == Kind::comment && begin < line && line < begin + t.text.size();
  });
}

// The bytes to remove: the line with its comment if the entry is alone on it, otherwise the entry and the blanks on one
// side.
Span to_remove(std::string_view source, const Entry& entry) {
  const std::size_t begin = line_begin(source, entry.begin);
  const std::size_t end = line_end(source, entry.end);
  if (begins_line(source, entry, begin) && insignificant(source.substr(entry.end, end - entry.end)))
    return {begin, next_line(source, entry.end)};
  Span span{entry.begin, entry.end};
  const auto is_blank = [&](std::size_t i) { return source[i] == ' ' || source[i] == '\t'; };
  if (blank(source.substr(entry.end, end - entry.end))) {
    while (span.begin > begin && is_blank(span.begin - 1)) --span.begin;
  } else {
    while (span.end < end && is_blank(span.end)) ++span.end;
  }
  return span;
}

class RemoveInitializer : public Transform {
 public:
  static constexpr std::string_view kind_name = "remove-initializer";
  static Result<std::unique_ptr<Transform>> make(const Parameters& parameters);

  std::vector<std::string> globs;
  std::string field, value_text, type_text;
  std::vector<std::string> value, type;  // their tokens
  Places wanted;

  std::string_view kind() const override { return kind_name; }
  std::string describe() const override { return "remove-initializer " + construct() + " in " + join(globs, ", "); }

  Result<Applied> apply(SourceTree& tree) const override {
    SearchResult findings;
    findings.what = "initializer " + construct();
    findings.hint =
        type.empty() ? "whether it was removed before is not known; `of: TYPE` (`struct file_operations`) would show it"
                     : "it would count as done already if " + type_text + " had an initializer in these files";
    TRY_ASSIGN(findings.searched, select_files(kind_name, tree, globs));
    for (const std::string& path : findings.searched) {
      TRY_ASSIGN(const std::string_view source, tree.read(path));
      TRY(in_file(path, source, tree, findings));
    }
    return conclude(kind_name, wanted, std::move(findings), tree);
  }

 private:
  std::string construct() const {
    return "." + field + (value.empty() ? "" : " = " + value_text) + (type.empty() ? "" : " of " + type_text);
  }

  Status in_file(const std::string& path, std::string_view source, const SourceTree& tree,
                 SearchResult& findings) const {
    if (!type.empty() && !findings.already && source.find(type.back()) != std::string_view::npos)
      findings.already = initializes_type(CodeView(source));
    if (!findings.already && tree.edits().contains(path)) {  // an earlier step of this plan may have removed it
      const auto before = tree.original(path);
      findings.already = before && before->find(field) != std::string_view::npos && !entries(CodeView(*before)).empty();
    }
    if (!contains(source, field)) return {};
    const CodeView view(source);
    for (const Token& token : view.code())
      if (token.kind == Kind::directive && contains(token.text, field) && is_in_macro(token))
        return other_shape(kind_name, {path, token.line}, "a macro has the initializer ." + field);
    TextEdits edits;
    std::size_t removed = 0;  // up to here
    for (const Entry& entry : entries(view)) {
      if (entry.cut) return other_shape(kind_name, {path, entry.line}, "an #if is inside of the initializer ." + field);
      if (entry.counts)
        return other_shape(kind_name, {path, entry.line},
                           "the value behind ." + field + " has no name, and its field follows from ." + field);
      Span span = to_remove(source, entry);
      if (span.end <= removed) continue;  // it is inside of the value of another one
      span.begin = std::max(span.begin, removed);
      removed = span.end;
      edits.replace(span.begin, span.end - span.begin, "");
      findings.places.push_back({path, entry.line});
    }
    if (!edits.empty()) findings.change(path, edits.apply(source), edits.size());
    return {};
  }

  std::vector<Entry> entries(const CodeView& view) const {
    std::vector<Entry> found;
    const auto& code = view.code();
    for (std::size_t i = 0; i + 3 < code.size(); ++i) {
      if (code[i].text != "." || code[i + 1].text != field || code[i + 2].text != "=" || !begins_entry(code, i))
        continue;
      std::size_t last = i + 3;
      while (last < code.size() && !ends_value(code[last])) {
        const std::size_t partner = view.partner(last);
        last = partner != CodeView::npos && partner > last ? partner + 1 : last + 1;
      }
      if (last >= code.size()) continue;
      std::size_t next = last;
      while (next < code.size() && code[next].kind == Kind::directive) ++next;
      const bool cut = next != last && !view.is(next, "}");
      if (!value.empty() && !same(code, i + 3, last, value) && !(cut && last == i + 3)) continue;
      if (!type.empty() && !belongs_to_type(view, i)) continue;
      const Token& end = view.is(last, ",") ? code[last] : code[last - 1];
      found.push_back({code[i].offset, end.offset + end.text.size(), code[i].line,
                       code[i - 1].offset + code[i - 1].text.size(), cut,
                       view.is(last, ",") && counts(code, last + 1)});
    }
    return found;
  }

  // Whether an entry is in the body of a #define, where its structure is not known.
  bool is_in_macro(const Token& directive) const {
    const std::vector<Token> code = lex_directive(directive.text);
    for (std::size_t i = 2; i + 3 < code.size() && code[0].text == "define"; ++i) {
      if (code[i].text != "." || code[i + 1].text != field || code[i + 2].text != "=") continue;
      const std::string_view before = code[i - 1].text;
      const bool begins = i == 2 || before == "{" || before == "," || before == ")";
      if (begins &&
          (value.empty() || (i + 3 + value.size() <= code.size() && same(code, i + 3, i + 3 + value.size(), value))))
        return true;
    }
    return false;
  }

  static bool begins_entry(const std::vector<Token>& code, std::size_t i) {
    while (i-- > 0)
      if (code[i].kind != Kind::directive) return code[i].text == "{" || code[i].text == ",";
    return false;
  }
  // Whether a value without a field's name begins at `i`. A macro in capitals may have names inside.
  static bool counts(const std::vector<Token>& code, std::size_t i) {
    while (i < code.size() && code[i].kind == Kind::directive) ++i;
    if (i >= code.size() || code[i].text == "." || code[i].text == "[" || code[i].text == "}") return false;
    return code[i].kind != Kind::identifier ||
           std::any_of(code[i].text.begin(), code[i].text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  }
  static bool ends_value(const Token& token) {
    return token.kind == Kind::directive || token.text == "," || token.text == "}" || token.text == ")" ||
           token.text == ";";
  }

  bool has_type(const std::vector<Token>& code, std::size_t first, std::size_t last) const {
    for (std::size_t i = first; i + type.size() <= last; ++i)
      if (same(code, i, i + type.size(), type)) return true;
    return false;
  }

  // What the brace at `open` begins: an initializer of the type, an element of the initializer around it, or
  // something else (an initializer of another type, or of a member, whose type is not known; a block).
  enum class Opens { type, element, other };
  Opens opens(const CodeView& view, std::size_t open) const {
    const auto& code = view.code();
    if (open == 0) return Opens::other;
    if (view.is(open - 1, "{") || view.is(open - 1, ",")) return Opens::element;
    const auto typed = [&](std::size_t first, std::size_t last) {
      return has_type(code, first, last) ? Opens::type : Opens::other;
    };
    if (view.is(open - 1, ")")) {  // `(struct x) {`, but not `f(struct x *a) {`
      const std::size_t begin = view.partner(open - 1);
      if (begin == CodeView::npos || begin == 0) return Opens::other;
      const bool call = code[begin - 1].kind == Kind::identifier && !view.is(begin - 1, "return");
      return call ? Opens::other : typed(begin + 1, open - 1);
    }
    if (!view.is(open - 1, "=")) return Opens::other;
    // `struct x name[] = {`, `.member = {` or `[0] = {`
    std::size_t first = open - 1;
    bool member = false;
    while (first > 0) {
      if (view.is(first - 1, "]") && view.partner(first - 1) < first) {
        first = view.partner(first - 1);
      } else if (first > 1 && code[first - 1].kind == Kind::identifier && view.is(first - 2, ".")) {
        first -= 2;
        member = true;
      } else {
        break;
      }
    }
    if (first < open - 1 && first > 0 && (view.is(first - 1, "{") || view.is(first - 1, ",")))
      return member ? Opens::other : Opens::element;
    first = open - 1;
    while (first > 0 && !begins_declaration(view, first)) {
      const std::size_t partner = view.partner(first - 1);
      first = view.is(first - 1, "}") && partner < first ? partner : first - 1;
    }
    return typed(first, open - 1);
  }

  // A brace in a declaration is the value of the declarator before: `struct x a = { }, b = {`.
  static bool begins_declaration(const CodeView& view, std::size_t first) {
    const Token& before = view.code()[first - 1];
    return before.text == ";" || before.text == "{" || (before.text == "}" && !view.is(first, ",")) ||
           before.kind == Kind::directive;
  }

  bool belongs_to_type(const CodeView& view, std::size_t i) const {
    for (std::size_t j = i; j-- > 0;) {
      const std::size_t partner = view.partner(j);
      if (partner != CodeView::npos && partner < j) {
        j = partner;
      } else if (view.is(j, "{")) {
        const Opens what = opens(view, j);
        if (what != Opens::element) return what == Opens::type;
      }
    }
    return false;
  }

  bool initializes_type(const CodeView& view) const {
    for (std::size_t i = 1; i < view.code().size(); ++i)
      if (view.is(i, "{") && opens(view, i) == Opens::type) return true;
    return false;
  }
};

std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> words;
  for (const Token& token : flat_tokens(text)) words.emplace_back(token.text);
  return words;
}

Result<std::unique_ptr<Transform>> RemoveInitializer::make(const Parameters& parameters) {
  auto made = std::make_unique<RemoveInitializer>();
  made->globs = list_of(parameters, "files");
  made->field = trimmed_copy(text_of(parameters, "field"));
  if (made->field.starts_with('.')) made->field.erase(0, 1);
  made->value_text = trimmed_copy(text_or(parameters, "value", ""));
  made->type_text = trimmed_copy(text_or(parameters, "of", ""));
  made->value = tokens_of(made->value_text);
  made->type = tokens_of(made->type_text);
  TRY_ASSIGN(made->wanted, places_of(parameters, "1.."));
  if (tokens_of(made->field).size() != 1)
    return usage_error(kind_name, "`" + made->field + "` is not the name of a field");
  return std::unique_ptr<Transform>(std::move(made));
}

}  // namespace

TransformKind remove_initializer_kind() {
  using Type = ParameterSpec::Type;
  return {
      RemoveInitializer::kind_name,
      "Removes `.field = value,` from initializers, with its line and comment if nothing else is on the line. Done "
      "already: these files have an initializer of the type `of` without that entry, or an earlier step of the same "
      "plan has removed it. Otherwise, finding nothing is an error.",
      {{"files", Type::glob, true, "the files"},
       {"field", Type::token, true, "the field's name, without the dot"},
       {"value", Type::token, false, "only entries with this value"},
       {"of", Type::token, false,
        "only in initializers of this type: `struct file_operations`; needed to report \"done already\""},
       {"places", Type::places, false, "the expected number of places; 1.. if not given"}},
      RemoveInitializer::make};
}

}  // namespace vgpukit::transform
