// Progress of a long command: a line that is rewritten on a terminal. Without one, a build has a line every 20 seconds.
#pragma once

#include <unistd.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "build/build_tree.hpp"
#include "driver/driver.hpp"

namespace vgpukit::cli {

// "compiling [########------------] 75/187, 25 s left, nvidia/nv.c". `seconds`: since the phase began.
std::string progress_text(const build::BuildProgress& state, double seconds, bool with_bar);

class Progress {
 public:
  // `fd`: of the terminal.
  Progress(std::string title, bool terminal, int fd = STDERR_FILENO)
      : title_(std::move(title)), terminal_(terminal), fd_(fd) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }
  void show(const build::BuildProgress& state);
  void show(const driver::PackageProgress& state);  // at most ten times a second
  void say(std::string_view text);                  // a line that stays on stderr
  void clear();
  std::function<void(std::string_view)> on_line;  // gets the lines of a build without a terminal, as stderr does

 private:
  using Clock = std::chrono::steady_clock;
  void write(const std::string& line);
  void put(const std::string& text) const;
  std::string title_;
  bool terminal_;
  int fd_;
  bool shown_ = false;
  std::optional<build::BuildProgress::Phase> phase_;
  Clock::time_point phase_began_;
  Clock::time_point last_ = Clock::now();
};

}  // namespace vgpukit::cli
