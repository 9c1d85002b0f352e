// What --help, the manual page and docs/reference say of a command beside its options: the heading that it is under,
// examples, the document that explains it, and the schema of its JSON.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace vgpukit::cli {

// What --help and the manual page say at their end.
inline constexpr const char* exit_codes_text =
    "Exit codes: 0 done; 1 the job failed; 2 bad usage or input; 3 something is missing here (the message names it);\n"
    "4 a notice needs consent (--accept NAME).";

struct Example {
  std::string line, about;  // about: may be empty
};

struct CommandHelp {
  std::string path;  // "vgpu types"; empty: vgpukit itself
  std::vector<Example> examples;
  std::string document;  // "docs/vgpus.md"; empty: that of the command above
  std::string schema;    // "vgpu-types": docs/schemas/vgpu-types.json; empty: it has no JSON
};

// One entry for each command that --help shows. A new command gets an entry here.
const std::vector<CommandHelp>& all_command_help();
// The entry of a path, or null.
const CommandHelp* command_help(const std::string& path);
// The examples as lines, with what they are for in a column of its own.
std::string example_lines(const CommandHelp& help, std::size_t indent);
// The document that explains a command: its own, or that of the command above.
std::string document_of(const std::string& path);

// The headings of --help in their order, with the commands under each.
struct CommandGroup {
  std::string name;
  std::vector<std::string> commands;
};
const std::vector<CommandGroup>& command_groups();

// Puts the commands under their headings, and the examples below the help of each command.
void add_command_help(CLI::App& app);

}  // namespace vgpukit::cli
