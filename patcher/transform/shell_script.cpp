#include "transform/shell_script.hpp"

#include <algorithm>
#include <array>

#include "transform/source_text.hpp"

namespace vgpukit::transform {
namespace {

constexpr std::size_t deepest = 200;  // nesting that no script has; what goes deeper is not read to its end

struct Piece {
  enum class Kind { word, separator, open, close, end } kind = Kind::end;  // separator: newline ; ;; & && | ||
  std::string_view text;
  std::size_t begin = 0;
  std::size_t end = 0;
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  Piece next() {
    skip_blanks();
    if (at_ >= text_.size()) return piece(Piece::Kind::end, text_.size());
    const char c = text_[at_];
    if (c == '\n') return newline();
    if (c == '(') return piece(Piece::Kind::open, at_ + 1);
    if (c == ')') return piece(Piece::Kind::close, at_ + 1);
    for (const std::string_view op : {";;", "&&", "||", ";", "&", "|"})
      if (text_.substr(at_, op.size()) == op) return piece(Piece::Kind::separator, at_ + op.size());
    if (c == '<' || c == '>') return redirection();
    return piece(Piece::Kind::word, word_end(at_));
  }

 private:
  Piece piece(Piece::Kind kind, std::size_t end) {
    const Piece made{kind, text_.substr(at_, end - at_), at_, end};
    at_ = end;
    return made;
  }
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }

  void skip_blanks() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\\' && at(at_ + 1) == '\n')
        ++at_;
      else if (c == '#')
        at_ = line_end(text_, at_) - 1;
      else if (c != ' ' && c != '\t' && c != '\r')
        return;
    }
  }

  // A newline ends the bodies of the here-documents that its line has begun.
  Piece newline() {
    const Piece made = piece(Piece::Kind::separator, at_ + 1);
    for (const std::string& delimiter : here_documents_) {
      while (at_ < text_.size()) {
        const std::string_view line = trimmed(text_.substr(at_, line_end(text_, at_) - at_));
        at_ = next_line(text_, at_);
        if (line == delimiter) break;
      }
    }
    here_documents_.clear();
    return made;
  }

  Piece redirection() {
    std::size_t end = at_;
    while (end < text_.size() && (text_[end] == '<' || text_[end] == '>' || text_[end] == '&')) ++end;
    const bool here = text_.substr(at_, end - at_) == "<<";
    if (here && at(end) == '-') ++end;
    const Piece made = piece(Piece::Kind::word, end);
    if (!here) return made;
    skip_blanks();
    std::string delimiter(text_.substr(at_, word_end(at_) - at_));
    std::erase_if(delimiter, [](char c) { return c == '"' || c == '\'' || c == '\\'; });
    here_documents_.push_back(std::move(delimiter));
    return made;
  }

  std::size_t word_end(std::size_t i) const {
    while (i < text_.size()) {
      const char c = text_[i];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r' ||
          std::string_view("()<>;&|").find(c) != std::string_view::npos)
        break;
      i = element_end(i);
    }
    return std::max(i, at_ + 1);
  }

  // Steps over one character, or over what it opens.
  std::size_t element_end(std::size_t i) const {
    switch (text_[i]) {
      case '\\':
        return std::min(i + 2, text_.size());
      case '\'':
        return behind('\'', i + 1);
      case '"':
        return double_quoted_end(i + 1);
      case '`':
        return behind('`', i + 1);
      case '$':
        if (at(i + 1) == '(') return nested_end(i + 2, '(', ')');
        if (at(i + 1) == '{') return nested_end(i + 2, '{', '}');
        return i + 1;
      default:
        return i + 1;
    }
  }

  std::size_t behind(char quote, std::size_t i) const {
    while (i < text_.size() && text_[i] != quote) i += quote == '`' && text_[i] == '\\' ? 2U : 1U;
    return std::min(i + 1, text_.size());
  }
  std::size_t double_quoted_end(std::size_t i) const {
    while (i < text_.size() && text_[i] != '"') i = text_[i] == '\'' ? i + 1 : element_end(i);
    return std::min(i + 1, text_.size());
  }
  std::size_t nested_end(std::size_t i, char open, char close) const {
    if (nesting_ >= deepest) return text_.size();
    ++nesting_;
    std::size_t depth = 1;
    while (i < text_.size() && depth > 0) {
      if (text_[i] == open) ++depth;
      if (text_[i] == close) --depth;
      i = depth == 0 ? i + 1 : element_end(i);
    }
    --nesting_;
    return std::min(i, text_.size());
  }

  std::string_view text_;
  std::size_t at_ = 0;
  mutable std::size_t nesting_ = 0;
  std::vector<std::string> here_documents_;
};

