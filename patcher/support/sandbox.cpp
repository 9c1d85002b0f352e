#include "support/sandbox.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <system_error>

#include "support/descriptor.hpp"

namespace vgpukit {

namespace {

constexpr const char* own_user = "vgpukit";
constexpr uid_t overflow_user = 65534;    // nobody, also where /etc/passwd has none
constexpr std::size_t most_levels = 256;  // of folders: each takes a descriptor
// What a confined command has of /dev. NVIDIA's devices and /dev/kvm may be open to everybody.
constexpr std::array<const char*, 5> devices = {"null", "zero", "full", "random", "urandom"};
constexpr std::array<std::pair<const char*, const char*>, 4> device_links = {
    {{"/proc/self/fd", "fd"}, {"fd/0", "stdin"}, {"fd/1", "stdout"}, {"fd/2", "stderr"}}};

// Global state, because every command asks: the process is confined in the same way from its start to its end.
struct State {
  std::mutex mutex;
  bool off = false;
  std::string problem;                          // why the sandbox went off by itself
  std::vector<fs::path> needed;                 // what confined commands have to enter
  std::map<std::string, std::string> tried_in;  // root -> why it allows no namespaces; empty: it does
};
State& state() {
  static State all;
  return all;
}

const BuildUser& user_of_machine() {
  static const BuildUser user = [] {
    if (const passwd* own = ::getpwnam(own_user); own && own->pw_uid != 0)
      return BuildUser{own->pw_uid, own->pw_gid, own_user};
    if (const passwd* nobody = ::getpwnam("nobody"); nobody && nobody->pw_uid != 0)
      return BuildUser{nobody->pw_uid, nobody->pw_gid, "nobody"};
    return BuildUser{overflow_user, overflow_user, "nobody"};
  }();
  return user;
}

bool is_below(const fs::path& path, const fs::path& folder) {
  const auto relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

// The first folder on the way to `path` that the user may not enter; empty: there is none. Access lists are not looked
// at: a folder that only they open counts as closed.
fs::path closed_folder(const fs::path& path, const BuildUser& user) {
  fs::path at;
  for (const auto& word : path) {
    at /= word;
    struct stat info {};
    if (::stat(at.c_str(), &info) != 0) break;
    const mode_t bit = info.st_uid == user.uid ? S_IXUSR : info.st_gid == user.gid ? S_IXGRP : S_IXOTH;
    if (S_ISDIR(info.st_mode) && (info.st_mode & bit) == 0) return at;
  }
  return {};
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

constexpr mode_t others_write = S_IWGRP | S_IWOTH;

// Folders are opened, and no name is followed: a build that still runs could put a link in the place of a folder. A
// folder comes before what is in it. Others may not write there any more. Gives an errno, or 0.
int change_owner(int folder, uid_t uid, gid_t gid, std::size_t depth) {
  struct stat info {};
  if (::fchown(folder, uid, gid) != 0 || ::fstat(folder, &info) != 0) return errno;
  if ((info.st_mode & others_write) != 0 && ::fchmod(folder, info.st_mode & 07777U & ~others_write) != 0) return errno;
  const std::unique_ptr<DIR, CloseFolder> listed(
      ::fdopendir(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (!listed) return errno;
  while (const dirent* entry = ::readdir(listed.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const Descriptor below(::openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (below) {
      const int error = depth < most_levels ? change_owner(below.get(), uid, gid, depth + 1) : ELOOP;
      if (error != 0) return error;
      continue;
    }
    if (::fchownat(folder, entry->d_name, uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;
      return errno;
    }
    // A name is followed here. When the folder is root's again, nobody exchanges it.
    if (uid == 0 && ::fstatat(folder, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
        (info.st_mode & others_write) != 0)
      ::fchmodat(folder, entry->d_name, info.st_mode & 07777U & ~others_write, 0);
  }
  return 0;
}

Status change_owner(const fs::path& folder, uid_t uid, gid_t gid) {
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  const int error = opened ? change_owner(opened.get(), uid, gid, 0) : errno;
  if (error == 0) return {};
  return Error{ErrorKind::missing, "give " + folder.string() + " another owner", std::generic_category().message(error),
               "--no-sandbox builds as root"};
}

// Opens the mount of a path as one of its own, to be put elsewhere.
int open_mount(const char* path) {
  return static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
}

int set_attributes(const char* path, unsigned flags, std::uint64_t set, std::uint64_t clear) {
  mount_attr attributes{};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  return static_cast<int>(::syscall(SYS_mount_setattr, AT_FDCWD, path, flags, &attributes, sizeof attributes));
}

// Runs `works` in a child: whether the kernel allows something shows only when it is done. Gives an errno, or 0.
template <class Works>
int tried_in_child(Works works) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(works() ? 0 : errno & 0xff);
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
}

bool become(const BuildUser& user) {
  return ::setgroups(0, nullptr) == 0 && ::setresgid(user.gid, user.gid, user.gid) == 0 &&
         ::setresuid(user.uid, user.uid, user.uid) == 0;
}

}  // namespace

void turn_sandbox_off() {
  const std::lock_guard lock(state().mutex);
  state().off = true;
}

bool is_sandbox_off() {
  const std::lock_guard lock(state().mutex);
  return state().off;
}

std::optional<BuildUser> build_user() {
  if (::geteuid() != 0) return std::nullopt;
  const std::lock_guard lock(state().mutex);
  if (state().off || !state().problem.empty()) return std::nullopt;
  // In a container that maps no other user, root is the only one.
  static const int refused = tried_in_child([] { return become(user_of_machine()); });
  if (refused == 0) return user_of_machine();
  state().problem = "this container has no other user (" + std::string(std::strerror(refused)) + ")";
  return std::nullopt;
}

void sandbox_needs(const fs::path& folder) {
  const auto user = build_user();
  if (!user) return;
  std::error_code bad;
  const auto real = fs::weakly_canonical(folder, bad);
  const auto closed = closed_folder(bad ? folder : real, *user);
  const std::lock_guard lock(state().mutex);
  if (std::find(state().needed.begin(), state().needed.end(), real) == state().needed.end())
    state().needed.push_back(real);
  if (!closed.empty() && state().problem.empty())
    state().problem = "the user " + user->name + " cannot enter " + closed.string();
}

std::string sandbox_problem(const fs::path& root) {
  if (::geteuid() != 0) return "";
  const auto setup = SandboxSetup::make(root, {"/"}, {});
  if (!setup) {
    const std::lock_guard lock(state().mutex);
    if (state().off) return "--no-sandbox was given: make, conftest and the compilers had all rights of root";
    return state().problem + ": make, conftest and the compilers had all rights of root";
  }
  if (setup->namespaces_) return "";
  const std::lock_guard lock(state().mutex);
  return "this machine allows no namespaces (" + state().tried_in[setup->root_] + "): the build ran as " +
         setup->user_.name + ", but with the network and the whole file system";
}

SandboxLimits sandbox_limits() {
  constexpr std::uint64_t gib = 1ULL << 30;
  const auto pages = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 0L));
  const auto memory = pages * static_cast<std::uint64_t>(std::max(::sysconf(_SC_PAGESIZE), 0L));
  const auto processors = static_cast<std::uint64_t>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L));
  return {std::clamp(memory / 2, 2 * gib, 16 * gib), 1024 + 32 * processors, std::min(memory / 4, 4 * gib)};
}

Status give_to_build_user(const fs::path& folder) {
  const auto user = build_user();
  return user ? change_owner(folder, user->uid, user->gid) : Status();
}

Result<BuildFolder> BuildFolder::give(const fs::path& folder) {
  BuildFolder given;
  std::optional<BuildUser> user;
  {
    const AsSelf files;  // another folder may be given, too
    sandbox_needs(folder);
    user = build_user();
    if (!user) return given;
    TRY(change_owner(folder, user->uid, user->gid));
  }
  given.folder_ = folder;
  given.gid_before_ = static_cast<gid_t>(::setfsgid(user->gid));
  given.uid_before_ = static_cast<uid_t>(::setfsuid(user->uid));
  return given;
}

BuildFolder::~BuildFolder() {
  if (folder_.empty()) return;
  {
    const AsSelf files;
    // An entry that is not given back can only be removed, which root can.
    static_cast<void>(static_cast<bool>(change_owner(folder_, ::geteuid(), ::getegid())));
  }
  ::setfsgid(gid_before_);
  ::setfsuid(uid_before_);
}

AsSelf::AsSelf() : uid_before_(::setfsuid(::geteuid())), gid_before_(::setfsgid(::getegid())) {}

AsSelf::~AsSelf() {
  ::setfsgid(static_cast<gid_t>(gid_before_));
  ::setfsuid(static_cast<uid_t>(uid_before_));
}

// conftest.sh calls its files conftest$$.c, and several of it run in one folder: their ids have to differ, although
// each is in a namespace of its own.
PidNamespace::PidNamespace(bool wanted) {
  static std::atomic<unsigned> next = 0;
  command_ = static_cast<pid_t>(1000 + (static_cast<unsigned>(::getpid()) * 37 + next++) % 30000);
  if (!wanted) return;
  self_ = static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0));
  if (self_ < 0 || ::unshare(CLONE_NEWPID) != 0) error_ = errno;
}

PidNamespace::~PidNamespace() {
  if (self_ < 0) return;
  // The thread itself never left its namespace.
  if (error_ == 0) ::setns(self_, CLONE_NEWPID);
  ::close(self_);
}

bool PidNamespace::parent_has_ended() const {
  pollfd parent{self_, POLLIN, 0};
  return ::poll(&parent, 1, 0) > 0;
}

std::optional<SandboxSetup> SandboxSetup::make(const fs::path& root, const std::vector<fs::path>& entered,
                                               const std::vector<fs::path>& writable) {
  if (::geteuid() != 0) return std::nullopt;
  SandboxSetup setup;
  for (const auto& folder : entered) sandbox_needs((root.empty() ? "/" : root) / folder.relative_path());
  for (const auto& folder : writable) sandbox_needs((root.empty() ? "/" : root) / folder.relative_path());
  const auto user = build_user();
  if (!user) return std::nullopt;
  setup.user_ = *user;
  setup.root_ = root.empty() ? "/" : root.string();
  const auto here = [&](const fs::path& inside) { return fs::path(setup.root_) / inside.relative_path(); };
  std::vector<fs::path> used;
  {
    const std::lock_guard lock(state().mutex);
    used = state().needed;
  }
  for (const auto& folder : writable) {
    setup.writable_.push_back(here(folder).string());
    used.push_back(here(folder));
  }
  const auto is_used = [&](const fs::path& folder) {
    return std::any_of(used.begin(), used.end(), [&](const fs::path& each) { return is_below(each, folder); });
  };
  const auto is_temporary = [](std::string_view inside) { return inside.ends_with("tmp") || inside == "/run"; };
  const auto is_unused_folder = [&](const fs::path& inside) {
    struct stat info {};
    return ::lstat(here(inside).c_str(), &info) == 0 && S_ISDIR(info.st_mode) && !is_used(here(inside));
  };
  // A build's folder may itself be below /tmp or /var/tmp. /run, and what others have in /tmp, are sockets of programs
  // that would act for everybody who asks: a resolver looks up any name in the network.
  for (const auto* inside : {"/tmp", "/var/tmp", "/run", "/root", "/home", "/var/home"}) {
    if (!is_unused_folder(inside)) continue;
    if (setup.temporary_.empty() && is_temporary(inside)) {
      setup.temporary_ = inside;
      setup.temporary_here_ = here(inside).string();
    } else {
      setup.hidden_.push_back(here(inside).string());
    }
  }
  if (is_unused_folder("/dev")) {
    setup.dev_ = here("/dev").string();
    for (const auto* name : devices) setup.devices_.push_back(setup.dev_ + "/" + name);
    for (const auto& [to, name] : device_links) setup.device_links_.emplace_back(to, setup.dev_ + "/" + name);
  }
  // Only its own processes: those of others show their command lines.
  if (is_unused_folder("/proc")) setup.proc_ = here("/proc").string();
  if (setup.temporary_.empty()) setup.temporary_ = writable.empty() ? "/tmp" : writable.front().string();
  setup.limits_ = sandbox_limits();
  setup.temporary_options_ = "mode=0700,size=" + std::to_string(setup.limits_.temporary) +
                             ",uid=" + std::to_string(user->uid) + ",gid=" + std::to_string(user->gid);

  const std::lock_guard lock(state().mutex);
  auto [tried, fresh] = state().tried_in.try_emplace(setup.root_);
  if (fresh) {
    const PidNamespace own(true);
    const int error = own.error() != 0
                          ? own.error()
                          : tried_in_child([&] { return setup.enter_namespaces() && setup.leave_to_child(own); });
    if (error != 0) tried->second = std::strerror(error);
  }
  setup.namespaces_ = tried->second.empty();
  // Without a tmpfs of its own it uses that of everybody.
  if (!setup.namespaces_) setup.temporary_ = writable.empty() ? "/tmp" : writable.front().string();
  return setup;
}

bool SandboxSetup::enter_namespaces() const {
  // The thread may have the build user's rights to files (BuildFolder).
  ::setfsuid(0);
  ::setfsgid(0);
  // If the memory of the machine runs out, a build ends first, and no virtual machine.
  if (const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); fd >= 0) {
    [[maybe_unused]] const auto wrote = ::write(fd, "1000", 4);
    ::close(fd);
  }
  if (!namespaces_) return true;
  if (::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) != 0) return false;
  // Otherwise the mounts would appear on the host.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  const bool elsewhere = root_ != "/";
  if (elsewhere && ::mount(root_.c_str(), root_.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) return false;
  for (const auto& folder : writable_)
    if (::mount(folder.c_str(), folder.c_str(), nullptr, MS_BIND, nullptr) != 0) return false;
  if (!temporary_here_.empty() &&
      ::mount("tmpfs", temporary_here_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, temporary_options_.c_str()) != 0)
    return false;
  for (const auto& folder : hidden_)
    if (::mount("tmpfs", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700,size=4k,uid=0,gid=0") != 0)
      return false;
  if (!dev_.empty() && !replace_dev()) return false;
  if (!proc_.empty() && ::mount("proc", proc_.c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    return false;
  if (set_attributes(root_.c_str(), AT_RECURSIVE, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0) != 0) return false;
  for (const auto& folder : writable_)
    if (set_attributes(folder.c_str(), 0, 0, MOUNT_ATTR_RDONLY) != 0) return false;
  return temporary_here_.empty() || set_attributes(temporary_here_.c_str(), 0, 0, MOUNT_ATTR_RDONLY) == 0;
}

bool SandboxSetup::leave_to_child(const PidNamespace& own) const {
  if (!namespaces_) return true;
  clone_args arguments{};  // as fork(), with an id
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<std::uintptr_t>(&own.command_);
  arguments.set_tid_size = 1;
  const auto command = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
  if (command <= 0) return command == 0;
  ::prctl(PR_SET_NAME, "vgpukit-init");
  // It keeps root's rights, so that no program of the build can touch it.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (own.parent_has_ended()) ::_exit(127);
  ::close_range(0, ~0U, 0);
  for (;;) {
    int status = 0;
    const pid_t ended = ::wait(&status);
    if (ended == command) ::_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    if (ended < 0 && errno != EINTR) ::_exit(127);
  }
}

bool SandboxSetup::replace_dev() const {
  std::array<int, devices.size()> mounts{};
  for (std::size_t i = 0; i < devices_.size(); ++i) mounts[i] = open_mount(devices_[i].c_str());
  if (::mount("tmpfs", dev_.c_str(), "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=64k,uid=0,gid=0") != 0)
    return false;
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    if (mounts[i] < 0) continue;  // a root without it
    const int made = ::open(devices_[i].c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
    if (made < 0) return false;
    ::close(made);
    if (::syscall(SYS_move_mount, mounts[i], "", AT_FDCWD, devices_[i].c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
      return false;
    ::close(mounts[i]);
  }
  for (const auto& [to, name] : device_links_)
    if (::symlink(to.c_str(), name.c_str()) != 0) return false;
  return true;
}

bool SandboxSetup::change_user() const {
  const auto limit = [](auto what, rlim_t most) {
    rlimit now{};
    if (::getrlimit(what, &now) != 0) return;
    now.rlim_max = std::min(now.rlim_max, most);
    now.rlim_cur = std::min(now.rlim_cur, now.rlim_max);
    ::setrlimit(what, &now);
  };
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_DATA, limits_.memory);
  limit(RLIMIT_NPROC, limits_.processes);
  if (!become(user_) || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  // Whoever has the caller's session keyring can use its keys. A kernel without keys has none.
  ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr);
  return true;
}

}  // namespace vgpukit
