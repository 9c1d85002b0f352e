// Takes root's rights from the code of driver packages: when root builds, make, conftest and the compilers
// (Command::confined) run as another user, see the system read-only, and have no network, no /root and no /home.
//
// The user is the system user "vgpukit" of the packages, or nobody. The means are those of bubblewrap (namespaces,
// read-only mounts, a new tmpfs as TMPDIR and HOME, a small /dev, a new session, an init, no_new_privs), set up in the
// child itself, because it has to work inside of another root folder, too. A machine that allows no namespaces (some
// containers) still changes the user. docs/security.md describes what this keeps out and what not.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/result.hpp"

namespace vgpukit {

namespace fs = std::filesystem;

struct BuildUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
};

// Turns the sandbox off for this process (--no-sandbox).
void turn_sandbox_off();
// Whether --no-sandbox was given: for the vgpukit of a matrix cell.
bool is_sandbox_off();
// The user that confined commands get; nothing if this process is not root, or the sandbox is off.
std::optional<BuildUser> build_user();
// To be called for each folder, as this process reaches it, that confined commands need to enter. If their user cannot
// do that, the sandbox goes off. What is needed below /home or /root stays visible.
void sandbox_needs(const fs::path& folder);
// What confined commands below `root` have of root's rights or of the system, for the report; empty: the sandbox is
// complete, or this process is not root.
std::string sandbox_problem(const fs::path& root);

// What a confined command may use: much more than the build of any driver, computed from the machine.
struct SandboxLimits {
  std::uint64_t memory = 0;     // bytes of one process (RLIMIT_DATA)
  std::uint64_t processes = 0;  // of the build user at a time
  std::uint64_t temporary = 0;  // bytes of the new /tmp
};
SandboxLimits sandbox_limits();

// While one lives, a folder with all that is in it belongs to the build user, and this thread has that user's rights to
// files: what a build has put into its folder (a link in the place of a folder) cannot make root write elsewhere.
// Afterwards all of it is root's again. Does nothing without a build user.
class BuildFolder {
 public:
  // Error: missing. Links in the folder are not followed.
  static Result<BuildFolder> give(const fs::path& folder);
  BuildFolder(BuildFolder&& other) noexcept
      : folder_(std::exchange(other.folder_, {})), uid_before_(other.uid_before_), gid_before_(other.gid_before_) {}
  BuildFolder& operator=(BuildFolder&&) = delete;
  ~BuildFolder();

 private:
  BuildFolder() = default;
  fs::path folder_;  // empty: there is no build user
  uid_t uid_before_ = 0;
  gid_t gid_before_ = 0;
};

// Gives a folder to the build user for good.
Status give_to_build_user(const fs::path& folder);

// While one lives, this thread has its own rights again: for a cache that only root may write.
class AsSelf {
 public:
  AsSelf();
  ~AsSelf();
  AsSelf(const AsSelf&) = delete;
  AsSelf& operator=(const AsSelf&) = delete;

 private:
  int uid_before_, gid_before_;
};

// While one lives, the next child of this thread is the first process of a namespace: the kernel ends all that the
// child has started, also what has left its process group, when the child ends.
class PidNamespace {
 public:
  explicit PidNamespace(bool wanted);
  ~PidNamespace();
  PidNamespace(const PidNamespace&) = delete;
  PidNamespace& operator=(const PidNamespace&) = delete;
  [[nodiscard]] int error() const { return error_; }  // an errno, or 0
  // In the child.
  [[nodiscard]] bool parent_has_ended() const;

 private:
  int self_ = -1;  // a pidfd of this process
  int error_ = 0;
  pid_t command_;  // the id of the command in the namespace
  friend class SandboxSetup;
};

// What a child has to do before it executes a confined command. It is made before the fork, and enter() allocates
// nothing.
class SandboxSetup {
 public:
  // `root`: the root folder, or empty. `entered`: folders as seen from inside it that the command needs, `writable`:
  // those that it writes to. Nothing without a build user.
  static std::optional<SandboxSetup> make(const fs::path& root, const std::vector<fs::path>& entered,
                                          const std::vector<fs::path>& writable);
  // TMPDIR and HOME of the command, as seen from inside the root.
  [[nodiscard]] const std::string& temporary() const { return temporary_; }
  // False: the machine allows no namespaces.
  [[nodiscard]] bool has_namespaces() const { return namespaces_; }
  // In the child, which is in a PidNamespace and has a session of its own (else it could type into the caller's
  // terminal), before chroot(). False: errno says why.
  [[nodiscard]] bool enter_namespaces() const;
  // In the child: goes on in a child of it, and waits for that one to the end, as an init does.
  [[nodiscard]] bool leave_to_child(const PidNamespace& own) const;
  // In the child, after chroot().
  [[nodiscard]] bool change_user() const;

 private:
  bool replace_dev() const;

  std::string root_;  // "/" for this machine's
  std::vector<std::string> writable_, hidden_, devices_;
  std::vector<std::pair<std::string, std::string>> device_links_;  // what it leads to, its path
  std::string temporary_, temporary_here_, temporary_options_, dev_, proc_;
  SandboxLimits limits_;
  BuildUser user_;
  bool namespaces_ = true;
  friend std::string sandbox_problem(const fs::path& root);
};

}  // namespace vgpukit
