#include "support/process.hpp"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>

#include "support/host_paths.hpp"
#include "support/interrupt.hpp"
#include "support/launch.hpp"
#include "support/orphans.hpp"

namespace vgpukit {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using namespace std::chrono_literals;

constexpr auto grace = 2s;           // between SIGTERM and SIGKILL
constexpr auto short_grace = 400ms;  // the same when a signal has come: everything ends within a second
constexpr auto last_output = 500ms;  // after SIGKILL, for processes that left the group and hold a pipe
constexpr auto poll_interval = 10ms;

// Whether a process of the group still runs. kill() also finds members that are dead but not reaped, and in a container
// without an init nothing reaps orphans; /proc tells them apart.
bool group_runs(pid_t group) {
  if (::kill(-group, 0) != 0 && errno == ESRCH) return false;
  std::error_code error;
  bool any_read = false;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry->path() / "stat");
    std::string stat;
    if (!std::getline(file, stat)) continue;  // it ended in between
    any_read = true;
    // "pid (name) state ppid pgrp ...", where the name may hold anything
    std::istringstream rest(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
    char state = 0;
    pid_t parent = 0;
    pid_t its_group = 0;
    if (rest >> state >> parent >> its_group && its_group == group && state != 'Z' && state != 'X') return true;
  }
  return !any_read;  // without /proc the answer of kill() counts
}

// One running command. It is done when the process has ended, its output is read and its group is empty. Handlers hold
// it (shared_from_this), because a timer that has fired cannot be cancelled.
class Running : public std::enable_shared_from_this<Running> {
 public:
  Running(asio::io_context& context, const Command& command, Launched launched)
      : command_(command),
        pid_(launched.pid),
        out_{asio::posix::stream_descriptor(context, launched.out.release()), false, &outcome.out, {}, {}},
        err_{asio::posix::stream_descriptor(context, launched.err.release()), true, &outcome.err, {}, {}},
        exit_(context),
        poll_(context),
        deadline_(context),
        stop_(context) {}

  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  // The process still runs here only after an exception from on_line.
  ~Running() {
    if (group_gone_) return;
    ::kill(-pid_, SIGTERM);
    for (auto waited = 0ms; waited < grace && !leader_is_dead(); waited += poll_interval)
      std::this_thread::sleep_for(poll_interval);
    ::kill(-pid_, SIGKILL);
    while (!reaped_ && ::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    end_watch(pid_);
  }

  void start() {
    const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    if (fd >= 0) exit_.assign(fd);
    read(out_);
    read(err_);
    watch_exit();
    if (!command_.deadline) return;
    deadline_.expires_after(*command_.deadline);
    deadline_.async_wait([self = shared_from_this()](error_code error) {
      if (error || self->exited_) return;
      self->outcome.timed_out = true;
      self->stop();
    });
  }

  // Sends SIGTERM to the whole group, and SIGKILL 2 s later.
  void stop() {
    if (stopping_) return;
    stopping_ = true;
    ::kill(-pid_, SIGTERM);
    stop_.expires_after(Interrupt::caught() ? std::chrono::milliseconds(short_grace) : grace);
    stop_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->stop_hard();
    });
  }

  [[nodiscard]] bool done() const { return exited_ && !out_.stream.is_open() && !err_.stream.is_open() && group_gone_; }

  Outcome outcome;

 private:
  struct Stream {
    asio::posix::stream_descriptor stream;
    bool is_stderr;
    std::string* collected;
    std::string line;  // what came after the last newline
    std::array<char, 32 * 1024> buffer;
  };

  void stop_hard() {
    if (!group_gone_) ::kill(-pid_, SIGKILL);
    stop_.expires_after(last_output);
    stop_.async_wait([self = shared_from_this()](error_code error) {
      if (error) return;
      // A process that still holds a pipe has left the group (a daemon): it is not waited for.
      self->abandoned_ = true;
      self->finish(self->out_);
      self->finish(self->err_);
      self->watch_group();
    });
  }

  void read(Stream& from) {
    from.stream.async_read_some(asio::buffer(from.buffer),
                                [self = shared_from_this(), &from](error_code error, std::size_t bytes) {
                                  self->take(from, std::string_view(from.buffer.data(), bytes));
                                  if (!error) return self->read(from);
                                  self->finish(from);
                                });
  }

  void take(Stream& from, std::string_view bytes) const {
    if (command_.collect) from.collected->append(bytes);
    if (!command_.on_line) return;
    for (;;) {
      const auto newline = bytes.find('\n');
      if (newline == std::string_view::npos) break;
      from.line.append(bytes.substr(0, newline));
      command_.on_line(from.line, from.is_stderr);
      from.line.clear();
      bytes.remove_prefix(newline + 1);
    }
    from.line.append(bytes);
  }

  // The end of a stream: text after the last newline is a line, too.
  void finish(Stream& from) const {
    error_code ignored;
    if (from.stream.is_open()) from.stream.close(ignored);
    if (!from.line.empty() && command_.on_line) command_.on_line(from.line, from.is_stderr);
    from.line.clear();
  }

  // Does not reap the process: its id, which is the group's id, must not be given to another one yet.
  [[nodiscard]] bool leader_is_dead() const {
    if (reaped_) return true;
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
  }

  void watch_exit() {
    const auto check = [self = shared_from_this()](error_code error) {
      if (error) return;
      if (self->leader_is_dead())
        self->on_exit();
      else
        self->watch_exit();
    };
    if (exit_.is_open()) {
      exit_.async_wait(asio::posix::stream_descriptor::wait_read, check);
    } else {  // a kernel without pidfd (before 5.3)
      poll_.expires_after(poll_interval);
      poll_.async_wait(check);
    }
  }

  void on_exit() {
    exited_ = true;
    deadline_.cancel();
    stop();  // the other processes of its group end with it
    struct rusage used {};
    int status = 0;
    while (::wait4(pid_, &status, 0, &used) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    outcome.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    outcome.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
    watch_group();
  }

  // Waits until the group is empty, or until a process has survived SIGKILL (it hangs in the kernel).
  void watch_group() {
    if (group_gone_ || !exited_) return;
    if (abandoned_ || !group_runs(pid_)) {
      group_gone_ = true;
      end_watch(pid_);
      return;
    }
    poll_.expires_after(poll_interval);
    poll_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->watch_group();
    });
  }

  const Command& command_;
  pid_t pid_;
  Stream out_;
  Stream err_;
  asio::posix::stream_descriptor exit_;
  asio::steady_timer poll_;
  asio::steady_timer deadline_;
  asio::steady_timer stop_;
  bool stopping_ = false;
  bool exited_ = false;
  bool reaped_ = false;
  bool group_gone_ = false;
  bool abandoned_ = false;
};

