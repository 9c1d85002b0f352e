// A progress line on stderr, if that is a terminal.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "build/build_tree.hpp"
#include "driver/driver.hpp"

namespace vgpukit::cli {

class Progress {
 public:
  Progress(std::string title, bool terminal) : title_(std::move(title)), terminal_(terminal) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }
  void show(const build::BuildProgress& state);
  void show(const driver::PackageProgress& state);  // at most ten times a second
  void say(std::string_view text);                  // a line that stays; also if stderr is not a terminal
  void clear();

 private:
  void write(std::string line);
  std::string title_;
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_;
};

}  // namespace vgpukit::cli
