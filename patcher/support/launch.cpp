#include "support/launch.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/process/v2/stdio.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "support/log.hpp"
#include "support/orphans.hpp"
#include "support/sandbox.hpp"
#include "support/text.hpp"

extern char** environ;

namespace vgpukit {

namespace {

namespace bp = boost::process::v2;

// What the child did when it failed. Boost sends one number to the parent: stage * stage_unit + errno.
enum class Stage : int { exec = 0, group, user_namespace, change_root, change_folder, sandbox, change_user };
constexpr int stage_unit = 10000;

std::atomic<int> children_hold = -1;

bool changes_root(const Command& command) {
  return !command.root.empty() && command.root != "/";
}

bool write_file_now(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool all = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int saved = errno;
  ::close(fd);
  errno = saved;
  return all;
}

// A context without Asio's fork notification. Boost sends it in the child, and Asio allocates memory then. If another
// thread was allocating during the fork, the allocator's lock is held for ever in the child (AddressSanitizer's of gcc
// 12; glibc's handles forks). The context runs nothing, so nothing needs the notification.
class Context : public boost::asio::io_context {
 public:
  void notify_fork(fork_event /*event*/) {}
};

class ContextExecutor {
 public:
  explicit ContextExecutor(Context& context) noexcept : context_(&context) {}
  [[nodiscard]] Context& query(boost::asio::execution::context_t /*property*/) const noexcept { return *context_; }
  template <class Function>
  void execute(Function&& function) const {
    context_->get_executor().execute(std::forward<Function>(function));
  }
  friend bool operator==(const ContextExecutor& a, const ContextExecutor& b) noexcept {
    return a.context_ == b.context_;
  }
  friend bool operator!=(const ContextExecutor& a, const ContextExecutor& b) noexcept {
    return a.context_ != b.context_;
  }

 private:
  Context* context_;
};

// The Boost initializer that prepares the child. The child allocates nothing: all that it needs is made before the
// fork.
class ChildSetup {
 public:
  ChildSetup(const Command& command, char* const* environment, const std::optional<SandboxSetup>& sandbox,
             const PidNamespace& own, int watcher)
      : sandbox_(sandbox ? &*sandbox : nullptr),
        own_(&own),
        root_(changes_root(command) ? command.root.string() : std::string()),
        proc_(root_ + "/proc"),
        proc_self_(root_ + "/proc/self"),
        dev_(root_ + "/dev"),
        dev_null_(root_ + "/dev/null"),
        cwd_(command.cwd.string()),
        environment_(environment),
        parent_(::getpid()),
        watch_socket_(watcher),
        needs_namespace_(!root_.empty() && ::geteuid() != 0),
        uid_map_("0 " + std::to_string(::geteuid()) + " 1"),
        gid_map_("0 " + std::to_string(::getegid()) + " 1") {}

  template <class Launcher, class Path, class Args>
  bp::error_code on_setup(Launcher& launcher, const Path&, const Args&) {
    launcher.env = environment_;
    // Newer Boosts close every descriptor that is not in this list.
    if (const int held = children_hold; held >= 0) launcher.fd_whitelist.push_back(held);
    return {};
  }

  template <class Launcher, class Path, class Args>
  bp::error_code on_exec_setup(Launcher&, const Path&, const Args&) {
    reset_signals();
    // A confined command that had the caller's terminal could type commands into the caller's shell (TIOCSTI).
    if (sandbox_ ? ::setsid() < 0 : ::setpgid(0, 0) != 0) return failed(Stage::group);
    // Otherwise the kernel ends them.
    const bool alone = sandbox_ && sandbox_->has_namespaces();
    if (!alone) watch_this_group(watch_socket_);
    if (needs_namespace_ && !enter_user_namespace()) return failed(Stage::user_namespace);
    if (!root_.empty()) show_proc_and_dev();
    if (sandbox_ && (!sandbox_->enter_namespaces() || !sandbox_->leave_to_child(*own_))) return failed(Stage::sandbox);
    if (!root_.empty()) {
      if (::chroot(root_.c_str()) != 0) return failed(Stage::change_root);
      if (::chdir("/") != 0) return failed(Stage::change_root);
    }
    if (sandbox_ && !sandbox_->change_user()) return failed(Stage::change_user);
    // After the namespaces and the user, because a change of credentials clears it.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!alone && ::getppid() != parent_) ::_exit(127);  // the parent died before prctl
    if (!cwd_.empty() && ::chdir(cwd_.c_str()) != 0) return failed(Stage::change_folder);
    // Boost 1.81 closes only what is above its own pipe. Its pipe is still needed: mark the descriptors, don't close
    // them.
    ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    if (const int held = children_hold; held >= 0) ::fcntl(held, F_SETFD, 0);
    return {};
  }

