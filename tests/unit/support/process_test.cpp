#include "support/process.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "support/atomic_file.hpp"
#include "support/interrupt.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit {
namespace {

using namespace std::chrono_literals;

// A shell belongs to tests only: it makes the process trees that builds make.
Command shell(std::string script) {
  Command command;
  command.argv = {"sh", "-c", std::move(script)};
  return command;
}

// Whether the process is there and runs; a zombie that its parent has not reaped is dead.
bool runs(pid_t pid) {
  auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!stat) return false;
  const auto paren = stat->rfind(')');
  return paren != std::string::npos && stat->compare(paren + 2, 1, "Z") != 0;
}

bool ends_soon(pid_t pid) {
  for (int i = 0; i < 500; ++i) {
    if (!runs(pid)) return true;
    std::this_thread::sleep_for(10ms);
  }
  ::kill(pid, SIGKILL);
  return false;
}

TEST(Process, GivesOutputStatusAndCpuTime) {
  const auto outcome = run(shell("echo out; echo err >&2; exit 3")).value();
  EXPECT_EQ(outcome.status, 3);
  EXPECT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "err\n");
  EXPECT_FALSE(outcome.timed_out);
  const auto busy = run(shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done")).value();
  EXPECT_TRUE(busy.ok());
  EXPECT_GT(busy.cpu_seconds, outcome.cpu_seconds);
}

TEST(Process, ASignalIs128PlusItsNumber) {
  EXPECT_EQ(run(shell("kill -9 $$")).value().status, 128 + SIGKILL);
}

TEST(Process, NoShellTouchesTheWords) {
  Command command;
  command.argv = {"printf", "%s|", "a b", "$HOME", "", "*", "'\"\\"};
  EXPECT_EQ(run(command).value().out, "a b|$HOME||*|'\"\\|");
}

TEST(Process, LinesComeAsTheyAreWritten) {
  std::vector<std::string> lines;
  auto command = shell("printf 'one\\ntw'; printf 'o\\n\\nlast'; echo e >&2");
  command.on_line = [&](std::string_view line, bool is_stderr) {
    if (!is_stderr) lines.emplace_back(line);
  };
  command.collect = false;
  const auto outcome = run(command).value();
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", "", "last"}));
  EXPECT_EQ(outcome.out, "");
}

TEST(Process, MuchOutputOnBothStreamsDoesNotBlock) {
  const auto outcome = run(shell("head -c 1000000 /dev/zero; head -c 2000000 /dev/zero >&2")).value();
  EXPECT_EQ(outcome.out.size(), 1'000'000U);
  EXPECT_EQ(outcome.err.size(), 2'000'000U);
}

TEST(Process, InputIsGivenOrEmpty) {
  auto command = shell("cat");
  EXPECT_EQ(run(command).value().out, "");
  command.input = std::string(500'000, 'x');
  EXPECT_EQ(run(command).value().out, command.input);
  command.argv = {"true"};  // does not read it
  EXPECT_TRUE(run(command).value().ok());
}

TEST(Process, EnvironmentIsSmallAndFolderIsSet) {
  ::setenv("VGPUKIT_TEST_LEAK", "1", 1);
  ::setenv("CCACHE_TEST_KEPT", "1", 1);
  const test::TempFolder folder;
  auto command = shell("echo ${VGPUKIT_TEST_LEAK-clean} $CCACHE_TEST_KEPT $LC_ALL $MINE; pwd -P");
  command.env["MINE"] = "yes";
  command.cwd = folder.path();
  EXPECT_EQ(run(command).value().out, "clean 1 C.UTF-8 yes\n" + folder.path().string() + "\n");
  ::unsetenv("VGPUKIT_TEST_LEAK");
  ::unsetenv("CCACHE_TEST_KEPT");
}

TEST(Process, OnlyItsOwnDescriptorsAreOpen) {
  const int leak = ::dup(0);  // without close-on-exec
  ASSERT_GE(leak, 0);
  Command command;
  command.argv = {"ls", "/proc/self/fd"};
  EXPECT_EQ(run(command).value().out, "0\n1\n2\n3\n");  // 3 is ls reading the folder
  ::close(leak);
}

TEST(Process, WhatCannotRunIsAnErrorThatNamesIt) {
  const auto why = [](const Command& command) {
    const auto outcome = run(command);
    EXPECT_FALSE(outcome);
    if (outcome) return std::string();
    EXPECT_EQ(outcome.error().kind, ErrorKind::missing);
    return outcome.error().message();
  };
  Command command;
  command.argv = {"vgpukit-no-such-program"};
  EXPECT_NE(why(command).find("vgpukit-no-such-program: there is no such program in PATH"), std::string::npos);
  command.argv = {"/no/such/program"};
  EXPECT_EQ(why(command), "cannot run /no/such/program: No such file or directory");
  const test::TempFolder folder;
  ASSERT_TRUE(write_file(folder / "text", "not a program", 0644));
  command.argv = {(folder / "text").string()};
  EXPECT_NE(why(command).find("Permission denied"), std::string::npos);
  command.argv = {"true"};
  command.cwd = folder / "absent";
  EXPECT_NE(why(command).find("cannot enter the folder " + (folder / "absent").string()), std::string::npos);
  EXPECT_FALSE(run(Command{}));
}

TEST(Process, AnotherRootThatDoesNotExist) {
  const test::TempFolder folder;
  Command command;
  command.argv = {"/bin/true"};
  command.root = folder / "absent";
  const auto outcome = run(command);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::missing);
  EXPECT_NE(outcome.error().message().find("enter the root folder"), std::string::npos) << outcome.error().message();
}

