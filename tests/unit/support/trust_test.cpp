// Files and folders that somebody else has prepared, or changes at the same time.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "support/atomic_file.hpp"
#include "support/interrupt.hpp"
#include "support/journaled_change.hpp"
#include "support/json_file.hpp"
#include "support/process.hpp"
#include "support/sandbox.hpp"
#include "support/snapshot.hpp"
#include "support/sysfs.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit {
namespace trust_test {

using namespace std::chrono_literals;

constexpr uid_t nobody = 65534;

unsigned mode_of(const fs::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : 0;
}

uid_t owner_of(const fs::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? info.st_uid : ~0U;
}

template <class Condition>
bool soon(Condition holds) {
  for (int i = 0; i < 1000 && !holds(); ++i) std::this_thread::sleep_for(10ms);
  return holds();
}

// --- locks --------------------------------------------------------------------------------------------------------

TEST(Lock, AFileThatWasRemovedLocksNobodyOut) {
  const test::TempFolder folder;
  auto first = FileLock::try_acquire(folder / "lock");
  ASSERT_TRUE(first && first->held());
  std::optional<Result<FileLock>> waited;
  std::thread waiter([&] { waited.emplace(FileLock::acquire(folder / "lock", [] {})); });
  std::this_thread::sleep_for(100ms);  // it waits for the file that is removed now
  fs::remove(folder / "lock");
  auto third = FileLock::try_acquire(folder / "lock");
  ASSERT_TRUE(third && third->held());
  { const FileLock ends_here = std::move(*first); }
  std::this_thread::sleep_for(100ms);
  EXPECT_FALSE(waited) << "two processes hold the lock";
  { const FileLock ends_here = std::move(*third); }
  waiter.join();
  EXPECT_TRUE(*waited && (*waited)->held());
}

TEST(Lock, StaysAfterAChangeSoThatThoseWhoWaitForItGetIt) {
  const test::TempFolder folder;
  ChangeRules rules{HostPaths{}, folder / "state", [](const nlohmann::json&, const OnStep&) { return Status(); }};
  for (const bool commit : {true, false}) {
    auto change = JournaledChange::begin(rules, "test");
    ASSERT_TRUE(change);
    ASSERT_TRUE(commit ? change->commit(nullptr) : change->undo());
    EXPECT_TRUE(fs::exists(folder / "state/lock"));
  }
}

// --- copies and folders -------------------------------------------------------------------------------------------

TEST(Copies, ArePrivateIfTheOriginalIs) {
  const test::TempFolder folder;
  ASSERT_TRUE(write_file(folder / "secret", "password", 0600));
  ASSERT_TRUE(clone_file(folder / "secret", folder / "copy"));
  EXPECT_EQ(mode_of(folder / "copy"), 0600U);
}

TEST(Copies, HaveTheOwnerOfTheOriginalWhereThatMatters) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const test::TempFolder folder;
  ASSERT_TRUE(write_file(folder / "domain.xml", "old", 0600));
  ASSERT_EQ(::chown((folder / "domain.xml").c_str(), nobody, nobody), 0);
  ASSERT_TRUE(copy_with_owner(folder / "domain.xml", folder / "backup"));
  ASSERT_TRUE(replace_file(folder / "domain.xml", "new"));
  for (const auto* name : {"domain.xml", "backup"}) {
    struct stat info {};
    ASSERT_EQ(::stat((folder / name).c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, nobody) << name;
    EXPECT_EQ(info.st_mode & 0777U, 0600U) << name;
  }
}

TEST(Copies, OfAPackageRefuseALinkThatLeavesIt) {
  const test::TempFolder folder;
  ASSERT_TRUE(write_file(folder / "secret", "password", 0600));
  ASSERT_TRUE(write_file(folder / "package/file", "text"));
  fs::create_symlink("../secret", folder / "package/up");
  fs::create_symlink(folder / "secret", folder / "package/absolute");
  fs::create_symlink("file", folder / "package/inside");
  EXPECT_TRUE(clone_beneath(folder / "package", "inside", folder / "copy"));
  for (const auto* name : {"up", "absolute"}) {
    const auto copied = clone_beneath(folder / "package", name, folder / "stolen");
    ASSERT_FALSE(copied) << name;
    EXPECT_NE(copied.error().message().find("it is a link that leaves"), std::string::npos);
    EXPECT_FALSE(fs::exists(folder / "stolen"));
  }
}

// An ordinary user owns the folder, and puts a link to root's file in the place of each new folder.
TEST(Staged, AnotherUsersLinkIsNeverFollowed) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs two users";
  const test::TempFolder folder;
  fs::permissions(folder.path(), fs::perms(0755));
  ASSERT_TRUE(write_file(folder / "secret", "password", 0600));
  fs::create_directory(folder / "theirs");
  ASSERT_EQ(::chown((folder / "theirs").c_str(), nobody, nobody), 0);
  const pid_t attacker = ::fork();
  if (attacker == 0) {
    if (::setgid(nobody) != 0 || ::setuid(nobody) != 0) ::_exit(1);
    for (int i = 0;; ++i)
      for (const auto& entry : entries_of(folder / "theirs"))
        if (entry.filename().string().starts_with(".out"))
          if (::rename(entry.c_str(), (folder / "theirs" / std::to_string(i)).c_str()) == 0) [[maybe_unused]]
            const auto made = ::symlink((folder / "secret").c_str(), entry.c_str());
  }
  for (int i = 0; i < 100; ++i) {
    auto staged = StagedFolder::beside(folder / "theirs/out");
    if (!staged) continue;
    ASSERT_TRUE(write_file(staged->held_path() / "file", "x"));
    static_cast<void>(static_cast<bool>(staged->commit(false)));
  }
  ::kill(attacker, SIGKILL);
  ::waitpid(attacker, nullptr, 0);
  EXPECT_EQ(mode_of(folder / "secret"), 0600U);
  EXPECT_EQ(read_file(folder / "secret").value(), "password");
}