  // Boost would call exit(), which runs the parent's destructors and flushes its buffers a second time, in the child.
  // (1.81 tests for one signature and calls another, hence the dots.)
  template <class... Args>
  void on_exec_error(Args&&...) {
    ::_exit(127);
  }

 private:
  static void reset_signals() {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::signal(SIGXFSZ, SIG_DFL);
  }

  bool enter_user_namespace() const {
    if (::unshare(CLONE_NEWUSER) != 0) return false;
    if (!write_file_now("/proc/self/setgroups", "deny")) return false;
    return write_file_now("/proc/self/uid_map", uid_map_) && write_file_now("/proc/self/gid_map", gid_map_);
  }

  // A kernel build needs /proc (objtool of 7.2 reads /proc/self/limits) and /dev/null, and a root folder that is not
  // booted has neither. They are mounted in a mount namespace of this child. If that is not allowed (a container
  // without CAP_SYS_ADMIN), the root must have its own.
  void show_proc_and_dev() const {
    if (::unshare(CLONE_NEWNS) != 0) return;
    // Otherwise the mounts could appear on the host. In a chroot whose root is no mount point the kernel refuses this
    // (EINVAL): then at most one mount of /proc remains in that root, because of the stat() below.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 && errno != EINVAL) return;
    struct stat null_device {};
    if (::stat(proc_self_.c_str(), &null_device) != 0)
      ::mount("/proc", proc_.c_str(), nullptr, MS_BIND | MS_REC, nullptr);
    if (::stat(dev_null_.c_str(), &null_device) != 0 || !S_ISCHR(null_device.st_mode))
      ::mount("/dev", dev_.c_str(), nullptr, MS_BIND | MS_REC, nullptr);
  }

  // Boost 1.81 sends errno to the parent, newer versions send the error code: set both.
  static bp::error_code failed(Stage stage) {
    errno = static_cast<int>(stage) * stage_unit + errno;
    return {errno, bp::system_category()};
  }

