// `vgpukit shell bash|zsh|fish|man|markdown`: completions, the manual page and docs/reference, from the description of
// the command line that the parser uses. The build runs it to make the installed files. --help does not show it.
#include <algorithm>

#include "cli/cli.hpp"
#include "cli/command_help.hpp"
#include "cli/command_tree.hpp"
#include "cli/help_text.hpp"
#include "cli/shell_markdown.hpp"
#include "config.hpp"
#include "support/atomic_file.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

std::string quoted(const std::string& text) {
  std::string all = "'";
  for (const char c : text) all += c == '\'' ? std::string("'\\''") : std::string(1, c == '\n' ? ' ' : c);
  return all + "'";
}

std::string option_names(const Node& node) {
  std::vector<std::string> names;
  for (const auto& option : node.options) names.insert(names.end(), option.names.begin(), option.names.end());
  return join(names, " ");
}

// The paths of all commands, as a pattern of `case`.
std::string all_paths(const std::vector<Node>& nodes) {
  std::string all;
  for (const auto& node : nodes)
    if (!node.path.empty()) append(all, quoted(node.path), "|");
  return all;
}

// The completions of a value: words, folders or kernels; otherwise file names.
struct Values {
  std::vector<std::string> words;
  bool folders = false, kernels = false;
};
Values values_of(const Word& option) {
  return {option.choices, option.value == "DIR", option.value == "REL"};
}

std::string bash(const std::vector<Node>& nodes) {
  std::string text =
      "# bash completion for vgpukit, written by `vgpukit shell bash`.\n"
      "_vgpukit() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} at= i names= options=\n"
      "  COMPREPLY=()\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"$at${at:+ }${COMP_WORDS[i]}\" in " +
      all_paths(nodes) +
      ") at+=${at:+ }${COMP_WORDS[i]} ;; esac\n"
      "  done\n"
      "  case \"$at:$before\" in\n";
  // The options of a command come before the global ones of the same name.
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node)
    for (const auto& option : node->options) {
      if (!option.takes_value) continue;
      const auto values = values_of(option);
      std::string how = "COMPREPLY=($(compgen -f -- \"$cur\"))";
      if (!values.words.empty()) how = "COMPREPLY=($(compgen -W " + quoted(join(values.words, " ")) + " -- \"$cur\"))";
      if (values.folders) how = "COMPREPLY=($(compgen -d -- \"$cur\"))";
      if (values.kernels)
        how = "COMPREPLY=($(compgen -W \"running newest all $(ls /lib/modules 2>/dev/null)\" -- \"$cur\"))";
      for (const auto& name : option.names)
        text += "    " + (node->path.empty() ? "*:" + name : quoted(node->path + ":" + name)) + ") " + how +
                "; return ;;\n";
    }
  text += "  esac\n  case $at in\n";
  for (const auto& node : nodes) {
    const auto names = join(node.commands, " ", [](const auto& command) { return command.first; });
    text +=
        "    " + quoted(node.path) + ") names=" + quoted(names) + " options=" + quoted(option_names(node)) + " ;;\n";
  }
  text += "  esac\n  options+=" + quoted(" " + option_names(nodes.front())) +
          "\n"
          "  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
          "  elif [[ -n $names ]]; then COMPREPLY=($(compgen -W \"$names\" -- \"$cur\"))\n"
          "  else COMPREPLY=($(compgen -f -- \"$cur\")); fi\n"
          "}\n"
          "complete -o filenames -F _vgpukit vgpukit\n";
  return text;
}

std::string zsh_options(const Node& node) {
  std::string text;
  for (const auto& option : node.options)
    for (const auto& name : option.names) text += " " + quoted(name + ":" + option.text);
  return text;
}

