#include "cli/progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "support/log.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

void Progress::show(const build::BuildProgress& state) {
  if (!terminal_) return;
  using Phase = build::BuildProgress::Phase;
  const char* phase = state.phase == Phase::conftest  ? "asking the kernel"
                      : state.phase == Phase::compile ? "compiling"
                                                      : "linking";
  std::string line = title_ + ": " + phase;
  if (state.total > 0) line += " " + std::to_string(state.done) + "/" + std::to_string(state.total);
  if (!state.current.empty()) line += " " + state.current;
  write(std::move(line));
}

void Progress::show(const driver::PackageProgress& state) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  std::string line = title_ + ": " + std::string(state.step);
  if (state.total > 0)
    line += " " + std::to_string(std::min<std::uint64_t>(100, state.done * 100 / state.total)) + " %";
  write(std::move(line));
}

void Progress::write(std::string line) {
  winsize size{};
  const std::size_t width = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 8 ? size.ws_col - 1U : 79U;
  if (line.size() > width) line.resize(width);
  std::fprintf(stderr, "\r%s\033[K", terminal_text(line, /*styled=*/false).c_str());
  std::fflush(stderr);
  shown_ = true;
}

void Progress::say(std::string_view text) {
  clear();
  log::info(text);
}

void Progress::clear() {
  if (!shown_) return;
  std::fprintf(stderr, "\r\033[K");
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace vgpukit::cli
