// The adapter for Boost.Process v2, the only file that includes it. It must compile with 1.81 (header-only, and with
// the faults noted below) and with the compiled library of 1.86 and newer. Boost starts the program and reports why
// exec failed; waiting is ours (process_run.cpp), because Boost's wait gives neither the CPU time nor the process
// group.
#include "support/launch.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/process/v2/stdio.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <mutex>

#include "support/host_paths.hpp"
#include "support/log.hpp"

extern char** environ;

namespace vgpukit {

namespace {

namespace bp = boost::process::v2;

constexpr std::string_view fixed_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Where the child was when it failed. Sent through the errno that Boost carries back: stage * stage_unit + errno.
enum class Stage : int { exec = 0, group, user_namespace, change_root, change_folder };
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

// A context that is not told of the fork. Boost would tell it in the child, and Asio allocates memory to hear it: where
// another thread was allocating at that moment, only an allocator that looks after forks survives it (glibc's does,
// AddressSanitizer's in gcc 12 does not, and the child spun for ever). There is nothing to tell: it runs nothing.
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

// The Boost initializer that prepares the child. Everything that the child needs is made before the fork.
class ChildSetup {
 public:
  ChildSetup(const Command& command, char* const* environment)
      : root_(changes_root(command) ? command.root.string() : std::string()),
        proc_(root_ + "/proc"),
        proc_self_(root_ + "/proc/self"),
        dev_(root_ + "/dev"),
        dev_null_(root_ + "/dev/null"),
        cwd_(command.cwd.string()),
        environment_(environment),
        parent_(::getpid()),
        needs_namespace_(!root_.empty() && ::geteuid() != 0),
        uid_map_("0 " + std::to_string(::geteuid()) + " 1"),
        gid_map_("0 " + std::to_string(::getegid()) + " 1") {}

  template <class Launcher, class Path, class Args>
  bp::error_code on_setup(Launcher& launcher, const Path&, const Args&) {
    launcher.env = environment_;
    // Later Boosts close every descriptor that they are not told of.
    if (const int held = children_hold; held >= 0) launcher.fd_whitelist.push_back(held);
    return {};
  }

  template <class Launcher, class Path, class Args>
  bp::error_code on_exec_setup(Launcher&, const Path&, const Args&) {
    reset_signals();
    if (::setpgid(0, 0) != 0) return failed(Stage::group);
    if (needs_namespace_ && !enter_user_namespace()) return failed(Stage::user_namespace);
    if (!root_.empty()) show_proc_and_dev();
    // After the namespace, because a change of credentials clears it.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent_) ::_exit(127);  // the parent died before that
    if (!root_.empty()) {
      if (::chroot(root_.c_str()) != 0) return failed(Stage::change_root);
      if (::chdir("/") != 0) return failed(Stage::change_root);
    }
    if (!cwd_.empty() && ::chdir(cwd_.c_str()) != 0) return failed(Stage::change_folder);
    // Boost 1.81 closes only what is above its own pipe. Marked, not closed: that pipe is still needed.
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
  }

  bool enter_user_namespace() const {
    if (::unshare(CLONE_NEWUSER) != 0) return false;
    if (!write_file_now("/proc/self/setgroups", "deny")) return false;
    return write_file_now("/proc/self/uid_map", uid_map_) && write_file_now("/proc/self/gid_map", gid_map_);
  }

  // A kernel build wants /proc (objtool of 7.2 reads /proc/self/limits) and /dev/null, and a root folder that nobody
  // has booted has neither. They are mounted in a mount namespace that only this child sees and that ends with it.
  // Where that is not allowed (a container without CAP_SYS_ADMIN) the root has to bring its own.
  void show_proc_and_dev() const {
    if (::unshare(CLONE_NEWNS) != 0) return;
    // Without this, what we mount could show up on the host. Where we are in a chroot ourselves, whose root is no mount
    // point, the kernel refuses it (EINVAL): then at worst one mount of /proc stays behind in that root, which the test
    // below keeps from piling up.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 && errno != EINVAL) return;
    struct stat null_device {};
    if (::stat(proc_self_.c_str(), &null_device) != 0)
      ::mount("/proc", proc_.c_str(), nullptr, MS_BIND | MS_REC, nullptr);
    if (::stat(dev_null_.c_str(), &null_device) != 0 || !S_ISCHR(null_device.st_mode))
      ::mount("/dev", dev_.c_str(), nullptr, MS_BIND | MS_REC, nullptr);
  }

  // Boost 1.81 sends the errno of the moment, newer ones the error code: both carry the stage.
  static bp::error_code failed(Stage stage) {
    errno = static_cast<int>(stage) * stage_unit + errno;
    return {errno, bp::system_category()};
  }