  const SandboxSetup* sandbox_;
  const PidNamespace* own_;
  std::string root_;
  std::string proc_;
  std::string proc_self_;
  std::string dev_;
  std::string dev_null_;
  std::string cwd_;
  char* const* environment_;
  pid_t parent_;
  int watch_socket_;
  bool needs_namespace_;
  std::string uid_map_;
  std::string gid_map_;
};

Error launch_error(const Command& command, const std::string& program, int code) {
  const auto stage = static_cast<Stage>(code / stage_unit);
  const std::string why = std::strerror(code % stage_unit);
  switch (stage) {
    case Stage::user_namespace:
    case Stage::change_root:
      return {ErrorKind::missing, "enter the root folder " + command.root.string(), why,
              ::geteuid() == 0 ? "this needs CAP_SYS_CHROOT; run vgpukit outside of a restricted container"
                               : "run vgpukit as root, or allow unprivileged user namespaces (sysctl "
                                 "kernel.unprivileged_userns_clone=1; on "
                                 "Ubuntu kernel.apparmor_restrict_unprivileged_userns=0)"};
    case Stage::change_folder:
      return {ErrorKind::missing, "run " + program, "cannot enter the folder " + command.cwd.string() + ": " + why, ""};
    case Stage::sandbox:
    case Stage::change_user:
      return {ErrorKind::missing, "run " + program + " without root's rights", why,
              "--no-sandbox runs it as root; docs/security.md says what that means"};
    case Stage::group:
    case Stage::exec:
      break;
  }
  return {ErrorKind::missing, "run " + program, why, ""};
}

// A small clean environment: a build must not depend on the user's shell.
std::map<std::string, std::string> environment_of(const Command& command, const std::optional<SandboxSetup>& sandbox) {
  std::map<std::string, std::string> env = {{"LC_ALL", "C.UTF-8"}};
  const auto take = [&](const char* name, const char* otherwise) {
    const char* value = std::getenv(name);
    if (value && *value)
      env[name] = value;
    else if (otherwise)
      env[name] = otherwise;
  };
  if (sandbox) {
    // Nothing of the caller's: a configuration of ccache in his HOME names programs to run.
    env["PATH"] = fixed_path;
    env["HOME"] = env["TMPDIR"] = sandbox->temporary();
  } else if (changes_root(command)) {
    // Folders of this machine may not exist in another root.
    env["PATH"] = fixed_path;
    env["HOME"] = "/root";
  } else {
    take("PATH", fixed_path.data());
    take("HOME", "/");
    take("TMPDIR", nullptr);
    for (char** entry = environ; *entry; ++entry) {
      const std::string_view text = *entry;
      const auto equals = text.find('=');
      if (text.starts_with("CCACHE_") && equals != std::string_view::npos)
        env[std::string(text.substr(0, equals))] = text.substr(equals + 1);
    }
  }
  for (const auto& [name, value] : command.env) env[name] = value;
  if (!command.path_first.empty()) env["PATH"] = command.path_first + ":" + env["PATH"];
  return env;
}

// Standard input is a memory file: a child that does not read cannot block the caller, and one that exits early cannot
// kill it (SIGPIPE).
int open_input(const std::string& input) {
  if (input.empty()) return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int fd = ::memfd_create("vgpukit-input", MFD_CLOEXEC);
  if (fd < 0) return -1;
  std::string_view rest = input;
  while (!rest.empty()) {
    const auto wrote = ::write(fd, rest.data(), rest.size());
    if (wrote <= 0) {
      ::close(fd);
      return -1;
    }
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
  ::lseek(fd, 0, SEEK_SET);
  return fd;
}

}  // namespace

Result<Launched> launch(const Command& command) {
  if (command.argv.empty() || command.argv[0].empty())
    return Error{ErrorKind::usage, "run a command", "it is empty", ""};
  log::debug("run" + (changes_root(command) ? " in " + command.root.string() : "") + ": " + join(command.argv, " "));
  std::string program = command.argv[0];
  if (program.find('/') == std::string::npos) {
    const auto found = find_program(program, changes_root(command) ? command.root : fs::path("/"));
    if (!found)
      return Error{
          ErrorKind::missing, "run " + program,
          "there is no such program in PATH" + (changes_root(command) ? " of " + command.root.string() : std::string()),
          ""};
    program = found->string();
  }

  std::array<int, 2> out{-1, -1};
  std::array<int, 2> err{-1, -1};
  const auto refuse = [&](int error) { return Error{ErrorKind::missing, "run " + program, std::strerror(error), ""}; };
  if (::pipe2(out.data(), O_CLOEXEC) != 0) return refuse(errno);
  Descriptor out_read(out[0]);
  const Descriptor out_write(out[1]);
  if (::pipe2(err.data(), O_CLOEXEC) != 0) return refuse(errno);
  Descriptor err_read(err[0]);
  const Descriptor err_write(err[1]);
  const Descriptor input(open_input(command.input));
  if (input.get() < 0) return refuse(errno);

  const auto sandbox =
      command.confined
          ? SandboxSetup::make(command.root, {fs::path(program).parent_path(), command.cwd}, command.writable)
          : std::nullopt;
  std::vector<std::string> assignments;
  for (const auto& [name, value] : environment_of(command, sandbox)) assignments.push_back(name + "=" + value);
  std::vector<char*> environment;
  for (auto& assignment : assignments) environment.push_back(assignment.data());
  environment.push_back(nullptr);
  const std::vector<std::string> arguments(command.argv.begin() + 1, command.argv.end());

  // Boost opens its pipe without O_CLOEXEC: a child that another thread forks at that moment would keep it open.
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  // A separate context: the fork must not copy the descriptors that a running loop watches.
  Context context;
  bp::posix::default_launcher launcher;
  bp::error_code error;
  const int watcher = watch_socket();  // it may fork, too
  const PidNamespace own(sandbox && sandbox->has_namespaces());
  if (own.error() != 0) return refuse(own.error());
  try {
    auto process = launcher(ContextExecutor(context), error, program, arguments,
                            bp::process_stdio{input.get(), out_write.get(), err_write.get()},
                            ChildSetup(command, environment.data(), sandbox, own, watcher));
    process.detach();
  } catch (const std::exception&) {
    // The child runs, but Boost could not make a handle for it (a kernel without pidfd). The pid is enough.
    if (launcher.pid <= 0) return refuse(EAGAIN);
  }
  if (error) {
    if (launcher.pid > 0) {
      end_watch(launcher.pid);
      ::waitpid(launcher.pid, nullptr, 0);  // 1.81 leaves a zombie
    }
    return launch_error(command, program, error.value());
  }
  Launched launched;
  launched.pid = launcher.pid;
  launched.out = std::move(out_read);
  launched.err = std::move(err_read);
  return launched;
}

void let_children_hold(int fd) {
  children_hold = fd;
}

int held_by_children() {
  return children_hold;
}

}  // namespace vgpukit
