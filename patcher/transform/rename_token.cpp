// rename-token: renames an identifier, or tokens such as "struct dma_buf_map", in code and in directives.
#include <cctype>

#include "transform/kinds.hpp"
#include "transform/source_text.hpp"
#include "transform/token_match.hpp"

namespace vgpukit::transform {
namespace {

// Whether the line is a comment of a script or a Kbuild file: "# text", "####", not "#include" in a snippet of C.
bool on_comment_line(std::string_view text, std::size_t offset) {
  const std::size_t hash = line_begin(text, offset) + indent_at(text, offset).size();
  return text[hash] == '#' &&
         (hash + 1 >= text.size() || std::isalpha(static_cast<unsigned char>(text[hash + 1])) == 0);
}

// Finds the words of `wanted`, with any white space between them, in a text that is not C, outside of comment lines.
std::vector<Span> find_words(std::string_view text, std::string_view wanted) {
  std::vector<Span> found;
  const std::vector<std::string_view> words = words_of(wanted);
  for (std::size_t at = text.find(words.front()); at != std::string_view::npos; at = text.find(words.front(), at + 1)) {
    std::size_t end = at + words.front().size();
    bool same = (at == 0 || !is_identifier_character(text[at - 1]) || !is_identifier_character(text[at])) &&
                !on_comment_line(text, at);
    for (std::size_t i = 1; same && i < words.size(); ++i) {
      const std::size_t next = text.find_first_not_of(" \t\r\n", end);
      same = next != std::string_view::npos && next > end && text.substr(next, words[i].size()) == words[i];
      if (same) end = next + words[i].size();
    }
    if (!same || (end < text.size() && is_identifier_character(text[end]) && is_identifier_character(text[end - 1])))
      continue;
    found.push_back({at, end});
    at = end - 1;
  }
  return found;
}

class RenameToken : public Transform {
 public:
  static constexpr std::string_view kind_name = "rename-token";
  static Result<std::unique_ptr<Transform>> make(const Parameters& parameters);

  std::vector<std::string> globs;
  std::string from_text, to_text;
  std::optional<TokenPattern> from, to;
  Places wanted;

  std::string_view kind() const override { return kind_name; }
  std::string describe() const override {
    return "rename-token " + from_text + " -> " + to_text + " in " + join(globs, ", ");
  }

  Result<Applied> apply(SourceTree& tree) const override {
    SearchResult findings;
    findings.what = "`" + from_text + "`";
    findings.hint = "it would count as done already if `" + to_text + "` were in these files";
    TRY_ASSIGN(findings.searched, select_files(kind_name, tree, globs));
    for (const std::string& path : findings.searched) {
      TRY_ASSIGN(const std::string_view source, tree.read(path));
      if (!is_c_file(path))
        in_text(path, source, findings);
      else if (from->may_be_in(source) || to->may_be_in(source))
        TRY(in_code(path, source, findings));
    }
    return conclude(kind_name, wanted, std::move(findings), tree);
  }

 private:
  Status in_code(const std::string& path, std::string_view source, SearchResult& findings) const {
    const std::vector<Token> row = flat_tokens(source);
    const Work work = work_left(row, *from, to);
    if (work.done > 0) findings.already = true;
    if (work.todo.empty()) return {};
    TextEdits edits;
    for (const TokenMatch& match : work.todo) {
      if (from->size() > 1 && from->word(0) != to->word(0) && begins_with_member(row, match))
        return other_shape(kind_name, {path, row[match.first].line},
                           quoted(from->word(0)) + " is a member of something else here");
      findings.places.push_back({path, row[match.first].line});
      const Span span = span_of(row, match.first, match.last);
      if (from->size() != to->size()) {
        edits.replace(span.begin, span.end - span.begin, to_text);
        continue;
      }
      for (std::size_t i = 0; i < from->size(); ++i) {  // token by token, so that the text between them stays
        const Token& token = row[match.first + i];
        if (token.text != to->word(i)) edits.replace(token.offset, token.text.size(), std::string(to->word(i)));
      }
    }
    findings.change(path, edits.apply(source), work.todo.size());
    return {};
  }

  void in_text(const std::string& path, std::string_view source, SearchResult& findings) const {
    const std::vector<Span> done = find_words(source, to_text);
    if (!done.empty()) findings.already = true;
    TextEdits edits;
    for (const Span& span : find_words(source, from_text)) {
      bool covered = false;
      for (const Span& d : done) covered = covered || (d.begin <= span.begin && span.end <= d.end);
      if (covered) continue;
      edits.replace(span.begin, span.end - span.begin, to_text);
      findings.places.push_back({path, line_of(source, span.begin)});
    }
    if (!edits.empty()) findings.change(path, edits.apply(source), edits.size());
  }
};

Result<std::unique_ptr<Transform>> RenameToken::make(const Parameters& parameters) {
  auto made = std::make_unique<RenameToken>();
  made->globs = list_of(parameters, "files");
  made->from_text = trimmed_copy(text_of(parameters, "from"));
  made->to_text = trimmed_copy(text_of(parameters, "to"));
  TRY_ASSIGN(made->from, TokenPattern::parse(made->from_text, false));
  TRY_ASSIGN(made->to, TokenPattern::parse(made->to_text, false));
  TRY_ASSIGN(made->wanted, places_of(parameters, "1.."));
  if (made->from_text == made->to_text) return usage_error(kind_name, "`from` and `to` are the same");
  return std::unique_ptr<Transform>(std::move(made));
}

}  // namespace

TransformKind rename_token_kind() {
  using Type = ParameterSpec::Type;
  return {RenameToken::kind_name,
          "Renames an identifier, or a sequence of tokens, in code and in directives, not in comments and strings. In "
          "files that are not C (conftest.sh, Kbuild) it renames whole words outside of comment lines. Done already: "
          "`from` is not found and `to` is.",
          {{"files", Type::glob, true, "the files"},
           {"from", Type::token, true, "the identifier or tokens: `struct dma_buf_map`"},
           {"to", Type::token, true, "the new identifier or tokens"},
           {"places", Type::places, false, "the expected number of places; 1.. if not given"}},
          RenameToken::make};
}

}  // namespace vgpukit::transform
