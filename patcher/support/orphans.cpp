#include "support/orphans.hpp"

#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>

namespace vgpukit {

namespace {

// More commands than any run has at once; a further one is not watched.
constexpr std::size_t most_groups = 1024;

// The watching process: reads group ids (negative: no longer watched) until the other end of the socket is closed,
// which is when this process ends. It may be a fork of a process with threads, so it allocates nothing.
[[noreturn]] void watch(int from) {
  static std::array<pid_t, most_groups> groups{};
  ::prctl(PR_SET_NAME, "vgpukit-watch");
  ::setsid();  // otherwise Ctrl-C would end it first
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_IGN);
  // It must hold neither a lock nor the caller's terminal or pipe.
  if (from != 3) {
    ::dup2(from, 3);
    ::close(from);
  }
  ::close_range(4, ~0U, 0);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::close(standard);
  pid_t id = 0;
  for (ssize_t got = 0; (got = ::read(3, &id, sizeof id)) != 0;) {
    if (got < 0 && errno == EINTR) continue;
    if (got != sizeof id) break;
    const pid_t find = id > 0 ? 0 : -id;
    for (auto& group : groups) {
      if (group != find) continue;
      group = id > 0 ? id : 0;
      break;
    }
  }
  for (const auto group : groups)
    if (group > 0) ::kill(-group, SIGKILL);
  ::_exit(0);
}

class Watcher {
 public:
  static Watcher& get() {
    static Watcher watcher;
    return watcher;
  }

  int socket() {
    const std::lock_guard lock(mutex_);
    // A child of fork() (tests) needs a watcher of its own.
    if (owner_ != ::getpid()) start();
    return socket_;
  }

 private:
  void start() {
    owner_ = ::getpid();
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return;
    const pid_t between = ::fork();
    if (between == 0) {
      ::close(ends[1]);
      // A grandchild: this process has no child that it does not know of.
      if (::fork() == 0) watch(ends[0]);
      ::_exit(0);
    }
    ::close(ends[0]);
    if (between < 0) {
      ::close(ends[1]);
      return;
    }
    while (::waitpid(between, nullptr, 0) < 0 && errno == EINTR) {
    }
    socket_ = ends[1];
  }

  std::mutex mutex_;
  pid_t owner_ = -1;
  int socket_ = -1;
};

}  // namespace

int watch_socket() {
  return Watcher::get().socket();
}

void watch_this_group(int socket) {
  const pid_t group = ::getpid();
  if (socket >= 0) [[maybe_unused]]
    const auto sent = ::send(socket, &group, sizeof group, MSG_NOSIGNAL);
}

void end_watch(pid_t group) {
  const pid_t gone = -group;
  // If the watcher is gone, there is nothing to do about it.
  if (const int socket = watch_socket(); socket >= 0) [[maybe_unused]]
    const auto sent = ::send(socket, &gone, sizeof gone, MSG_NOSIGNAL);
}

}  // namespace vgpukit
