// replace: finds a piece of code by its tokens, and replaces it or inserts text before or after it.
#include <algorithm>

#include "transform/code_view.hpp"
#include "transform/kinds.hpp"
#include "transform/source_text.hpp"
#include "transform/token_match.hpp"

namespace vgpukit::transform {
namespace {

enum class Mode { with, before, after };

// `text` with $1..$9 filled in from the match.
std::string filled(std::string_view text, std::string_view source, const std::vector<Token>& row,
                   const TokenMatch& match) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool wildcard = text[i] == '$' && i + 1 < text.size() && text[i + 1] >= '1' && text[i + 1] <= '9';
    const TokenMatch::Capture capture =
        wildcard ? match.captures[static_cast<std::size_t>(text[i + 1] - '0')] : TokenMatch::Capture{};
    if (capture.last == capture.first) {
      result += text[i];
      continue;
    }
    const Span span = span_of(row, capture.first, capture.last);
    result += source.substr(span.begin, span.end - span.begin);
    ++i;
  }
  return result;
}

// Whether the match is already inside its result: `after` is the text of the place after the edit.
bool is_part_of(const std::vector<Token>& row, const TokenMatch& match, std::string_view after) {
  const std::vector<Token> wanted = flat_tokens(after);
  const std::size_t length = match.last - match.first;
  const auto same = [&](std::size_t in_row, std::size_t in_wanted, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      if (row[in_row + i].text != wanted[in_wanted + i].text) return false;
    return true;
  };
  for (std::size_t k = 0; k + length <= wanted.size() && k <= match.first; ++k) {
    const std::size_t begin = match.first - k;
    if (begin + wanted.size() <= row.size() && same(match.first, k, length) && same(begin, 0, wanted.size()))
      return true;
  }
  return false;
}

// The directive around a match; null in code.
const Token* directive_around(const std::vector<Token>& row, const TokenMatch& match) {
  for (std::size_t i = match.first; i-- > 0;)
    if (row[i].kind == Token::Kind::directive) return row[i].text.empty() ? nullptr : &row[i];
  return nullptr;
}

// The index of the token before `i`, without the directives in between; npos at the beginning, and at that of the
// directive that `i` is in.
std::size_t token_before(const std::vector<Token>& row, std::size_t i) {
  while (i-- > 0) {
    if (row[i].kind != Token::Kind::directive) return i;
    if (!row[i].text.empty()) return CodeView::npos;
    while (i > 0 && (row[i].kind != Token::Kind::directive || row[i].text.empty())) --i;
  }
  return CodeView::npos;
}

