// /etc/default/grub and /etc/default/grub.d/*.cfg: shell scripts that grub-mkconfig sources one after the other. Reads
// what a variable is set to, and adds words to it in the quoting of its author.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::system {

// One `NAME=...` or `NAME+=...` that is not commented out, at the beginning of a line.
struct ShellAssignment {
  bool append = false;
  std::size_t begin = 0, end = 0;  // of the value, quotes included, in the text
  char last = ' ';                 // the quote around its last piece; a blank if that has none
  bool escapes = false;            // a piece without quotes has backslashes, or follows another piece
  std::string value;               // without quotes; $NAME of another variable is not expanded
};

// All of them, in their order. Error: usage for a quote that never ends, with the file and the line.
Result<std::vector<ShellAssignment>> assignments_of(std::string_view text, std::string_view name,
                                                    const std::string& file);

// The variable's value after these assignments. `before`: its value before them.
std::string value_after(const std::vector<ShellAssignment>& all, std::string_view name, std::string before);

// The text with `words` at the end of the last assignment's value. Without an assignment, a line is added at the end.
Result<std::string> with_words(std::string_view text, std::string_view name, const std::vector<std::string>& words,
                               const std::string& file);

// "\r\n" if the first line ends in it, otherwise "\n".
std::string line_end_of(std::string_view text);

}  // namespace vgpukit::system
