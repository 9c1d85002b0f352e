#include "cli/shell_markdown.hpp"

#include <algorithm>

#include "cli/command_help.hpp"
#include "cli/help_text.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

constexpr std::size_t line_length = 118;
constexpr const char* written = "<!-- Written by `vgpukit shell markdown`. ci/reference.sh renews it. -->\n";

// Breaks text at blanks; later lines begin with `indent` blanks.
std::string filled(const std::string& text, std::size_t indent) {
  std::string all;
  std::size_t column = 0;
  for (const auto& word : split(text, ' ')) {
    if (word.empty()) continue;
    if (column > 0 && column + 1 + word.size() > line_length) {
      all += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > 0) {
      all += " ";
      ++column;
    }
    all += word;
    column += word.size();
  }
  return all + "\n";
}

// A description, with what HTML would take for a tag or an entity as text.
std::string escaped(const std::string& text) {
  std::string all;
  for (const char c : text) all += c == '<' ? std::string("&lt;") : c == '\n' ? " " : std::string(1, c);
  return all;
}

std::string usage_block(const Node& node) {
  std::vector<std::string> words;
  if (!node.commands.empty()) words.emplace_back("COMMAND");
  for (const auto& word : node.positionals) words.push_back(usage_word(word));
  for (const auto& word : node.options) {
    if (word.names.back() == "--help") continue;
    const auto text = word.names.back() + (word.takes_value ? " " + value_of(word) : "");
    words.push_back((word.required ? text : "[" + text + "]") + (word.repeatable ? "..." : ""));
  }
  std::string all;
  std::string line = "    vgpukit" + (node.path.empty() ? "" : " " + node.path);
  const std::string margin(line.size(), ' ');
  for (const auto& word : words) {
    if (line.size() + 1 + word.size() > line_length) {
      all += line + "\n";
      line = margin;
    }
    line += " " + word;
  }
  return all + line + "\n";
}

std::string items(const std::vector<Word>& words) {
  std::string text;
  for (const auto& word : words) {
    const auto about = described(word);
    if (word.names.back() == "--help" || about.empty()) continue;
    text += filled("- `" + spelled(word) + "`: " + escaped(about), 2);
  }
  return text;
}

// The part of a page about one command.
std::string section(const Node& node, const std::string& heading) {
  std::string text = heading + " vgpukit " + node.path + "\n\n" + filled(escaped(node.text) + ".", 0) + "\n";
  if (!node.aliases.empty())
    text += "Alias: " + join(node.aliases, ", ", [](const auto& name) { return "`" + name + "`"; }) + "\n\n";
  text += usage_block(node) + "\n";
  const auto list = items(node.positionals) + items(node.options);
  if (!list.empty()) text += list + "\n";
  const auto* help = command_help(node.path);
  if (help == nullptr) return text;
  text += (help->examples.size() == 1 ? "Example:\n\n" : "Examples:\n\n") + example_lines(*help, 4) + "\n";
  if (!help->schema.empty())
    text += "JSON: [schemas/" + help->schema + ".json](../schemas/" + help->schema + ".json)\n\n";
  return text;
}

std::string link_to(const std::string& document) {
  return "[" + document + "](../" + document.substr(document.find('/') + 1) + ")";
}

std::string ended(std::string text) {
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

std::string index_page(const std::vector<Node>& nodes) {
  const auto& top = nodes.front();
  std::string text = std::string(written) + "# The command line\n\n" + usage_block(top) + "\n" +
                     filled(escaped(top.text), 0) + "\nExamples:\n\n" + example_lines(*command_help(""), 4) +
                     "\n[Exit codes](exit-codes.md) and [files](files.md) have a page each, and so have the\n"
                     "[rules that all commands share](../cli.md). Each JSON output has a "
                     "[schema](../schemas/README.md).\n";
  for (const auto& group : command_groups()) {
    text += "\n## " + group.name + "\n\n";
    for (const auto& name : group.commands)
      for (const auto& node : nodes)
        if (node.path == name) text += filled("- [" + name + "](" + name + ".md): " + escaped(node.text), 2);
  }
  return text + "\n## Options of all commands\n\nThey may stand before or after the command.\n\n" + items(top.options);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> reference_pages(const std::vector<Node>& nodes) {
  std::vector<std::pair<std::string, std::string>> pages{{"README.md", index_page(nodes)}};
  for (const auto& node : nodes) {
    if (node.path.empty() || node.alias) continue;
    const bool is_top = node.path.find(' ') == std::string::npos;
    if (!is_top) {
      pages.back().second += section(node, "##");
      continue;
    }
    pages.back().second = ended(pages.back().second);
    auto text = std::string(written) + section(node, "#");
    if (const auto document = document_of(node.path); !document.empty())
      text += link_to(document) + " explains it. [All commands](README.md), [exit codes](exit-codes.md).\n\n";
    pages.emplace_back(node.path + ".md", text);
  }
  pages.back().second = ended(pages.back().second);
  return pages;
}

}  // namespace vgpukit::cli