// Whether the token at `i` is in a function, or in braces in a macro.
bool in_braces(const std::vector<Token>& row, std::size_t i) {
  std::size_t closed = 0;
  while ((i = token_before(row, i)) != CodeView::npos) {
    if (row[i].text == "}") ++closed;
    if (row[i].text == "{" && closed == 0) return true;
    if (row[i].text == "{") --closed;
  }
  return false;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// What controls the statement that begins at `i` and has no braces around it: "if", "else", or a macro's name
// (list_for_each). Empty if nothing does.
std::string_view controlled_by(const std::vector<Token>& row, std::size_t i) {
  if (row[i].kind == Token::Kind::directive || row[i].text == "{") return {};
  const std::size_t before = token_before(row, i);
  if (before == CodeView::npos) return {};
  if (is_one_of(row[before].text, {"else", "do"})) return row[before].text;
  if (row[before].text != ")") return {};
  std::size_t at = before;
  for (std::size_t depth = 1; depth > 0;) {
    at = token_before(row, at);
    if (at == CodeView::npos) return {};
    if (row[at].text == ")") ++depth;
    if (row[at].text == "(") --depth;
  }
  const std::size_t name = token_before(row, at);
  if (name == CodeView::npos || row[name].kind != Token::Kind::identifier) return {};
  const std::string_view word = row[name].text;
  if (is_one_of(word, {"if", "for", "while", "switch"})) return word;
  if (is_keyword(word) || word.starts_with("__a") || word == "asm") return {};  // __attribute__, __asm__
  const std::size_t first = token_before(row, name);
  const bool defines_macro = first != CodeView::npos && row[first].text == "define";
  return !defines_macro && in_braces(row, i) ? word : std::string_view();
}

// The number of statements that end in the tokens, outside of brackets.
std::size_t statements_in(const std::vector<Token>& row, std::size_t first, std::size_t last) {
  std::size_t count = 0;
  std::size_t depth = 0;
  bool directive = false;
  for (std::size_t i = first; i < last; ++i) {
    const std::string_view text = row[i].text;
    if (row[i].kind == Token::Kind::directive) directive = !text.empty();
    if (directive || row[i].kind != Token::Kind::punctuator) continue;
    if (is_one_of(text, {"(", "[", "{"})) ++depth;
    const bool closes = is_one_of(text, {")", "]", "}"}) && depth > 0;
    if (closes) --depth;
    const std::string_view next = i + 1 < last ? row[i + 1].text : std::string_view();
    if (depth > 0 || next == "else") continue;
    if (text == ";" || (closes && text == "}" && !is_one_of(next, {"while", ";", ",", ")"}))) ++count;
  }
  return count;
}

// Whether the match is a name that the driver defines itself, or asks for with #ifdef or defined().
bool is_asked_for(const std::vector<Token>& row, const TokenMatch& match) {
  if (match.first < 2 || directive_around(row, match) == nullptr) return false;
  const Token& before = row[match.first - 1];
  const Token& second = row[match.first - 2];
  if (second.kind == Token::Kind::directive)
    return is_one_of(before.text, {"define", "undef", "ifdef", "ifndef", "elifdef", "elifndef"});
  return before.text == "defined" || (before.text == "(" && second.text == "defined");
}

std::string with_continuations(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\n') result += " \\";
    result += c;
  }
  return result;
}

class Replace : public Transform {
 public:
  static constexpr std::string_view kind_name = "replace";
  static Result<std::unique_ptr<Transform>> make(const Parameters& parameters);

  std::vector<std::string> globs;
  std::string find_text, new_text, within;
  Mode mode = Mode::with;
  TokenPattern find;
  std::optional<TokenPattern> result;  // the place after the edit, if it can be found again
  Places wanted;

  std::string_view kind() const override { return kind_name; }
  std::string describe() const override {
    std::string first_line = trimmed_copy(find_text);
    if (const std::size_t newline = first_line.find('\n'); newline != std::string::npos)
      first_line = first_line.substr(0, newline) + " ...";
    const std::string what = mode == Mode::with     ? "replace"
                             : mode == Mode::before ? "replace: insert before"
                                                    : "replace: insert after";
    return what + " `" + first_line + "`" + (within.empty() ? "" : " within " + within) + " in " + join(globs, ", ");
  }

  Result<Applied> apply(SourceTree& tree) const override {
    SearchResult findings;
    findings.what = quoted(trimmed(find_text));
    if (!within.empty()) findings.what += " within the function " + within;
    findings.hint = result && result->distinctive() ? "it would count as done already if the result were in these files"
                                                    : "whether it was done before is not known: the result has no name";
    TRY_ASSIGN(findings.searched, select_files(kind_name, tree, globs));
    std::size_t done = 0;
    bool was_there = false;
    for (const std::string& path : findings.searched) {
      TRY_ASSIGN(const std::string_view source, tree.read(path));
      was_there = was_there || was_in_original(tree, path);
      if (is_c_file(path)) {
        TRY(in_code(path, source, findings, done));
      } else {
        if (!within.empty()) return usage_error(kind_name, "`within` needs a C file, and " + path + " is not one");
        in_text(path, source, findings, done);
      }
    }
    // The result may be there for another reason: it counts only in the number of places that the edit would have made.
    findings.already =
        was_there || (done >= std::max<std::size_t>(wanted.least, 1) && (!wanted.most || done <= *wanted.most));
    return conclude(kind_name, wanted, std::move(findings), tree);
  }

