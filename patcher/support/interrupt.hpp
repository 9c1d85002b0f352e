// Signals: SIGINT, SIGTERM and SIGHUP set a flag in place of ending the process.
#pragma once

namespace vgpukit {

// While one lives, the three signals set a flag and stop running commands. main makes one.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  // The signal that came, or 0.
  [[nodiscard]] static int caught();
  // From now on the process changes the system: a signal must not end it before the change is complete or undone.
  // Before, a signal ends a computation that does not look at caught() after 0.4 s of it.
  static void let_finish();
};

// A descriptor that becomes readable when a signal was caught and stays so; -1 while no Interrupt lives.
// For the event loop of process.cpp.
int interrupt_descriptor();

}  // namespace vgpukit
