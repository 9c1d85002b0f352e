#include "support/interrupt.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

namespace vgpukit {

namespace {

constexpr std::array signals = {SIGINT, SIGTERM, SIGHUP};

// Global state, because a signal handler reaches nothing else.
struct Caught {
  std::atomic<int> signal = 0;
  std::atomic<int> read_end = -1;
  std::atomic<int> write_end = -1;
  std::atomic<bool> let_finish = false;
  std::array<struct sigaction, signals.size()> before{};
};
Caught caught_state;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

// Of the process's own computing (ITIMER_VIRTUAL): waiting for children and cleaning up do not count.
constexpr itimerval longest_computation = {{0, 0}, {0, 400'000}};

// A computation goes on after a signal. What it leaves on disk, the next command removes.
void on_timer(int /*signal*/) {
  const int caught = caught_state.signal;
  if (caught == 0 || caught_state.let_finish) return;
  ::signal(caught, SIG_DFL);
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, caught);
  ::pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
  ::raise(caught);
}

void on_signal(int signal) {
  const int saved = errno;
  int none = 0;
  // The byte is never read, so the descriptor stays readable for every loop that waits on it.
  if (caught_state.signal.compare_exchange_strong(none, signal)) {
    [[maybe_unused]] const auto wrote = ::write(caught_state.write_end, "x", 1);
    if (!caught_state.let_finish) ::setitimer(ITIMER_VIRTUAL, &longest_computation, nullptr);
  }
  errno = saved;
}

}  // namespace

int interrupt_descriptor() {
  return caught_state.read_end;
}

Interrupt::Interrupt() {
  std::array<int, 2> ends{-1, -1};
  // Without a pipe (no descriptors left) the flag still works, but running commands are not stopped at once.
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) ends = {-1, -1};
  caught_state.signal = 0;
  caught_state.read_end = ends[0];
  caught_state.write_end = ends[1];
  caught_state.let_finish = false;
  struct sigaction timer {};
  timer.sa_handler = on_timer;
  timer.sa_flags = SA_RESTART;
  ::sigaction(SIGVTALRM, &timer, nullptr);
  struct sigaction action {};
  action.sa_handler = on_signal;
  ::sigfillset(&action.sa_mask);
  // No SA_RESTART: a wait for a lock must return to see the flag.
  for (std::size_t i = 0; i < signals.size(); ++i) {
    ::sigaction(signals[i], nullptr, &caught_state.before[i]);
    // A signal that the parent (nohup) ignores stays ignored.
    if (caught_state.before[i].sa_handler != SIG_IGN) ::sigaction(signals[i], &action, nullptr);
  }
}

Interrupt::~Interrupt() {
  for (std::size_t i = 0; i < signals.size(); ++i) ::sigaction(signals[i], &caught_state.before[i], nullptr);
  constexpr itimerval never = {};
  ::setitimer(ITIMER_VIRTUAL, &never, nullptr);
  const int read_end = caught_state.read_end.exchange(-1);
  const int write_end = caught_state.write_end.exchange(-1);
  if (read_end >= 0) ::close(read_end);
  if (write_end >= 0) ::close(write_end);
  caught_state.signal = 0;
}

void Interrupt::let_finish() {
  caught_state.let_finish = true;
}

int Interrupt::caught() {
  return caught_state.signal;
}

}  // namespace vgpukit
