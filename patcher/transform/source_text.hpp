// Lines of a text, and keeping a file's line endings.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "support/text.hpp"

namespace vgpukit::transform {

// Whether the transforms read the file as C (by its name).
bool is_c_file(std::string_view path);

int line_of(std::string_view text, std::size_t offset);             // from 1
std::size_t line_begin(std::string_view text, std::size_t offset);  // of the physical line around `offset`
std::size_t line_end(std::string_view text, std::size_t offset);  // where its "\n" or "\r\n" is, or the end of the text
std::size_t next_line(std::string_view text, std::size_t offset);       // behind its newline
std::string_view indent_at(std::string_view text, std::size_t offset);  // blanks at the beginning of that line
bool blank(std::string_view text);                                      // white space only, or nothing

// "\r\n" when most lines of the text end so, else "\n".
std::string_view line_ending(std::string_view text);
// `text` with all its line endings turned into `ending`.
std::string with_line_endings(std::string_view text, std::string_view ending);
// Puts `indent` in front of each line but the first, empty lines and preprocessor lines.
std::string indent_following_lines(std::string_view text, std::string_view indent);
// Puts `indent` in front of each line, with the same exceptions.
std::string indent_lines(std::string_view text, std::string_view indent);
std::string without_final_newline(std::string_view text);
std::string trimmed_copy(std::string_view text);

std::string quoted(std::string_view text);  // in backquotes, for messages

}  // namespace vgpukit::transform
