#include "cli/command_tree.hpp"

#include <algorithm>
#include <set>

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

// "REL" of an option that names it. CLI11's own names of numbers and its marks for lists depend on its release.
std::string value_of(const std::string& type) {
  auto name = type.substr(0, type.find_first_of(": "));
  if (name.ends_with("...")) name.resize(name.size() - 3);
  if (name == "INT" || name == "UINT" || name == "FLOAT") return "N";
  return name.empty() ? "VALUE" : name;
}

// The options' longest names, sorted: CLI11 has them in the order of their addresses.
std::vector<std::string> names_of(const std::set<CLI::Option*>& options) {
  std::vector<std::string> names;
  for (const auto* option : options) names.push_back(option->get_name());
  std::sort(names.begin(), names.end());
  return names;
}

Word word_of(const CLI::Option& option) {
  Word word;
  for (const auto& name : option.get_snames()) word.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) word.names.push_back("--" + name);
  if (word.names.empty()) word.names.push_back(option.get_name());
  word.text = option.get_description();
  word.takes_value = option.get_items_expected_max() > 0;
  word.required = option.get_required();
  word.repeatable = option.get_items_expected_max() > 1 ||
                    (word.takes_value && option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll);
  word.choices = choices_of(option.get_type_name());
  word.value = value_of(option.get_type_name());
  word.standard = option.get_default_str();
  word.needs = names_of(option.get_needs());
  word.excludes = names_of(option.get_excludes());
  return word;
}

// Options in an option group, such as `recipe new --from-log`, are options of the command.
void add_words(const CLI::App& app, Node& node) {
  const bool is_group = app.get_name().empty();
  const auto options = app.get_options([&](const CLI::Option* each) {  // a group has a --help of its own
    return !each->get_group().empty() && !(is_group && each == app.get_help_ptr());
  });
  std::vector<std::string> one_of;
  if (is_group && app.get_require_option_min() == 1 && app.get_require_option_max() == 1)
    for (const auto* option : options) one_of.push_back(option->get_name());
  for (const auto* option : options) {
    auto& words = option->get_positional() ? node.positionals : node.options;
    words.push_back(word_of(*option));
    words.back().one_of = one_of;
  }
  for (const auto* group : app.get_subcommands([](const CLI::App* sub) { return sub->get_name().empty(); }))
    add_words(*group, node);
}

bool is_shown(const CLI::App& command) {
  return !command.get_group().empty() && !command.get_name().empty();
}

void walk(const CLI::App& app, const std::string& path, bool alias, std::vector<Node>& nodes) {
  nodes.push_back(node_of(app, path));
  nodes.back().alias = alias;
  for (const auto* command : app.get_subcommands([](const CLI::App* each) { return is_shown(*each); })) {
    const auto before = path.empty() ? path : path + " ";
    walk(*command, before + command->get_name(), alias, nodes);
    for (const auto& name : command->get_aliases()) walk(*command, before + name, true, nodes);
  }
}

}  // namespace

Node node_of(const CLI::App& app, const std::string& path) {
  Node node{path, app.get_description(), app.get_group(), app.get_aliases(), false, {}, {}, {}};
  add_words(app, node);
  for (const auto* command : app.get_subcommands([](const CLI::App* each) { return is_shown(*each); })) {
    node.commands.emplace_back(command->get_name(), command->get_description());
    for (const auto& name : command->get_aliases()) node.commands.emplace_back(name, command->get_description());
  }
  return node;
}

std::vector<Node> command_tree(const CLI::App& app) {
  std::vector<Node> nodes;
  walk(app, "", false, nodes);
  return nodes;
}

}  // namespace vgpukit::cli