TEST(Process, AnotherRootIsEntered) {
  // The smallest root: one program and the libraries that it is linked with.
  const test::TempFolder root;
  fs::create_directories(root / "work");
  fs::create_directories(root / "proc");
  Command ldd;
  ldd.argv = {"ldd", find_program("pwd").value().string()};
  auto libraries = run(ldd).value().out + " " + ldd.argv[1] + " ";
  for (std::size_t at = 0; (at = libraries.find('/', at)) != std::string::npos;) {
    const auto end = libraries.find_first_of(" \n", at);
    const fs::path file = libraries.substr(at, end - at);
    fs::create_directories((root.path() / file.relative_path()).parent_path());
    fs::copy_file(file, root.path() / file.relative_path(), fs::copy_options::overwrite_existing);
    at = end;
  }
  Command command;
  command.argv = {"pwd"};
  command.root = root.path();
  command.cwd = "/work";
  const auto outcome = run(command);
  if (!outcome && ::geteuid() != 0)
    GTEST_SKIP() << "no unprivileged user namespaces here: " << outcome.error().message();
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->out, "/work\n");
  EXPECT_TRUE(fs::is_empty(root / "proc")) << "a mount for the child is seen by us";
}

TEST(Process, ADeadlineEndsTheWholeGroup) {
  const test::TempFolder folder;
  auto command = shell("sleep 100 & echo $! > pid; wait");
  command.cwd = folder.path();
  command.deadline = 300ms;
  const auto outcome = run(command).value();
  EXPECT_TRUE(outcome.timed_out);
  EXPECT_FALSE(outcome.ok());
  EXPECT_FALSE(runs(std::stoi(read_file(folder / "pid").value())));
}

TEST(Process, WhoIgnoresSigtermIsKilled) {
  auto command = shell("trap '' TERM; echo ready; while :; do sleep 1; done");
  command.deadline = 300ms;
  const auto outcome = run(command).value();
  EXPECT_TRUE(outcome.timed_out);
  EXPECT_EQ(outcome.status, 128 + SIGKILL);
  EXPECT_EQ(outcome.out, "ready\n");
}

TEST(Process, AGrandchildThatIgnoresSigtermIsKilledToo) {
  const test::TempFolder folder;
  auto command = shell("(trap '' TERM; exec sleep 100) & echo $! > pid; wait");
  command.cwd = folder.path();
  command.deadline = 300ms;
  EXPECT_TRUE(run(command).value().timed_out);
  EXPECT_FALSE(runs(std::stoi(read_file(folder / "pid").value())));
}

TEST(Process, WhatACommandLeavesBehindEndsWithIt) {
  const test::TempFolder folder;
  auto command = shell("sleep 100 >/dev/null 2>&1 & echo $! > pid; sleep 100 & echo done");
  command.cwd = folder.path();
  const auto outcome = run(command).value();
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.out, "done\n");
  EXPECT_FALSE(runs(std::stoi(read_file(folder / "pid").value())));
}

TEST(Process, AnExceptionFromTheReaderLeavesNothingRunning) {
  pid_t pid = 0;
  auto command = shell("echo $$; sleep 100");
  command.on_line = [&](std::string_view line, bool) {
    pid = std::stoi(std::string(line));
    throw std::runtime_error("a bug");
  };
  EXPECT_THROW(static_cast<void>(run(command)), std::runtime_error);
  EXPECT_FALSE(runs(pid));
}