 private:
  // Whether an earlier step of the same plan has made the edit: then the file before that step shows it.
  bool was_in_original(const SourceTree& tree, const std::string& path) const {
    if (!tree.edits().contains(path)) return false;
    const auto before = tree.original(path);
    if (!before) return false;
    SearchResult findings;
    std::size_t done = 0;
    if (is_c_file(path)) {
      if (!in_code(path, *before, findings, done)) return false;
    } else {
      in_text(path, *before, findings, done);
    }
    return !findings.places.empty();
  }

  Status in_code(const std::string& path, std::string_view source, SearchResult& findings, std::size_t& done) const {
    if (!find.may_be_in(source) && !(result && result->may_be_in(source))) return {};
    const std::vector<Token> row = flat_tokens(source);
    const std::vector<Span> scopes = scopes_of(source);
    const auto in_scope = [&](const TokenMatch& match) {
      const Span span = span_of(row, match.first, match.last);
      return within.empty() || std::any_of(scopes.begin(), scopes.end(),
                                           [&](const Span& s) { return s.begin <= span.begin && span.end <= s.end; });
    };
    std::size_t results = 0;
    if (result && result->distinctive())
      for (const TokenMatch& match : result->find(row)) results += in_scope(match) ? 1U : 0U;
    TextEdits edits;
    std::size_t covered = 0;
    for (const TokenMatch& match : find.find(row)) {
      if (!in_scope(match)) continue;
      if (is_part_of(row, match, place_afterwards(source, row, match))) {
        ++covered;
        continue;
      }
      const Place place{path, row[match.first].line};
      TRY(check(source, row, match, place));
      edit(source, row, match, edits);
      findings.places.push_back(place);
    }
    done += std::max(results, covered);
    if (!edits.empty()) findings.change(path, edits.apply(source), edits.size());
    return {};
  }

  // Refuses a place where the new text would be wrong or would mean something else.
  Status check(std::string_view source, const std::vector<Token>& row, const TokenMatch& match,
               const Place& place) const {
    const std::vector<Token> added = flat_tokens(new_text);
    const std::string_view first_word = added.empty() ? std::string_view() : added.front().text;
    const std::string_view found_word = row[match.first].text;
    if (mode != Mode::after && first_word != found_word && begins_with_member(row, match))
      return other_shape(kind_name, place, quoted(found_word) + " is a member of something else here");
    const bool names_it = added.size() == 1 && added.front().kind == Token::Kind::identifier;
    if (mode == Mode::with && !names_it && is_asked_for(row, match))
      return other_shape(kind_name, place,
                         "the driver itself asks whether " + std::string(found_word) + " is defined, or defines it");
    for (int i = 1; i <= 9; ++i) {
      const TokenMatch::Capture capture = match.captures[static_cast<std::size_t>(i)];
      if (capture.last == capture.first) continue;
      const Span span = span_of(row, capture.first, capture.last);
      const std::string_view text = source.substr(span.begin, span.end - span.begin);
      const std::size_t before = find.uses(i);
      const std::size_t after = uses_in_new_text(i) + (mode == Mode::with ? 0 : before);
      if (after > before && assigns(text))
        return other_shape(kind_name, place, quoted(text) + " would be computed more than once");
    }
    const std::size_t ended = statements_in(row, match.first, match.last);
    const std::size_t made = statements_in(added, 0, added.size());
    const bool same = mode == Mode::with ? made == ended : made == 0 || (mode == Mode::after && ended != 1);
    const std::string_view control = same ? std::string_view() : controlled_by(row, match.first);
    if (control.empty()) return {};
    return other_shape(kind_name, place,
                       "this statement is all that the " + quoted(control) +
                           " before it controls, and the edit does not make one statement of it",
                       "with braces around the statement it can be edited");
  }