Error interrupted(const Command& command) {
  return {ErrorKind::interrupted, "run " + (command.argv.empty() ? std::string("a command") : command.argv[0]),
          "interrupted", ""};
}

bool is_program(const fs::path& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

Result<std::vector<Outcome>> run_all(const std::vector<Command>& commands, unsigned jobs) {
  asio::io_context context(1);
  std::vector<Outcome> outcomes(commands.size());
  std::vector<std::shared_ptr<Running>> running(commands.size());
  std::optional<Error> error;
  std::size_t next = 0;
  std::size_t active = 0;

  const auto fail = [&](Error first) {
    if (!error) error = std::move(first);
    for (auto& one : running)
      if (one) one->stop();
  };

  // A signal wakes this loop through a copy of the pipe's end. The pipe is never read: other loops must see it, too.
  asio::posix::stream_descriptor signal(context);
  if (const int fd = interrupt_descriptor(); fd >= 0) {
    if (const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3); copy >= 0) {
      signal.assign(copy);
      signal.async_wait(asio::posix::stream_descriptor::wait_read, [&](error_code code) {
        if (!code && next > 0) fail(interrupted(commands[next - 1]));
      });
    }
  }

  while (active > 0 || (next < commands.size() && !error)) {
    while (!error && active < std::max(jobs, 1U) && next < commands.size()) {
      const Command& command = commands[next];
      if (Interrupt::caught()) {
        fail(interrupted(command));
        break;
      }
      auto launched = launch(command);
      if (!launched) {
        fail(launched.error());
        break;
      }
      running[next] = std::make_shared<Running>(context, command, std::move(*launched));
      running[next++]->start();
      ++active;
    }
    if (active == 0) continue;
    context.run_one();
    for (std::size_t i = 0; i < next; ++i) {
      if (!running[i] || !running[i]->done()) continue;
      outcomes[i] = std::move(running[i]->outcome);
      running[i].reset();
      --active;
    }
  }
  if (error) return *error;
  return outcomes;
}

Result<Outcome> run(const Command& command) {
  TRY_ASSIGN(auto outcomes, run_all({command}, 1));
  return std::move(outcomes.front());
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
    // A relative entry would make the result depend on the current folder.
    if (!folder.starts_with('/')) continue;
    const fs::path candidate = fs::path(folder) / name;
    if (reachable(candidate)) return candidate;
  }
  return std::nullopt;
}

}  // namespace vgpukit
