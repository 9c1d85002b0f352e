// How commands and options are written in --help, the manual page and docs/reference. CLI11's own forms differ between
// its releases ("TEXT:{text,json} ... Needs: --x").
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/command_tree.hpp"

namespace vgpukit::cli {

// What --help of a command prints.
std::string help_text(const CLI::App& command);

// "REL", or the choices: "text|json"
std::string value_of(const Word& word);
// "--card CARD", "-v, --verbose", "DRIVER"
std::string spelled(const Word& word);
// The description, then in parentheses the default and with which options it is used.
std::string described(const Word& word);
// "DRIVER", "[FILE...]": an argument in a line that shows how a command is used.
std::string usage_word(const Word& positional);

}  // namespace vgpukit::cli