std::string zsh(const std::vector<Node>& nodes) {
  std::string text =
      "#compdef vgpukit\n"
      "# zsh completion for vgpukit, written by `vgpukit shell zsh`.\n"
      "_vgpukit() {\n"
      "  local at= i\n"
      "  local -a names options\n"
      "  for ((i = 2; i < CURRENT; i++)); do\n"
      "    case \"$at${at:+ }${words[i]}\" in (" +
      all_paths(nodes) +
      ") at+=\"${at:+ }${words[i]}\" ;; esac\n"
      "  done\n"
      "  case \"$at:${words[CURRENT-1]}\" in\n";
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node)
    for (const auto& option : node->options) {
      if (!option.takes_value) continue;
      const auto values = values_of(option);
      std::string how = "_files";
      if (!values.words.empty()) how = "compadd -- " + join(values.words, " ");
      if (values.folders) how = "_files -/";
      if (values.kernels) how = "compadd -- running newest all /lib/modules/*(N:t)";
      for (const auto& name : option.names)
        text += "    (" + (node->path.empty() ? "*:" + name : quoted(node->path + ":" + name)) + ") " + how +
                "; return ;;\n";
    }
  text += "  esac\n  case $at in\n";
  for (const auto& node : nodes) {
    text += "    (" + quoted(node.path) + ") names=(";
    for (const auto& [name, about] : node.commands) text += " " + quoted(name + ":" + about);
    text += ") options=(" + (node.path.empty() ? "" : zsh_options(node)) + ") ;;\n";
  }
  text += "  esac\n  options+=(" + zsh_options(nodes.front()) +
          ")\n"
          "  if [[ ${words[CURRENT]} == -* ]]; then _describe -o option options\n"
          "  elif (( $#names )); then _describe command names\n"
          "  else _files; fi\n"
          "}\n"
          "if [ \"$funcstack[1]\" = _vgpukit ]; then _vgpukit \"$@\"; else compdef _vgpukit vgpukit; fi\n";
  return text;
}

std::string fish_option(const Word& option, const std::string& when) {
  std::string text = "complete -c vgpukit" + when;
  for (const auto& name : option.names)
    text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  const auto values = values_of(option);
  if (option.takes_value) text += " -r";
  if (!values.words.empty()) text += " -f -a " + quoted(join(values.words, " "));
  if (values.folders) text += " -f -a '(__fish_complete_directories)'";
  if (values.kernels) text += " -f -a 'running newest all (command ls /lib/modules 2>/dev/null)'";
  return text + " -d " + quoted(option.text) + "\n";
}

std::string fish(const std::vector<Node>& nodes) {
  std::string text =
      "# fish completion for vgpukit, written by `vgpukit shell fish`.\n"
      "function __vgpukit_at\n"
      "  set -l at\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    if contains -- (string join ' ' -- $at $word)";
  for (const auto& node : nodes)
    if (!node.path.empty()) text += " " + quoted(node.path);
  text +=
      "\n"
      "      set -a at $word\n"
      "    end\n"
      "  end\n"
      "  test (string join ' ' -- $at x) = (string join ' ' -- $argv x)\n"
      "end\n";
  for (const auto& option : nodes.front().options) text += fish_option(option, "");
  for (const auto& node : nodes) {
    const auto when = " -n '__vgpukit_at " + node.path + "'";
    for (const auto& [name, about] : node.commands)
      text += "complete -c vgpukit" + when + " -f -a " + quoted(name) + " -d " + quoted(about) + "\n";
    if (node.path.empty()) continue;
    for (const auto& option : node.options) text += fish_option(option, when);
  }
  return text;
}

std::string roff(const std::string& text) {
  std::string all;
  bool start = true;
  for (const char c : text) {
    if (start && (c == '.' || c == '\'')) all += "\\&";
    start = c == '\n';
    all += c == '\\' ? std::string("\\e") : c == '-' ? std::string("\\-") : std::string(1, c);
  }
  return all;
}