// --- builds -------------------------------------------------------------------------------------------------------

// What a confined command prints; nothing if this process is not root, or in a container without namespaces.
std::optional<std::string> confined(const std::string& script) {
  if (!sandbox_problem("/").empty() || !build_user()) return std::nullopt;
  Command command;
  command.argv = {"sh", "-c", script};
  command.confined = true;
  const auto outcome = run(command);
  return outcome ? outcome->out : outcome.error().message();
}

TEST(Sandbox, LimitsMemoryAndProcesses) {
  const auto shown = confined("ulimit -d; bash -c 'ulimit -u'; cat /proc/self/oom_score_adj");
  if (!shown) GTEST_SKIP() << "no sandbox here";
  const auto limits = sandbox_limits();
  EXPECT_GE(limits.memory, 2ULL << 30);
  EXPECT_EQ(*shown, std::to_string(limits.memory >> 10) + "\n" + std::to_string(limits.processes) + "\n1000\n");
}

TEST(Sandbox, HasNoDevicesAndNoSockets) {
  // Also while this thread has the build user's rights to files.
  const test::TempFolder folder;
  fs::permissions(folder.path(), fs::perms(0755));
  const auto given = BuildFolder::give(folder.path());
  ASSERT_TRUE(given);
  const auto shown = confined("ls /dev /run | sort | tr '\\n' ' '; echo x > /dev/null && echo written");
  if (!shown) GTEST_SKIP() << "no sandbox here";
  EXPECT_EQ(*shown, "/dev: fd full null random stderr stdin stdout urandom zero written\n");
}

