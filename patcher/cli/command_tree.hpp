// The command line as data, read from the parser: for completions, the manual page and the reference.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>
#include <vector>

namespace vgpukit::cli {

struct Word {
  std::vector<std::string> names;  // "-v", "--verbose"; of a positional: "DRIVER"
  std::string text;                // its description in --help
  bool takes_value = false;
  bool required = false;
  bool repeatable = false;
  std::vector<std::string> choices;          // the allowed values, if the option has a list of them
  std::string value;                         // what --help calls it: "DIR", "REL"
  std::string standard;                      // the default, if --help shows one
  std::vector<std::string> needs, excludes;  // options that it is used with, and not with
  std::vector<std::string> one_of;           // exactly one of these options is given; empty: any number
};

struct Node {
  std::string path;  // "vgpu types"; empty: vgpukit itself
  std::string text;
  std::string group;                 // the heading in --help
  std::vector<std::string> aliases;  // of the last word of the path
  bool alias = false;                // the path has an alias in it
  std::vector<Word> options, positionals;
  std::vector<std::pair<std::string, std::string>> commands;  // name, text
};

// One command, without those below it.
Node node_of(const CLI::App& app, const std::string& path);
// All commands that --help shows, the program itself first. A command with an alias is there under each of its names.
std::vector<Node> command_tree(const CLI::App& app);

}  // namespace vgpukit::cli
