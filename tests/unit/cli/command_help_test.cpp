// The help of each command, and the reference that is made of it.
#include "cli/command_help.hpp"

#include <set>

#include "cli/cli_fixture.hpp"
#include "cli/command_tree.hpp"
#include "support/atomic_file.hpp"

namespace vgpukit::cli {
namespace {

class CommandHelpTest : public CommandLine {
 protected:
  CommandHelpTest() { add_commands(app, globals, action); }
  CLI::App app;
  Globals globals;
  Action action;
};

// A shell's words: blanks separate, single quotes keep together.
std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words{""};
  bool quoted = false;
  for (const char c : line) {
    if (c == '\'')
      quoted = !quoted;
    else if (c == ' ' && !quoted)
      words.emplace_back();
    else
      words.back() += c;
  }
  return words;
}

TEST_F(CommandHelpTest, EachCommandHasAnExampleADocumentAndAHeading) {
  std::set<std::string> paths;
  for (const auto& node : command_tree(app)) {
    if (node.alias) continue;
    paths.insert(node.path);
    const auto* help = command_help(node.path);
    ASSERT_NE(help, nullptr) << "command_help.cpp has no entry for vgpukit " << node.path;
    EXPECT_FALSE(help->examples.empty()) << node.path;
    EXPECT_TRUE(fs::exists(fs::path(VGPUKIT_SOURCE_DIR) / document_of(node.path))) << document_of(node.path);
    EXPECT_TRUE(help->schema.empty() ||
                fs::exists(fs::path(VGPUKIT_SOURCE_DIR) / "docs/schemas" / (help->schema + ".json")))
        << node.path;
    EXPECT_NE(node.group, node.path.find(' ') == std::string::npos && !node.path.empty() ? "Subcommands" : "-")
        << "no heading in command_groups() for " << node.path;
  }
  for (const auto& help : all_command_help()) EXPECT_TRUE(paths.contains(help.path)) << "no command " << help.path;
}

TEST_F(CommandHelpTest, TheExamplesAreCommandLines) {
  for (const auto& help : all_command_help())
    for (const auto& example : help.examples) {
      auto words = words_of(example.line);
      if (words.front() == "sudo") words.erase(words.begin());
      ASSERT_EQ(words.front(), "vgpukit");
      EXPECT_TRUE((example.line + " ").find(help.path + " ") != std::string::npos) << example.line;
      words.erase(words.begin());
      std::reverse(words.begin(), words.end());
      CLI::App parser;
      Globals values;
      Action run;
      add_commands(parser, values, run);
      EXPECT_NO_THROW(parser.parse(words)) << example.line;
    }
}

TEST_F(CommandHelpTest, HelpOfACommandHasItsExampleAndItsDocument) {
  const auto help = vgpukit({"vgpu", "define", "--help"});
  EXPECT_THAT(help.out, HasSubstr("Example:\n  sudo vgpukit vgpu define nvidia-63"));
  EXPECT_THAT(help.out, HasSubstr("docs/vgpus.md explains it."));
  EXPECT_THAT(help.out, Not(HasSubstr("guides by task"))) << "the footer of the program itself";
}

TEST_F(CommandHelpTest, OptionsAreDescribedInWords) {
  const auto help = vgpukit({"matrix", "run", "--help"}).out;
  EXPECT_THAT(help, HasSubstr("Usage: vgpukit matrix run FILE [OPTIONS]\n"));
  EXPECT_THAT(help, HasSubstr("  --jobs N                  Compilers at once"));
  EXPECT_THAT(help, HasSubstr("  --without RECIPE          Leave this recipe out (repeatable)\n"));
  EXPECT_THAT(help, HasSubstr("(only with --prove-recipes)"));
  EXPECT_THAT(help, HasSubstr("(not with --prove-recipes)"));
  EXPECT_THAT(vgpukit({"recipe", "new", "--help"}).out, HasSubstr("(exactly one of --from-log and --from-commit)"));
  EXPECT_THAT(vgpukit({"package", "--help"}).out, HasSubstr(" --format deb|"));
  // The forms of CLI11, which are other ones in each of its releases.
  for (const auto& node : command_tree(app)) {
    std::vector<std::string> words{"--help"};
    if (!node.path.empty()) {
      words = split(node.path, ' ');
      words.emplace_back("--help");
    }
    const auto text = vgpukit(words).out;
    for (const char* raw : {"REQUIRED", "Needs:", "Excludes:", "TEXT:", "INT", "FLOAT", "{", " ...", "[["})
      EXPECT_THAT(text, Not(HasSubstr(raw))) << node.path;
    for (const auto& line : split(text, '\n')) EXPECT_LE(line.size(), 120U) << line;
  }
}

TEST_F(CommandHelpTest, TheReferenceHasAPageForEachCommandAndNoLongLine) {
  const auto folder = temp / "reference";
  ASSERT_EQ(vgpukit({"shell", "markdown", "--output", folder.string()}).code, 0);
  for (const auto& node : command_tree(app)) {
    if (node.alias) continue;
    const auto top = node.path.substr(0, node.path.find(' '));
    const auto text = read_file(folder / (top.empty() ? "README.md" : top + ".md"));
    ASSERT_TRUE(text) << top;
    EXPECT_THAT(*text, HasSubstr("    vgpukit" + (node.path.empty() ? "" : " " + node.path)));
    for (const auto& line : split(*text, '\n')) EXPECT_LE(line.size(), 120U) << line;
  }
  refused({"shell", "markdown"}, {"--output"});
}

}  // namespace
}  // namespace vgpukit::cli
