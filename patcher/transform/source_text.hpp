// Lines, indentation and line endings of a source text, and edits of it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "support/text.hpp"

namespace vgpukit::transform {

// Whether the transforms read the file as C, by its name.
bool is_c_file(std::string_view path);

// The physical line around `offset`: its number (from 1), its beginning, the position of its "\n" or "\r\n" (or the end
// of the text), the position after its newline, and the blanks at its beginning.
int line_of(std::string_view text, std::size_t offset);
std::size_t line_begin(std::string_view text, std::size_t offset);
std::size_t line_end(std::string_view text, std::size_t offset);
std::size_t next_line(std::string_view text, std::size_t offset);
std::string_view indent_at(std::string_view text, std::size_t offset);
bool blank(std::string_view text);  // white space only, or empty

// "\r\n" if at least half of the lines end so, otherwise "\n".
std::string_view line_ending(std::string_view text);
// `text` with all its line endings turned into `ending`.
std::string with_line_endings(std::string_view text, std::string_view ending);
// Adds `indent` to each line except the first one, empty lines and preprocessor lines.
std::string indent_following_lines(std::string_view text, std::string_view indent);
// Adds `indent` to each line except empty lines and preprocessor lines.
std::string indent_lines(std::string_view text, std::string_view indent);
std::string without_final_newline(std::string_view text);
std::string trimmed_copy(std::string_view text);

// Edits of a source that are collected and then applied together. The offsets are those of the unchanged source. The
// edits must not overlap: apply() throws std::logic_error then.
class TextEdits {
 public:
  void replace(std::size_t offset, std::size_t length, std::string text);
  [[nodiscard]] bool empty() const { return edits_.empty(); }
  [[nodiscard]] std::size_t size() const { return edits_.size(); }
  [[nodiscard]] std::string apply(std::string_view source) const;

 private:
  struct Edit {
    std::size_t offset, length;
    std::string text;
  };
  std::vector<Edit> edits_;
};

std::string quoted(std::string_view text);  // in backquotes, for messages

}  // namespace vgpukit::transform