  std::size_t uses_in_new_text(int number) const {
    const std::string wildcard = {'$', static_cast<char>('0' + number)};
    std::size_t uses = 0;
    for (std::size_t at = new_text.find(wildcard); at != std::string::npos; at = new_text.find(wildcard, at + 2))
      ++uses;
    return uses;
  }

  std::string place_afterwards(std::string_view source, const std::vector<Token>& row, const TokenMatch& match) const {
    std::string text = filled(new_text, source, row, match);
    if (mode == Mode::with) return text;
    const Span span = span_of(row, match.first, match.last);
    const std::string found(source.substr(span.begin, span.end - span.begin));
    return mode == Mode::before ? text + "\n" + found : found + "\n" + text;  // a directive needs a line of its own
  }

  std::vector<Span> scopes_of(std::string_view source) const {
    std::vector<Span> scopes;
    if (within.empty()) return scopes;
    const CodeView view(source);
    for (const CodeView::Function& function : view.functions(within))
      scopes.push_back({view.code()[function.open].offset, view.code()[function.close].offset + 1});
    return scopes;
  }

  void edit(std::string_view source, const std::vector<Token>& row, const TokenMatch& match, TextEdits& edits) const {
    const std::string_view ending = line_ending(source);
    const Span span = span_of(row, match.first, match.last);
    const std::string_view indent = indent_at(source, span.begin);
    const bool in_macro = directive_around(row, match) != nullptr && row[match.first].kind != Token::Kind::directive;
    const bool own_lines = mode != Mode::with && !in_macro && contains(new_text, "\n");
    std::string text = with_line_endings(filled(without_final_newline(new_text), source, row, match), "\n");
    if (!own_lines) {
      text = indent_following_lines(text, indent);
      if (in_macro) text = with_continuations(text);
      text = with_line_endings(text, ending);
      if (mode == Mode::with)
        edits.replace(span.begin, span.end - span.begin, std::move(text));
      else
        edits.replace(mode == Mode::before ? span.begin : span.end, 0, std::move(text));
      return;
    }
    text = with_line_endings(indent_lines(text, indent), ending);
    const std::size_t begin = line_begin(source, span.begin);
    const std::size_t end = line_end(source, span.end);
    if (mode == Mode::before) {
      const bool alone = blank(source.substr(begin, span.begin - begin));
      if (alone)
        edits.replace(begin, 0, text + std::string(ending));
      else
        edits.replace(span.begin, 0, std::string(ending) + text + std::string(ending) + std::string(indent));
      return;
    }
    const std::string_view rest = source.substr(span.end, end - span.end);
    const std::vector<Token> behind = lex(rest);
    const bool alone = std::all_of(behind.begin(), behind.end(), [](const Token& t) {
      return t.kind == Token::Kind::space || t.kind == Token::Kind::comment;
    });
    if (alone)
      edits.replace(end, 0, std::string(ending) + text);
    else
      edits.replace(span.end, 0, std::string(ending) + text + std::string(ending) + std::string(indent));
  }

  void in_text(const std::string& path, std::string_view source, SearchResult& findings, std::size_t& done) const {
    const std::string_view ending = line_ending(source);
    const std::string wanted_text = with_line_endings(find_text, ending);
    const std::string text = with_line_endings(new_text, ending);
    const std::string after = mode == Mode::with     ? text
                              : mode == Mode::before ? text + wanted_text
                                                     : wanted_text + text;
    std::vector<Span> finished;
    if (!blank(after))
      for (std::size_t at = source.find(after); at != std::string_view::npos;
           at = source.find(after, at + after.size()))
        finished.push_back({at, at + after.size()});
    done += finished.size();
    TextEdits edits;
    for (std::size_t at = source.find(wanted_text); at != std::string_view::npos;
         at = source.find(wanted_text, at + wanted_text.size())) {
      const Span span{at, at + wanted_text.size()};
      if (std::any_of(finished.begin(), finished.end(),
                      [&](const Span& f) { return f.begin <= span.begin && span.end <= f.end; }))
        continue;
      edits.replace(at, wanted_text.size(), after);
      findings.places.push_back({path, line_of(source, at)});
    }
    if (!edits.empty()) findings.change(path, edits.apply(source), edits.size());
  }
};