// While one lives, the environment has another value.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) before_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~Environment() {
    if (before_)
      ::setenv(name_, before_->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(Sandbox, HasNothingOfTheCallersEnvironment) {
  const Environment home("HOME", "/evil"), prefix("CCACHE_PREFIX", "/evil"), temporary("TMPDIR", "/evil");
  const Environment path("PATH", std::string("/evil:") + std::getenv("PATH"));
  const auto shown = confined("env | grep -v '^PWD='");
  if (!shown) GTEST_SKIP() << "no sandbox here";
  EXPECT_EQ(shown->find("evil"), std::string::npos) << *shown;
  EXPECT_EQ(std::count(shown->begin(), shown->end(), '='), 4) << *shown;
}

// ccache runs the program that the configuration in HOME names.
TEST(Sandbox, DoesNotReadTheCallersConfigurationOfCcache) {
  if (!confined("") || !find_program("ccache") || !find_program("gcc")) GTEST_SKIP() << "no sandbox or ccache here";
  const test::TempFolder folder;
  fs::permissions(folder.path(), fs::perms(0777));
  ASSERT_TRUE(write_file(folder / "evil", "#!/bin/sh\n>" + (folder / "ran").string() + "\nexec \"$@\"\n", 0755));
  for (const auto* name : {".ccache/ccache.conf", ".config/ccache/ccache.conf"})
    ASSERT_TRUE(write_file(folder / name, "prefix_command = " + (folder / "evil").string() + "\n"));
  const Environment home("HOME", folder.path());
  const Environment cache("CCACHE_DIR", folder / ".ccache");
  Command command;
  command.argv = {"sh", "-c", "cd $0 && echo 'int x;' >x.c && ccache gcc -c x.c -o x.o", folder.path()};
  command.writable = {folder.path()};
  for (const bool is_confined : {true, false}) {
    command.confined = is_confined;
    const auto outcome = run(command);
    ASSERT_TRUE(outcome && outcome->ok()) << (outcome ? outcome->err : outcome.error().message());
    EXPECT_EQ(fs::exists(folder / "ran"), !is_confined) << "the second run shows that the configuration is one";
  }
}

// A process whose command line has the text; 0: there is none.
pid_t process_with(const std::string& text) {
  for (const auto& entry : entries_of("/proc"))
    if (const auto line = read_file(entry / "cmdline"); line && line->find(text) != std::string::npos)
      if (const int id = std::atoi(entry.filename().c_str()); id > 0) return id;
  return 0;
}

TEST(Sandbox, EndsWhatHasLeftItsProcessGroup) {
  const auto seconds = "1000." + std::to_string(::getpid());
  const auto shown = confined("setsid sleep " + seconds + " </dev/null >/dev/null 2>&1 & sleep 0.2; exit 7");
  if (!shown) GTEST_SKIP() << "no sandbox here";
  EXPECT_EQ(process_with(std::string("sleep\0", 6) + seconds), 0);
}

TEST(Sandbox, EndsWithItsParentAlsoWhatHasLeftItsProcessGroup) {
  if (!confined("")) GTEST_SKIP() << "no sandbox here";
  for (const int signal : {SIGKILL, SIGTERM}) {
    const auto seconds = std::string("sleep\0", 6) + std::to_string(2000 + signal) + "." + std::to_string(::getpid());
    const pid_t child = ::fork();
    if (child == 0) {
      const Interrupt interrupt;
      static_cast<void>(confined("trap '' TERM; setsid sleep " + seconds.substr(6) + " & sleep 1000"));
      ::_exit(0);
    }
    EXPECT_TRUE(soon([&] { return process_with(seconds) != 0; }));
    ::kill(child, signal);
    ::waitpid(child, nullptr, 0);
    EXPECT_TRUE(soon([&] { return process_with(seconds) == 0; })) << signal;
  }
}

TEST(Sandbox, SeesNoOtherProcesses) {
  const auto shown = confined("exec 2>/dev/null; cat /proc/[0-9]*/comm");
  if (!shown) GTEST_SKIP() << "no sandbox here";
  EXPECT_EQ(*shown, "vgpukit-init\nsh\n");
}

TEST(Sandbox, CommandsThatRunAtTheSameTimeHaveDifferentIds) {
  if (!confined("")) GTEST_SKIP() << "no sandbox here";
  Command command;
  command.argv = {"sh", "-c", "echo $$"};
  command.confined = true;
  const auto outcomes = run_all({command, command}, 2);
  ASSERT_TRUE(outcomes);
  EXPECT_NE(outcomes->at(0).out, outcomes->at(1).out) << "conftest.sh writes to conftest$$.c";
}

// TIOCSTI types into the controlling terminal: root's shell would execute it.
TEST(Sandbox, HasNotTheCallersTerminal) {
  if (!confined("")) GTEST_SKIP() << "no sandbox here";
  int terminal = -1;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child == 0) {
    ::_exit(::isatty(STDIN_FILENO) == 1 && confined("cut -d' ' -f7 /proc/self/stat") == "0\n" ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(terminal);
  EXPECT_EQ(status, 0) << "tty_nr is not 0";
}

// A program of an earlier build still runs, with the same user, and exchanges a folder for a link.
TEST(BuildFolders, ALinkIsNotFollowedWhenTheyAreGiven) {
  if (::geteuid() != 0 || !build_user()) GTEST_SKIP() << "needs two users";
  const test::TempFolder folder;
  fs::permissions(folder.path(), fs::perms(0755));
  ASSERT_TRUE(write_file(folder / "secret/file", "password", 0600));
  ASSERT_TRUE(write_file(folder / "tree/a/file", "x"));
  const auto user = *build_user();
  ASSERT_TRUE(give_to_build_user(folder / "tree"));
  const pid_t attacker = ::fork();
  if (attacker == 0) {
    if (::setgid(user.gid) != 0 || ::setuid(user.uid) != 0) ::_exit(1);
    const auto a = folder / "tree/a", b = folder / "tree/b", link = folder / "tree/link";
    [[maybe_unused]] const int made = ::symlink((folder / "secret").c_str(), link.c_str());
    while (true)
      for (const auto& [from, to] : {std::pair(a, b), std::pair(link, a), std::pair(a, link), std::pair(b, a)})
        [[maybe_unused]] const int renamed = ::rename(from.c_str(), to.c_str());
  }
  struct stat info {};
  for (int i = 0; i < 2000 && info.st_uid == 0; ++i) {
    static_cast<void>(static_cast<bool>(give_to_build_user(folder / "tree")));
    ASSERT_EQ(::stat((folder / "secret/file").c_str(), &info), 0);
  }
  ::kill(attacker, SIGKILL);
  ::waitpid(attacker, nullptr, 0);
  EXPECT_EQ(info.st_uid, 0U);
}

TEST(BuildFolders, NobodyElseCanWriteAfterwards) {
  if (::geteuid() != 0 || !build_user()) GTEST_SKIP() << "needs two users";
  const test::TempFolder folder;
  fs::permissions(folder.path(), fs::perms(0755));
  fs::create_directories(folder / "tree/open");
  {
    const auto given = BuildFolder::give(folder / "tree");
    ASSERT_TRUE(given);
    ASSERT_TRUE(write_file(folder / "tree/open/file", "x"));
    fs::permissions(folder / "tree/open/file", fs::perms(0666));
    fs::permissions(folder / "tree/open", fs::perms(0777));
  }
  EXPECT_EQ(mode_of(folder / "tree/open"), 0755U);
  EXPECT_EQ(mode_of(folder / "tree/open/file"), 0644U);
  EXPECT_EQ(owner_of(folder / "tree/open/file"), ::geteuid());
}

// --- what a killed process leaves ---------------------------------------------------------------------------------

TEST(Leftovers, OfAKilledProcessAreRemovedByTheNextOne) {
  const test::TempFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    auto staged = StagedFolder::beside(folder / "out");
    if (staged) static_cast<void>(static_cast<bool>(write_file(staged->path() / "f", "x")));
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  ASSERT_EQ(entries_of(folder.path()).size(), 1U);
  auto staged = StagedFolder::beside(folder / "out");
  ASSERT_TRUE(staged);
  EXPECT_EQ(entries_of(folder.path()).size(), 1U) << "its own";
  // One that is in use stays.
  const auto other = StagedFolder::beside(folder / "out");
  EXPECT_TRUE(fs::exists(staged->path()));
  EXPECT_TRUE(staged->commit(false));
}

TEST(Leftovers, OfAFileThatIsPutBackAreRemoved) {
  const test::TempFolder folder;
  ASSERT_TRUE(write_file(folder / "etc/.x.conf.vgpukit-0123456789abcdef", "half"));
  HostPaths host;
  host.root = folder.path();
  const auto snapshot = Snapshot::keep(host, {"/etc/x.conf"}, folder / "snapshot");
  ASSERT_TRUE(snapshot && snapshot->restore());
  EXPECT_TRUE(entries_of(folder / "etc").empty());
}

TEST(Children, OfAKilledProcessDieWithAllThatTheyHaveStarted) {
  const test::TempFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    Command command;
    command.argv = {"sh", "-c", "sh -c 'echo $$ >" + (folder / "pid").string() + "; exec sleep 1000'; true"};
    static_cast<void>(static_cast<bool>(run(command)));
    ::_exit(0);
  }
  ASSERT_TRUE(soon([&] { return read_file(folder / "pid") && !read_file(folder / "pid")->empty(); }));
  const auto compiler = std::stoi(*read_file(folder / "pid"));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(soon([&] {
    const auto stat = read_file("/proc/" + std::to_string(compiler) + "/stat");
    return !stat || stat->find(") Z ") != std::string::npos;
  })) << "the grandchild runs";
}

TEST(Signals, EndAComputation) {
  for (const bool change : {false, true}) {
    const pid_t child = ::fork();
    if (child == 0) {
      const Interrupt interrupt;
      if (change) Interrupt::let_finish();
      ::raise(SIGTERM);
      const auto end = std::chrono::steady_clock::now() + (change ? 1500ms : 60'000ms);
      while (std::chrono::steady_clock::now() < end) {
      }
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WIFSIGNALED(status), !change) << "a change of the system is finished";
  }
}

// --- another root -------------------------------------------------------------------------------------------------

TEST(AnotherRoot, IsNotLeftThroughItsLinks) {
  const test::TempFolder folder;
  fs::create_directories(folder / "root/etc");
  fs::create_directories(folder / "outside");
  ASSERT_TRUE(write_file(folder / "outside/secret", "host"));
  fs::create_symlink(folder / "outside", folder / "root/etc/modprobe.d");
  fs::create_symlink(folder / "outside/secret", folder / "root/etc/file");
  fs::create_symlink("loop", folder / "root/etc/loop");
  HostPaths host;
  host.root = folder / "root";
  ASSERT_TRUE(write_file(host.in_root("/etc/modprobe.d/vgpukit.conf"), "ours"));
  EXPECT_EQ(entries_of(folder / "outside").size(), 1U) << "written outside of the root";
  EXPECT_TRUE(host.in_root("/etc/modprobe.d/x").string().starts_with(host.root.string() + "/"));
  EXPECT_FALSE(read_file(host.in_root("/etc/file"))) << "a file of the host is read";
  EXPECT_FALSE(read_file(host.in_root("/etc/loop")));
  Sysfs sysfs(host);
  EXPECT_NE(sysfs.read("/etc/file").error, 0);
  EXPECT_NE(sysfs.write("/etc/file", "x"), 0);
  EXPECT_EQ(read_file(folder / "outside/secret").value(), "host");
}

TEST(PlantedJournal, NamesNoPathOutsideOfTheRoot) {
  const test::TempFolder folder;
  HostPaths host;
  host.root = folder / "root";
  for (const auto* path : {"/..", "/etc/..", "/etc/../../outside", "etc", "/", "/./etc"}) {
    ASSERT_TRUE(write_file(host.root / "snapshot/snapshot.json",
                           nlohmann::json::array({{{"path", path}, {"there", false}, {"above", "/"}}}).dump()));
    EXPECT_FALSE(Snapshot::open(host, host.root / "snapshot")) << path;
  }
}

TEST(PlantedJournal, IsNotFollowedThroughALink) {
  const test::TempFolder folder;
  ASSERT_TRUE(write_file(folder / "outside/secret", "host"));
  HostPaths host;
  host.root = folder / "root";
  ASSERT_TRUE(
      write_file(host.root / "snapshot/snapshot.json", R"([{"path": "/etc/secret", "there": true, "above": "/"}])"));
  fs::create_directories(host.root / "snapshot/tree");
  fs::create_symlink(folder / "outside", host.root / "snapshot/tree/etc");
  const auto opened = Snapshot::open(host, host.root / "snapshot");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find("is a symbolic link"), std::string::npos);

  ChangeRules rules{host, host.root / "state", [](const nlohmann::json&, const OnStep&) { return Status(); }};
  ASSERT_TRUE(write_file(rules.journal(), R"({"what": "x", "phase": "committing", "record": null})"));
  fs::create_symlink(folder / "outside", rules.working());
  const auto lock = lock_changes(rules);
  ASSERT_FALSE(lock);
  EXPECT_NE(lock.error().message().find("working is a symbolic link"), std::string::npos) << lock.error().message();
  EXPECT_TRUE(fs::exists(folder / "outside/secret"));
}

TEST(PlantedJournal, OfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs two users";
  const test::TempFolder folder;
  ChangeRules rules{HostPaths{}, folder / "state", [](const nlohmann::json&, const OnStep&) { return Status(); }};
  ASSERT_TRUE(write_file(rules.journal(), R"({"what": "x", "phase": "committing", "record": null})"));
  ASSERT_EQ(::chown(rules.folder.c_str(), nobody, nobody), 0);
  EXPECT_FALSE(lock_changes(rules));
  EXPECT_TRUE(fs::exists(rules.journal()));
}

// --- limits -------------------------------------------------------------------------------------------------------

TEST(Limits, ANamedPipeAndADeviceAreNotRead) {
  const test::TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const auto& path : {folder / "pipe", fs::path("/dev/zero")}) {
    const auto text = read_file(path);
    ASSERT_FALSE(text) << path;
    EXPECT_NE(text.error().message().find("and no regular file"), std::string::npos) << text.error().message();
    EXPECT_FALSE(clone_file(path, folder / "copy"));
  }
  EXPECT_EQ(read_file("/dev/null").value(), "") << "VGPUKIT_CONFIG=/dev/null";
}

