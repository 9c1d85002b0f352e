// /etc/default/grub and /etc/default/grub.d/*.cfg: shell scripts that grub-mkconfig sources one after the other. What a
// variable is set to is read, and extended, in the quoting that its author chose.
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
  char last = ' ';                 // the quote that its last piece stands in, or a blank for none
  bool escapes = false;            // a piece without quotes has backslashes in it, or there are several pieces
  std::string value;               // without quotes; $NAME of another variable is left as it stands
};

// All of them, in their order. Error: usage - a quote that never ends (`file` and the line are in the error).
Result<std::vector<ShellAssignment>> assignments_of(std::string_view text, std::string_view name,
                                                    const std::string& file);

// What the variable holds after these assignments, when it held `before`.
std::string value_after(const std::vector<ShellAssignment>& all, std::string_view name, std::string before);

// The text with `words` at the end of the last assignment's value; where there is none, a line is added at the end.
Result<std::string> with_words(std::string_view text, std::string_view name, const std::vector<std::string>& words,
                               const std::string& file);

// "\r\n" where the first line ends in it, else "\n".
std::string line_end_of(std::string_view text);

}  // namespace vgpukit::system