std::string man_word(const Word& word) {
  std::string names = join(word.names, ", ", [](const auto& name) { return "\\fB" + roff(name) + "\\fR"; });
  if (word.takes_value && word.names.front().starts_with('-')) names += " \\fI" + roff(value_of(word)) + "\\fR";
  return ".TP\n" + names + "\n" + roff(described(word)) + "\n";
}

std::string man(const std::vector<Node>& nodes) {
  const auto& top = nodes.front();
  std::string text =
      ".\\\" Written by `vgpukit shell man`.\n.TH VGPUKIT 1 \"\" \"vgpukit " VGPUKIT_VERSION
      "\" \"vgpukit\"\n.SH NAME\nvgpukit \\- builds NVIDIA (vGPU host) drivers for the kernel that you run\n"
      ".SH SYNOPSIS\n.B vgpukit\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR ...\n.SH DESCRIPTION\n" +
      roff(top.text) + "\n.SH OPTIONS\nThey may stand before or after the command.\n";
  for (const auto& option : top.options) text += man_word(option);
  text += ".SH COMMANDS\n";
  for (const auto& node : nodes) {
    if (node.path.empty()) continue;
    std::string usage = node.path;
    for (const auto& word : node.positionals) usage += " " + usage_word(word);
    text += ".SS \"vgpukit " + roff(usage) + "\"\n" + roff(node.text) + "\n";
    for (const auto& word : node.positionals)
      if (!word.text.empty()) text += man_word(word);
    for (const auto& option : node.options)
      if (option.names.back() != "--help") text += man_word(option);
    if (const auto* help = command_help(node.path))
      for (const auto& example : help->examples) text += ".PP\n.RS\n.B " + roff(example.line) + "\n.RE\n";
  }
  text += ".SH EXIT STATUS\n" + roff(exit_codes_text) +
          "\n.SH FILES\n"
          ".TP\n/etc/vgpukit/config.yaml\n\\fBaccept:\\fR, the notices that are accepted; \\fBsigning:\\fR, with "
          "\\fBkey:\\fR and "
          "\\fBcertificate:\\fR, what modules are signed with\n"
          ".TP\n/etc/vgpukit/vgpus.yaml\nthe vGPUs that \\fBvgpukit vgpu apply\\fR makes\n"
          ".TP\n/var/lib/vgpukit\nthe driver store, finished builds, what is installed, and the snapshot for rollback\n"
          ".TP\n/var/cache/vgpukit\nall of it can be deleted\n"
          ".SH ENVIRONMENT\n.TP\nVGPUKIT_STATE, VGPUKIT_CACHE, VGPUKIT_CONFIG\nother places for these\n"
          ".TP\nVGPUKIT_DATA\nwhere recipes, patches and templates are read from\n";
  return text;
}

}  // namespace

void add_shell(CLI::App& app, Action& action) {
  auto* shell = app.add_subcommand("shell", "Completions for a shell, the manual page, or docs/reference")->group("");
  shell->require_subcommand(1);
  const auto add = [&](const char* name, const char* about, std::string (*write)(const std::vector<Node>&)) {
    shell->add_subcommand(name, about)->group("Commands")->callback([&app, &action, write] {
      action = [&app, write]() -> Result<Exit> {
        print(write(command_tree(app)));
        return Exit::done;
      };
    });
  };
  add("bash", "Completions for bash", bash);
  add("zsh", "Completions for zsh", zsh);
  add("fish", "Completions for fish", fish);
  add("man", "The manual page", man);
  auto* markdown = shell->add_subcommand("markdown", "The pages of docs/reference")->group("Commands");
  const auto output = std::make_shared<std::string>();
  markdown->add_option("--output", *output, "The folder for them")->type_name("DIR")->required();
  markdown->callback([&app, &action, output] {
    action = [&app, output]() -> Result<Exit> {
      for (const auto& [name, text] : reference_pages(command_tree(app)))
        TRY(write_file(fs::path(*output) / name, text));
      return Exit::done;
    };
  });
}

}  // namespace vgpukit::cli
