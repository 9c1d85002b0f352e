#include "cli/command_tree.hpp"

#include <algorithm>

#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

// "TEXT:{text,json}" -> text, json
std::vector<std::string> choices_of(const std::string& type) {
  const auto open = type.find('{');
  const auto close = type.find('}', std::min(open, type.size()));
  if (open == std::string::npos || close == std::string::npos) return {};
  return split(type.substr(open + 1, close - open - 1), ',');
}

Word word_of(const CLI::Option& option) {
  Word word;
  for (const auto& name : option.get_snames()) word.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) word.names.push_back("--" + name);
  if (word.names.empty()) word.names.push_back(option.get_name());
  word.text = option.get_description();
  word.takes_value = option.get_items_expected_max() > 0;
  word.required = option.get_required();
  word.repeatable = option.get_items_expected_max() > 1;
  word.choices = choices_of(option.get_type_name());
  const auto type = option.get_type_name();
  word.value = type.substr(0, type.find(':'));
  word.standard = option.get_default_str();
  return word;
}

// Options in an option group, such as `recipe new --from-log`, are options of the command.
void add_words(const CLI::App& app, Node& node) {
  for (const auto* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    (option->get_positional() ? node.positionals : node.options).push_back(word_of(*option));
  }
  for (const auto* group : app.get_subcommands([](const CLI::App* sub) { return sub->get_name().empty(); }))
    add_words(*group, node);
}

void walk(const CLI::App& app, const std::string& path, bool alias, std::vector<Node>& nodes) {
  Node node{path, app.get_description(), app.get_group(), app.get_aliases(), alias, {}, {}, {}};
  add_words(app, node);
  std::vector<const CLI::App*> below;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!command->get_group().empty() && !command->get_name().empty()) {
      below.push_back(command);
      node.commands.emplace_back(command->get_name(), command->get_description());
      for (const auto& name : command->get_aliases()) node.commands.emplace_back(name, command->get_description());
    }
  nodes.push_back(std::move(node));
  for (const auto* command : below) {
    const auto before = path.empty() ? path : path + " ";
    walk(*command, before + command->get_name(), alias, nodes);
    for (const auto& name : command->get_aliases()) walk(*command, before + name, true, nodes);
  }
}

}  // namespace

std::vector<Node> command_tree(const CLI::App& app) {
  std::vector<Node> nodes;
  walk(app, "", false, nodes);
  return nodes;
}

}  // namespace vgpukit::cli
