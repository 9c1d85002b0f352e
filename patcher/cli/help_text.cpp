#include "cli/help_text.hpp"

#include <algorithm>

#include "cli/cli.hpp"
#include "cli/command_help.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

std::string path_of(const CLI::App& command) {
  const auto* parent = command.get_parent();
  if (parent == nullptr) return "";
  const auto above = path_of(*parent);
  return above.empty() ? command.get_name() : above + " " + command.get_name();
}

std::string usage_line(const Node& node) {
  std::string line = "Usage: vgpukit" + (node.path.empty() ? "" : " " + node.path);
  if (!node.commands.empty()) line += " COMMAND";
  for (const auto& word : node.positionals) line += " " + usage_word(word);
  for (const auto& word : node.options)
    if (word.required) line += " " + spelled(word);
  return line + " [OPTIONS]\n";
}

// A name, and what it means in a column of its own.
std::string entry(const std::string& name, const std::string& about) {
  constexpr std::size_t column = 28;
  const auto left = "  " + name;
  auto right = wrapped(about, column);
  if (left.size() + 2 > column || right.empty()) return left + "\n" + right;
  return left + right.substr(left.size());
}

std::string entries(const std::string& heading, const std::vector<Word>& words) {
  std::string text;
  for (const auto& word : words) text += entry(spelled(word), described(word));
  return text.empty() ? "" : "\n" + heading + ":\n" + text;
}

// The commands below one, each once, with its aliases; with a `group` only those of that group.
std::string commands(const CLI::App& command, const std::string& heading, const std::string& group) {
  std::string text;
  for (const auto* each : command.get_subcommands([](const CLI::App*) { return true; })) {
    const bool hidden = each->get_name().empty() || each->get_group().empty();
    if (hidden || (!group.empty() && each->get_group() != group)) continue;
    auto names = each->get_name();
    for (const auto& alias : each->get_aliases()) names += ", " + alias;
    text += entry(names, each->get_description());
  }
  return text.empty() ? "" : "\n" + heading + ":\n" + text;
}

}  // namespace

std::string value_of(const Word& word) {
  return word.choices.empty() ? word.value : join(word.choices, "|");
}

std::string spelled(const Word& word) {
  const auto names = join(word.names, ", ");
  return names + (word.takes_value && names.starts_with('-') ? " " + value_of(word) : "");
}

std::string described(const Word& word) {
  std::vector<std::string> notes;
  if (word.repeatable && word.names.back().starts_with('-')) notes.emplace_back("repeatable");
  if (!word.standard.empty()) notes.push_back("default: " + word.standard);
  if (!word.one_of.empty()) notes.push_back("exactly one of " + join(word.one_of, " and "));
  if (!word.needs.empty()) notes.push_back("only with " + join(word.needs, ", "));
  if (!word.excludes.empty()) notes.push_back("not with " + join(word.excludes, ", "));
  if (notes.empty()) return word.text;
  return word.text + (word.text.empty() ? "" : " ") + "(" + join(notes, "; ") + ")";
}

std::string usage_word(const Word& positional) {
  const auto text = positional.names.front() + (positional.repeatable ? "..." : "");
  return positional.required ? text : "[" + text + "]";
}

std::string help_text(const CLI::App& command) {
  const auto node = node_of(command, path_of(command));
  auto text = wrapped(command.get_description(), 0) + "\n" + usage_line(node) + entries("Arguments", node.positionals);
  if (node.path.empty())
    for (const auto& group : command_groups()) text += commands(command, group.name, group.name);
  else
    text += commands(command, "Commands", "");
  text += entries("Options", node.options);
  if (!node.path.empty()) text += "  vgpukit --help lists the options of all commands, such as --format json.\n";
  const auto footer = std::string(trimmed(command.get_footer()));
  return footer.empty() ? text : text + "\n" + footer + "\n";
}

}  // namespace vgpukit::cli
