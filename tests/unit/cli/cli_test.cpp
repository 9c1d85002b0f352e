// What all commands share: parsing, exit codes, errors as text and JSON.
#include "cli/cli.hpp"

#include "cli/cli_fixture.hpp"
#include "config.hpp"
#include "support/atomic_file.hpp"

namespace vgpukit::cli {
namespace {

TEST_F(CommandLine, WithoutACommandItPrintsTheHelp) {
  const auto alone = vgpukit({});
  EXPECT_EQ(alone.code, 2);
  EXPECT_EQ(alone.out, vgpukit({"--help"}).out);
  for (const char* group : {"kernel", "driver", "hook", "vgpu", "mdev", "passthrough", "matrix", "recipe", "shell"}) {
    const auto help = vgpukit({group});
    EXPECT_EQ(help.code, 2) << group;
    EXPECT_EQ(help.out, vgpukit({group, "--help"}).out);
    EXPECT_THAT(help.err, IsEmpty());
    EXPECT_THAT(help.out, HasSubstr("\nCommands:\n"));
  }
  EXPECT_THAT(vgpukit({"passthrough", "hooks"}).out, HasSubstr("Usage: vgpukit passthrough hooks COMMAND [OPTIONS]\n"));
  refused({"--format", "yaml", "vgpu", "list"}, {"--format"});
}

TEST_F(CommandLine, UnknownCommandsAndOptionsAreBadUsage) {
  refused({"frobnicate"}, {"there is no command 'frobnicate'\n", "vgpukit --help"});
  refused({"passthrugh"}, {"there is no command 'passthrugh'; did you mean 'passthrough'?"});
  refused({"kernel", "lst"}, {"there is no command 'lst'; did you mean 'list'?"});
  refused({"kernel", "list", "--frobnicate"},
          {"vgpukit kernel list has no option --frobnicate\n", "vgpukit COMMAND --help"});
  refused({"build", "reference", "--kernl", "newest"},
          {"vgpukit build has no option --kernl; did you mean '--kernel'?"});
  refused({"build", "reference", "--acept=x"}, {"vgpukit build has no option --acept; did you mean '--accept'?"});
  refused({"kernel", "list", "--vebrose"}, {"did you mean '--verbose'?"});
  refused({"driver", "info"}, {"DRIVER"});
  refused({"--format", "yaml", "kernel", "list"}, {"--format", "yaml", "json"});
  refused({"build", "reference", "--jobs", "0"}, {"--jobs"});
}

TEST_F(CommandLine, HelpListsCommandsAndExitCodes) {
  const auto help = vgpukit({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.err, IsEmpty());
  for (const char* word :
       {"build", "plan", "install", "doctor", "--root", "Exit codes: 0 done",
        "\nBuild:", "\nInstall:", "\nRun:", "\nHost:", "\nFleet:", "\nAuthoring:", "\nExamples:\n  vgpukit build 535"})
    EXPECT_THAT(help.out, HasSubstr(word));
  EXPECT_THAT(help.out, Not(HasSubstr("dkms-"))) << "for dkms alone";
  EXPECT_THAT(help.out, Not(HasSubstr("Subcommands:"))) << "a command without a heading";
  EXPECT_THAT(help.out, Not(HasSubstr("shell"))) << "for the build alone";
  const auto plan = vgpukit({"plan", "--help"});
  EXPECT_EQ(plan.code, 0);
  EXPECT_THAT(plan.out, HasSubstr("--diff"));
}

TEST_F(CommandLine, PrintsItsVersion) {
  const auto version = vgpukit({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.out, "vgpukit " VGPUKIT_VERSION "\n");
}

TEST_F(CommandLine, ARootThatDoesNotExistIsBadInput) {
  const auto nowhere = (temp / "nowhere").string();
  refused({"--root", nowhere, "kernel", "list"}, {"cannot use the root folder " + nowhere});
}

TEST_F(CommandLine, AnErrorIsADocumentInJson) {
  const auto nowhere = (temp / "nowhere").string();
  const auto document = json({"--root", nowhere, "kernel", "list"}, 2);
  EXPECT_EQ(document["result"], "usage");
  ASSERT_EQ(document["errors"].size(), 1U);
  EXPECT_THAT(document["errors"][0]["message"].get<std::string>(), StartsWith("cannot use the root folder " + nowhere));
}

TEST_F(CommandLine, GlobalOptionsMayFollowTheCommand) {
  fs::create_directories(root());
  const auto document = json({"kernel", "list", "--root", root().string()});
  EXPECT_EQ(document["root"], root().string());
  EXPECT_TRUE(document["kernels"].empty());
}

TEST_F(CommandLine, AnAssumptionNeedsAnAnswer) {
  fs::create_directories(root());
  refused({"--root", root().string(), "kernel", "facts", "--assume", "symbol x"}, {"'symbol x'", "=yes or =no"});
  refused({"--root", root().string(), "kernel", "facts", "--assume", "symbool x=no"}, {"not a kind of question"});
}

TEST_F(CommandLine, ADataFolderWithoutRecipesIsMissing) {
  ::setenv("VGPUKIT_DATA", temp.path().c_str(), 1);
  const auto output = vgpukit({"recipe", "list"});
  EXPECT_EQ(output.code, 3);
  EXPECT_THAT(output.err, HasSubstr(temp.path().string() + ", which has no recipes folder"));
  EXPECT_THAT(output.err, HasSubstr("unset VGPUKIT_DATA"));
  const auto reason = [&](const std::string& name) {
    ::setenv("VGPUKIT_DATA", (temp / name).c_str(), 1);
    return vgpukit({"recipe", "list"}).err;
  };
  EXPECT_THAT(reason("gone"), HasSubstr("gone, which does not exist"));
  test::put(temp / "file", "");
  EXPECT_THAT(reason("file"), HasSubstr("file is not a folder"));
  fs::create_symlink("loop", temp / "loop");
  EXPECT_THAT(reason("loop"), HasSubstr("loop cannot be read: Too many levels of symbolic links"));
}

TEST_F(CommandLine, ColoursAreForTerminalsOrWhenAsked) {
  const std::vector<std::string> list = {"recipe", "list"};
  EXPECT_THAT(vgpukit(list).out, Not(HasSubstr("\033[")));
  EXPECT_THAT(vgpukit({"recipe", "list", "--color", "always"}).out, HasSubstr("\033[1m"));
}

TEST_F(CommandLine, ShellCompletionsAndTheManualKnowEveryCommand) {
  for (const char* what : {"bash", "zsh", "fish", "man"}) {
    const auto output = vgpukit({"shell", what});
    EXPECT_EQ(output.code, 0) << what;
    for (const char* word : {"passthrough", "undefine", "no-shipped-recipes", "kubernetes"})
      EXPECT_THAT(output.out, HasSubstr(std::string(what) == "man" && std::string(word) == "no-shipped-recipes"
                                            ? "no\\-shipped\\-recipes"
                                            : word))
          << what;
  }
}

TEST_F(CommandLine, AnExceptionIsAReportAndUndoesWhatWasBegun) {
  const char* const words[] = {"vgpukit", "build", "a b\x1b[2J"};
  const auto failure = [&](const Action& action) {
    const auto result = without_exceptions(action, 3, words);
    EXPECT_FALSE(result);
    EXPECT_EQ(exit_of(result.error().kind), Exit::failed);
    return result.error().message();
  };
  const auto text = failure([&]() -> Result<Exit> {
    const auto staged = StagedFolder::beside(temp / "work/out");
    throw std::logic_error("impossible \x1b[31m");
  });
  EXPECT_THAT(text, HasSubstr("cannot finish vgpukit build 'a b\\x1b[2J': there is a fault in vgpukit 0."));
  EXPECT_THAT(text, HasSubstr("logic_error: impossible \\x1b[31m)\n  send these two lines"));
  EXPECT_TRUE(fs::is_empty(temp / "work"));
  EXPECT_THAT(failure([]() -> Result<Exit> { throw std::bad_alloc(); }), HasSubstr("the memory is exhausted"));
}

TEST(ExitCode, IsThatOfTheContract) {
  EXPECT_EQ(exit_of(ErrorKind::failed), Exit::failed);
  EXPECT_EQ(exit_of(ErrorKind::interrupted), Exit::failed);
  EXPECT_EQ(exit_of(ErrorKind::usage), Exit::usage);
  EXPECT_EQ(exit_of(ErrorKind::missing), Exit::missing);
  EXPECT_EQ(exit_of(ErrorKind::denied), Exit::missing);
  EXPECT_EQ(exit_of(ErrorKind::no_space), Exit::missing);
  EXPECT_EQ(exit_of(ErrorKind::consent), Exit::consent);
}

TEST(Wrapped, BreaksAtBlanksAndIndents) {
  EXPECT_EQ(wrapped("one two\nthree", 2), "  one two\n  three\n");
  EXPECT_EQ(wrapped("", 2), "");
  EXPECT_EQ(wrapped(std::string(60, 'a') + " " + std::string(60, 'b'), 0),
            std::string(60, 'a') + "\n" + std::string(60, 'b') + "\n");
}

TEST(HumanBytes, AreRoundedUp) {
  EXPECT_EQ(human_bytes(1), "1 kB");
  EXPECT_EQ(human_bytes(53 * 1024 + 1), "54 kB");
  EXPECT_EQ(human_bytes(3 * 1024 * 1024 / 2), "1.5 MB");
}

}  // namespace
}  // namespace vgpukit::cli