TEST(Limits, ThePipeOfAShellIsRead) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::thread writer([&] {
    std::this_thread::sleep_for(50ms);
    [[maybe_unused]] const auto wrote = ::write(ends[1], "text", 4);
    ::close(ends[1]);
  });
  const auto text = read_file("/proc/self/fd/" + std::to_string(ends[0]));
  writer.join();
  ::close(ends[0]);
  EXPECT_EQ(text.value(), "text");
}

TEST(Limits, ASparseFileIsNotRead) {
  const test::TempFolder folder;
  ASSERT_TRUE(write_file(folder / "sparse", ""));
  fs::resize_file(folder / "sparse", 1ULL << 40);
  const auto text = read_file(folder / "sparse");
  ASSERT_FALSE(text);
  EXPECT_NE(text.error().message().find("it is larger than 512 MiB"), std::string::npos) << text.error().message();
}

TEST(Limits, DeepJsonIsNoDocument) {
  EXPECT_TRUE(parse_json(std::string(200'000, '[')).is_discarded());
  EXPECT_TRUE(parse_json(std::string(200'000, '[') + std::string(200'000, ']')).is_discarded());
  EXPECT_EQ(parse_json(R"({"a": [1, {"b": 2}]})")["a"][1]["b"], 2);
  EXPECT_TRUE(parse_json("{").is_discarded());
}

TEST(Limits, AJournalOfAWrongTypeIsDamaged) {
  const test::TempFolder folder;
  ChangeRules rules{HostPaths{}, folder / "state", [](const nlohmann::json&, const OnStep&) { return Status(); }};
  for (const auto* text : {"[]", "3", R"({"what": 1, "phase": []})", R"({"what": {}, "phase": "changing"})"}) {
    ASSERT_TRUE(write_file(rules.journal(), text));
    EXPECT_FALSE(lock_changes(rules)) << text;
    static_cast<void>(unfinished_change(rules));
  }
}

}  // namespace trust_test
}  // namespace vgpukit