class CaseFinder {
 public:
  explicit CaseFinder(std::string_view text) : text_(text), scanner_(text) { piece_ = scanner_.next(); }

  std::vector<CaseBlock> run() {
    while (piece_.kind != Piece::Kind::end) {
      commands();
      if (piece_.kind != Piece::Kind::end) advance();  // a stray ";;" or "esac"
    }
    return std::move(blocks_);
  }

 private:
  void advance() { piece_ = scanner_.next(); }
  bool word(std::string_view text) const { return piece_.kind == Piece::Kind::word && piece_.text == text; }
  bool separator(std::string_view text) const { return piece_.kind == Piece::Kind::separator && piece_.text == text; }
  void skip_newlines() {
    while (separator("\n")) advance();
  }

  static bool keeps_command_position(std::string_view word) {
    static constexpr std::array<std::string_view, 9> words = {"then",  "do",    "else", "elif", "if",
                                                              "while", "until", "!",    "{"};
    return std::find(words.begin(), words.end(), word) != words.end();
  }

  // Up to a ";;" or "esac" that belongs to somebody above, or the end.
  void commands() {
    bool command = true;
    std::size_t parentheses = 0;
    std::string_view previous;
    for (; piece_.kind != Piece::Kind::end; advance()) {
      if (separator(";;") || (command && parentheses == 0 && word("esac"))) return;
      if (piece_.kind == Piece::Kind::separator) {
        command = true;
        continue;
      }
      if (piece_.kind == Piece::Kind::open) {
        if (!command && !previous.empty()) pending_function_ = previous;
        ++parentheses;
        command = true;
        continue;
      }
      if (piece_.kind == Piece::Kind::close) {
        if (parentheses > 0) --parentheses;
        command = true;  // a function's body may follow; nothing else that matters can
        continue;
      }
      if (command && piece_.text == "case") {
        case_block();
        if (piece_.kind == Piece::Kind::end) return;
        command = false;
        previous = {};
        continue;
      }
      if (command) braces();
      previous = command ? piece_.text : std::string_view();
      command = command && keeps_command_position(piece_.text);
    }
  }

  void braces() {
    if (piece_.text == "{") {
      if (braces_++ == 0) function_ = pending_function_;
    } else if (piece_.text == "}" && braces_ > 0 && --braces_ == 0) {
      function_ = pending_function_ = {};
    }
  }

  // From "case" to its "esac", which is the current piece afterwards.
  void case_block() {
    CaseBlock block;
    advance();
    if (depth_ >= deepest) return;
    block.subject = std::string(piece_.text);
    block.function = std::string(function_);
    advance();
    skip_newlines();
    if (!word("in")) return;
    advance();
    for (;;) {
      skip_newlines();
      if (piece_.kind == Piece::Kind::end) return;
      if (word("esac")) break;
      if (!branch(block)) return;
    }
    block.esac = piece_.begin;
    blocks_.push_back(std::move(block));
  }

  bool branch(CaseBlock& block) {
    CaseBranch made;
    if (piece_.kind == Piece::Kind::open) advance();
    made.begin = piece_.begin;
    for (; piece_.kind != Piece::Kind::close; advance()) {
      if (piece_.kind == Piece::Kind::end) return false;
      if (piece_.kind != Piece::Kind::word) continue;
      made.patterns.emplace_back(piece_.text);
      made.pattern_end = piece_.end;
    }
    made.body = piece_.end;
    advance();
    ++depth_;
    commands();
    --depth_;
    if (piece_.kind == Piece::Kind::end) return false;
    made.body_end = piece_.begin;
    made.end = separator(";;") ? piece_.end : piece_.begin;
    if (separator(";;")) advance();
    block.branches.push_back(std::move(made));
    return true;
  }

  std::string_view text_;
  Scanner scanner_;
  Piece piece_;
  std::size_t braces_ = 0;
  std::size_t depth_ = 0;
  std::string_view pending_function_, function_;
  std::vector<CaseBlock> blocks_;
};

}  // namespace

std::vector<CaseBlock> find_case_blocks(std::string_view script) {
  return CaseFinder(script).run();
}

bool shell_pattern_matches(std::string_view pattern, std::string_view name) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (name.substr(0, star) != pattern.substr(0, star)) return false;
  for (std::size_t i = star; i <= name.size(); ++i)
    if (shell_pattern_matches(pattern.substr(star + 1), name.substr(i))) return true;
  return false;
}

std::string in_double_quotes(std::string_view text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '"' || c == '$' || c == '`' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted;
}

}  // namespace vgpukit::transform