TEST(Process, AChildDiesWithUs) {
  const test::TempFolder folder;
  const pid_t middle = ::fork();
  if (middle == 0) {
    auto command = shell("echo $$ > pid.new; mv pid.new pid; sleep 100");
    command.cwd = folder.path();
    static_cast<void>(run(command));
    ::_exit(0);
  }
  ASSERT_GT(middle, 0);
  while (!fs::exists(folder / "pid")) std::this_thread::sleep_for(5ms);
  const pid_t pid = std::stoi(read_file(folder / "pid").value());
  ASSERT_TRUE(runs(pid));
  ::kill(middle, SIGKILL);
  ::waitpid(middle, nullptr, 0);
  EXPECT_TRUE(ends_soon(pid));
}

TEST(Interrupt, StopsTheRunningCommandAndItsChildren) {
  const Interrupt interrupt;
  EXPECT_EQ(Interrupt::caught(), 0);
  const test::TempFolder folder;
  auto command = shell("sleep 100 & echo $!; wait");
  pid_t pid = 0;
  command.on_line = [&](std::string_view line, bool) {
    pid = std::stoi(std::string(line));
    ::kill(::getpid(), SIGTERM);
  };
  const auto outcome = run(command);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::interrupted);
  EXPECT_EQ(outcome.error().why, "interrupted");
  EXPECT_EQ(Interrupt::caught(), SIGTERM);
  EXPECT_FALSE(runs(pid));
  // Nothing is started afterwards either.
  EXPECT_EQ(run(shell("echo no")).error().why, "interrupted");
}

TEST(Interrupt, IsOverWithTheObject) {
  {
    const Interrupt interrupt;
    ::kill(::getpid(), SIGTERM);
    EXPECT_EQ(Interrupt::caught(), SIGTERM);
  }
  EXPECT_EQ(Interrupt::caught(), 0);
  EXPECT_TRUE(run(shell("true")).value().ok());
  struct sigaction now {};
  ::sigaction(SIGTERM, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

TEST(RunAll, KeepsTheOrderAndTheLimit) {
  const test::TempFolder folder;
  std::vector<Command> commands;
  for (int i = 0; i < 12; ++i) {
    // Each notes how many run beside it.
    commands.push_back(shell("mkdir run-$0; set -- run-*; echo $# >> counts; sleep 0.05; rmdir run-$0; echo $0"));
    commands.back().argv.push_back(std::to_string(i));
    commands.back().cwd = folder.path();
  }
  const auto outcomes = run_all(commands, 3).value();
  ASSERT_EQ(outcomes.size(), 12U);
  for (std::size_t i = 0; i < outcomes.size(); ++i) EXPECT_EQ(outcomes[i].out, std::to_string(i) + "\n");
  std::ifstream counts(folder / "counts");
  int most = 0;
  for (int count = 0; counts >> count;) most = std::max(most, count);
  EXPECT_LE(most, 3);
  EXPECT_GE(most, 2) << "they ran one after the other";
}

TEST(RunAll, StopsAtTheFirstError) {
  const test::TempFolder folder;
  Command absent;
  absent.argv = {"/no/such/program"};
  auto late = shell("touch late");
  late.cwd = folder.path();
  const auto outcomes = run_all({shell("sleep 100"), absent, late}, 2);
  ASSERT_FALSE(outcomes);
  EXPECT_EQ(outcomes.error().message(), "cannot run /no/such/program: No such file or directory");
  EXPECT_FALSE(fs::exists(folder / "late"));
}

TEST(RunAll, NothingToDo) {
  EXPECT_TRUE(run_all({}, 4).value().empty());
}

TEST(Process, ManyThreadsMayRunCommands) {
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i)
        if (auto outcome = run(shell("echo x")); outcome && outcome->out == "x\n") ++good;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 40);
}

TEST(FindProgram, LooksInPathOfTheRoot) {
  EXPECT_TRUE(find_program("sh").value().is_absolute());
  EXPECT_FALSE(find_program("vgpukit-no-such-program"));
  EXPECT_FALSE(find_program(""));
  const test::TempFolder root;
  EXPECT_FALSE(find_program("sh", root.path())) << "the root has no shell; ours does not count";
  ASSERT_TRUE(write_file(root / "usr/bin/gcc-real", "", 0755));
  fs::create_directories(root / "etc/alternatives");
  fs::create_symlink("/usr/bin/gcc-real", root / "etc/alternatives/gcc");
  fs::create_symlink("/etc/alternatives/gcc", root / "usr/bin/gcc");
  ASSERT_TRUE(write_file(root / "usr/bin/plain", "", 0644));
  EXPECT_EQ(find_program("gcc", root.path()), "/usr/bin/gcc");
  EXPECT_FALSE(find_program("plain", root.path())) << "not executable";
}

TEST(DefaultJobs, IsAtLeastOne) {
  EXPECT_GE(default_jobs(), 1U);
}

}  // namespace
}  // namespace vgpukit