  std::string root_;
  std::string proc_;
  std::string proc_self_;
  std::string dev_;
  std::string dev_null_;
  std::string cwd_;
  char* const* environment_;
  pid_t parent_;
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
    case Stage::group:
    case Stage::exec:
      break;
  }
  return {ErrorKind::missing, "run " + program, why, ""};
}

// A small clean environment: what a build prints and does must not depend on the user's shell.
std::map<std::string, std::string> environment_of(const Command& command) {
  std::map<std::string, std::string> env = {{"LC_ALL", "C.UTF-8"}};
  const auto take = [&](const char* name, const char* otherwise) {
    const char* value = std::getenv(name);
    if (value && *value)
      env[name] = value;
    else if (otherwise)
      env[name] = otherwise;
  };
  if (changes_root(command)) {
    // Folders of this machine mean nothing in another root.
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

// Standard input: a memory file, so that a child that does not read cannot block us, nor one that exits early kill us
// (SIGPIPE).
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

bool is_program(const fs::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

Result<Launched> launch(const Command& command) {
  if (command.argv.empty() || command.argv[0].empty())
    return Error{ErrorKind::usage, "run a command", "it is empty", ""};
  std::string words;
  for (const auto& word : command.argv) words += " " + word;
  log::debug("run" + (changes_root(command) ? " in " + command.root.string() : "") + ":" + words);
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

  std::vector<std::string> assignments;
  for (const auto& [name, value] : environment_of(command)) assignments.push_back(name + "=" + value);
  std::vector<char*> environment;
  for (auto& assignment : assignments) environment.push_back(assignment.data());
  environment.push_back(nullptr);
  const std::vector<std::string> arguments(command.argv.begin() + 1, command.argv.end());

  // Boost's own pipe is not close-on-exec from birth: a child of another thread, forked in between, would hold it open.
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  // A context of its own, so that the fork does not copy the descriptors that a running loop watches.
  Context context;
  bp::posix::default_launcher launcher;
  bp::error_code error;
  try {
    auto process = launcher(ContextExecutor(context), error, program, arguments,
                            bp::process_stdio{input.get(), out_write.get(), err_write.get()},
                            ChildSetup(command, environment.data()));
    process.detach();
  } catch (const std::exception&) {
    // The child runs, but Boost could not make a handle for it (a kernel without pidfd). We only need the pid.
    if (launcher.pid <= 0) return refuse(EAGAIN);
  }
  if (error) {
    if (launcher.pid > 0) ::waitpid(launcher.pid, nullptr, 0);  // 1.81 leaves a zombie
    return launch_error(command, program, error.value());
  }
  Launched launched;
  launched.pid = launcher.pid;
  launched.out = std::move(out_read);
  launched.err = std::move(err_read);
  return launched;
}

std::string shell_word(std::string_view word) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:=+-,@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos) return std::string(word);
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

std::string Outcome::last_error_line() const {
  const auto end = err.find_last_not_of(" \n");
  if (end == std::string::npos) return "";
  const auto newline = err.rfind('\n', end);
  const auto begin = newline == std::string::npos ? 0 : newline + 1;
  return err.substr(begin, end + 1 - begin);
}

void let_children_hold(int fd) {
  children_hold = fd;
}

int held_by_children() {
  return children_hold;
}

unsigned default_jobs() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  return static_cast<unsigned>(std::max(1L, online));
}

std::optional<fs::path> find_program(std::string_view name, const fs::path& root) {
  const bool elsewhere = root != "/";
  HostPaths paths;
  paths.root = root;
  const auto reachable = [&](const fs::path& inside) {
    if (!elsewhere) return is_program(inside);
    const auto real = paths.resolve(inside);
    return real && is_program(*real);
  };
  if (name.empty()) return std::nullopt;
  if (name.find('/') != std::string_view::npos) return reachable(name) ? std::optional<fs::path>(name) : std::nullopt;
  const char* ours = elsewhere ? nullptr : std::getenv("PATH");
  const std::string_view path = ours && *ours ? std::string_view(ours) : fixed_path;
  for (std::size_t pos = 0; pos <= path.size();) {
    const auto colon = std::min(path.find(':', pos), path.size());
    const auto folder = path.substr(pos, colon - pos);
    pos = colon + 1;
    // Relative entries would make the answer depend on the folder that we happen to be in.
    if (!folder.starts_with('/')) continue;
    const fs::path candidate = fs::path(folder) / name;
    if (reachable(candidate)) return candidate;
  }
  return std::nullopt;
}

}  // namespace vgpukit