Result<std::unique_ptr<Transform>> Replace::make(const Parameters& parameters) {
  auto made = std::make_unique<Replace>();
  made->globs = list_of(parameters, "files");
  made->find_text = text_of(parameters, "find");
  made->within = trimmed_copy(text_or(parameters, "within", ""));
  const bool with = has(parameters, "with");
  const bool before = has(parameters, "insert-before");
  const bool after = has(parameters, "insert-after");
  if (static_cast<int>(with) + static_cast<int>(before) + static_cast<int>(after) != 1)
    return usage_error(kind_name, "it needs exactly one of `with`, `insert-before` and `insert-after`");
  made->mode = with ? Mode::with : before ? Mode::before : Mode::after;
  made->new_text = text_of(parameters, with ? "with" : before ? "insert-before" : "insert-after");
  if (!with && blank(made->new_text)) return usage_error(kind_name, "the text to insert is empty");
  if (with && made->new_text == made->find_text) return usage_error(kind_name, "`find` and `with` are the same");
  TRY_ASSIGN(made->find, TokenPattern::parse(made->find_text, true));
  TRY_ASSIGN(made->wanted, places_of(parameters, "1"));
  for (int i = 1; i <= 9; ++i) {
    const std::string wildcard = {'$', static_cast<char>('0' + i)};
    if (!contains(made->new_text, wildcard) || made->find.uses(i) > 0) continue;
    // In a script "$1" is text. In C there would be nothing to insert.
    const std::vector<std::string>& globs = made->globs;
    if (std::any_of(globs.begin(), globs.end(), [](const std::string& glob) { return is_c_file(glob); }))
      return usage_error(kind_name, "the new text has " + wildcard + ", and `find` does not");
  }
  const std::string gap = "\n";  // a directive needs a line of its own
  const std::string whole = made->mode == Mode::with     ? made->new_text
                            : made->mode == Mode::before ? made->new_text + gap + made->find_text
                                                         : made->find_text + gap + made->new_text;
  // A deletion and a result that ends with a wildcard do not parse as a pattern: they cannot be found again.
  if (auto pattern = TokenPattern::parse(whole, true)) made->result = std::move(*pattern);
  return std::unique_ptr<Transform>(std::move(made));
}

}  // namespace

TransformKind replace_kind() {
  using Type = ParameterSpec::Type;
  return {Replace::kind_name,
          "Replaces a piece of code that is found by its tokens (white space and comments do not matter), or inserts "
          "text before or after it. $1 to $9 in `find` match one balanced expression or argument each and can be used "
          "in the new text. Inserted text with a newline gets lines of its own. In files that are not C, `find` is "
          "literal text. Done already: `find` is not found, and the result is there in the wanted number of places. "
          "After a deletion, or with a result without any name in it, finding nothing is an error.",
          {{"files", Type::glob, true, "the files"},
           {"find", Type::code, true, "the code to find; it does not begin or end with a wildcard"},
           {"with", Type::code, false, "the new code; empty deletes"},
           {"insert-before", Type::code, false, "instead of `with`: text to insert before it"},
           {"insert-after", Type::code, false, "instead of `with`: text to insert after it"},
           {"within", Type::token, false, "only in the body of this function"},
           {"places", Type::places, false, "the expected number of places; 1 if not given"}},
          Replace::make};
}

}  // namespace vgpukit::transform
