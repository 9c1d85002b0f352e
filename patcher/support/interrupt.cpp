#include "support/interrupt.hpp"

#include <fcntl.h>
#include <signal.h>
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
  std::array<struct sigaction, signals.size()> before{};
};
Caught caught_state;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

void on_signal(int signal) {
  const int saved = errno;
  int none = 0;
  // The byte is never read, so the descriptor stays readable for every loop that waits on it.
  if (caught_state.signal.compare_exchange_strong(none, signal)) {
    [[maybe_unused]] const auto wrote = ::write(caught_state.write_end, "x", 1);
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
  const int read_end = caught_state.read_end.exchange(-1);
  const int write_end = caught_state.write_end.exchange(-1);
  if (read_end >= 0) ::close(read_end);
  if (write_end >= 0) ::close(write_end);
  caught_state.signal = 0;
}

int Interrupt::caught() {
  return caught_state.signal;
}

}  // namespace vgpukit
