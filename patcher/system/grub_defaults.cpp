#include "system/grub_defaults.hpp"

#include <algorithm>

#include "support/text.hpp"

namespace vgpukit::system {

namespace {

bool ends_word(std::string_view text, std::size_t at) {
  const char c = text[at];
  if (c == '\r') return at + 1 == text.size() || text[at + 1] == '\n';
  return c == ' ' || c == '\t' || c == '\n' || c == ';' || c == '&' || c == '|';
}

// Reads shell words as sh does (POSIX, 2.2 Quoting), as far as assignments need it.
class AssignmentScanner {
 public:
  AssignmentScanner(std::string_view text, std::string_view name, const std::string& file)
      : text_(text), name_(name), file_(file) {}

  Result<std::vector<ShellAssignment>> run() {
    std::vector<ShellAssignment> all;
    while (at_ < text_.size()) {
      skip_blanks();
      if (text_.substr(at_).starts_with("export ")) at_ += 7;
      skip_blanks();
      ShellAssignment found;
      if (takes_name(found)) {
        found.begin = at_;
        TRY(word(found));
        found.end = at_;
        all.push_back(std::move(found));
      }
      TRY(rest_of_line());
    }
    return all;
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool takes_name(ShellAssignment& found) {
    auto rest = text_.substr(at_);
    if (!rest.starts_with(name_)) return false;
    rest.remove_prefix(name_.size());
    found.append = rest.starts_with("+=");
    if (!found.append && !rest.starts_with("=")) return false;
    at_ += name_.size() + (found.append ? 2 : 1);
    return true;
  }
  Status quoted(char quote, std::string& value) {
    const auto opened = at_++;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == quote) return ++at_, Status();
      if (quote == '"' && text_[at_] == '\\' && at_ + 1 < text_.size()) {
        const char next = text_[++at_];
        if (next == '\n') continue;
        if (next != '"' && next != '\\' && next != '$' && next != '`') value += '\\';
      }
      value += text_[at_];
    }
    const int line =
        static_cast<int>(std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(opened), '\n')) + 1;
    return Error{ErrorKind::usage, "read " + file_,
                 "the quote that begins in line " + std::to_string(line) + " never ends",
                 "close it, then run update-grub (or grub-mkconfig) to see that grub can read the file",
                 SourcePos{file_, line, 0}};
  }
  Status word(ShellAssignment& found) {
    unsigned pieces = 0;
    bool bare = false;
    while (at_ < text_.size() && !ends_word(text_, at_)) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        ++pieces, bare = false;
        found.last = c;
        TRY(quoted(c, found.value));
        continue;
      }
      if (!bare) ++pieces;
      bare = true;
      found.last = ' ';
      if (c == '\\' && at_ + 1 < text_.size()) {
        found.escapes = true;
        ++at_;
        if (text_[at_] == '\r' && at_ + 1 < text_.size()) ++at_;
        if (text_[at_] == '\n') {
          ++at_;
          continue;
        }
      }
      found.value += text_[at_++];
    }
    found.escapes = found.escapes || (pieces > 1 && bare);
    return {};
  }
  Status rest_of_line() {
    std::string ignored;
    bool blank = true;  // a word could begin here, so a '#' begins a comment
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') return ++at_, Status();
      if (c == '#' && blank) {
        at_ = std::min(text_.find('\n', at_), text_.size());
        continue;
      }
      blank = c == ' ' || c == '\t' || c == ';';
      if (c == '"' || c == '\'') {
        TRY(quoted(c, ignored));
        continue;
      }
      at_ += c == '\\' && at_ + 1 < text_.size() ? 2 : 1;
    }
    return {};
  }

  std::string_view text_, name_;
  const std::string& file_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<ShellAssignment>> assignments_of(std::string_view text, std::string_view name,
                                                    const std::string& file) {
  return AssignmentScanner(text, name, file).run();
}

// No kernel reads a command line of this length (COMMAND_LINE_SIZE is 2048 on x86), but a variable that is doubled on
// each of 40 lines would have a terabyte.
constexpr std::size_t longest_value = std::size_t{1} << 16;

std::string value_after(const std::vector<ShellAssignment>& all, std::string_view name, std::string before) {
  for (const auto& each : all) {
    auto value = each.value;
    for (const auto& self : {"${" + std::string(name) + "}", "$" + std::string(name)})
      for (auto at = value.find(self); at != std::string::npos && value.size() < longest_value;
           at = value.find(self, at + before.size()))
        value.replace(at, self.size(), before);
    before = (each.append ? before + value : value).substr(0, longest_value);
  }
  return before;
}

Result<std::string> with_words(std::string_view text, std::string_view name, const std::vector<std::string>& words,
                               const std::string& file) {
  std::string result(text);
  const auto line_end = line_end_of(text);
  // A last line that ends in a backslash would go on with what is added.
  if (result.ends_with('\\')) result += line_end;
  if (result.ends_with("\\\n") || result.ends_with("\\\r\n")) result += line_end;
  TRY_ASSIGN(const auto all, assignments_of(result, name, file));
  if (all.empty()) {
    if (!result.empty() && result.back() != '\n') result += line_end;
    return result + std::string(name) + "=\"" + join(words, " ") + "\"" + line_end;
  }
  const auto& last = all.back();
  const bool first_word = last.value.empty() && !last.append;
  const std::string blank = first_word || last.value.ends_with(' ') ? "" : " ";
  if (last.last != ' ') return result.insert(last.end - 1, blank + join(words, " "));
  // The value has no quotes: add them, unless its author wrote blanks as "\ ".
  if (last.escapes) return result.insert(last.end, (first_word ? "" : "\\ ") + join(words, "\\ "));
  result.insert(last.end, blank + join(words, " ") + "\"");
  return result.insert(last.begin, "\"");
}

std::string line_end_of(std::string_view text) {
  const auto newline = text.find('\n');
  return newline != std::string_view::npos && newline > 0 && text[newline - 1] == '\r' ? "\r\n" : "\n";
}

}  // namespace vgpukit::system
