#include "cli/progress.hpp"

#include <sys/ioctl.h>

#include <algorithm>
#include <cmath>

#include "support/log.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

std::string progress_text(const build::BuildProgress& state, double seconds, bool with_bar) {
  using Phase = build::BuildProgress::Phase;
  constexpr unsigned width = 20;
  constexpr unsigned enough = 8;  // files, for an estimate
  std::string text = state.phase == Phase::conftest  ? "asking the kernel"
                     : state.phase == Phase::compile ? "compiling"
                                                     : "linking";
  if (state.total > 0) {
    const auto full = std::min(width, state.done * width / state.total);
    if (with_bar) text += " [" + std::string(full, '#') + std::string(width - full, '-') + "]";
    text += " " + std::to_string(state.done) + "/" + std::to_string(state.total);
    if (state.phase == Phase::compile && state.done >= enough && state.done < state.total)
      text += ", " + std::to_string(std::lround(seconds / state.done * (state.total - state.done))) + " s left";
  }
  return text + (state.current.empty() ? "" : (state.total > 0 ? ", " : " ") + state.current);
}

void Progress::show(const build::BuildProgress& state) {
  const auto now = Clock::now();
  if (phase_ != state.phase) phase_began_ = now;
  phase_ = state.phase;
  const std::chrono::duration<double> seconds = now - phase_began_;
  if (terminal_) return write(title_ + ": " + progress_text(state, seconds.count(), /*with_bar=*/true));
  if (now - last_ < std::chrono::seconds(20)) return;
  last_ = now;
  const auto line = title_ + ": " + progress_text(state, seconds.count(), /*with_bar=*/false);
  log::info(line);
  if (on_line) on_line(line);
}

void Progress::show(const driver::PackageProgress& state) {
  if (!terminal_) return;
  const auto now = Clock::now();
  if (now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  auto line = title_ + ": " + std::string(state.step);
  if (state.total > 0)
    line += " " + std::to_string(std::min<std::uint64_t>(100, state.done * 100 / state.total)) + " %";
  write(line);
}

void Progress::write(const std::string& line) {
  winsize size{};
  const std::size_t width = ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 8 ? size.ws_col - 1U : 79U;
  put("\r" + terminal_text(line.substr(0, width), /*styled=*/false) + "\033[K");
  shown_ = true;
}

// A terminal that is gone must not end the build.
void Progress::put(const std::string& text) const {
  static_cast<void>(::write(fd_, text.data(), text.size()) < 0);
}

void Progress::say(std::string_view text) {
  clear();
  log::info(text);
}

void Progress::clear() {
  if (!shown_) return;
  put("\r\033[K");
  shown_ = false;
}

}  // namespace vgpukit::cli
