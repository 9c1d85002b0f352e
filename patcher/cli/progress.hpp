// One line on a terminal's stderr that says how far a build is. Off a terminal it prints nothing.
#pragma once

#include <string>
#include <string_view>

#include "build/build.hpp"

namespace vgpukit::cli {

class Progress {
 public:
  Progress(std::string title, bool terminal) : title_(std::move(title)), terminal_(terminal) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { clear(); }
  void show(const BuildProgress& state);
  void say(std::string_view text);  // a line that stays; also where stderr is no terminal
  void clear();

 private:
  std::string title_;
  bool terminal_;
  bool shown_ = false;
};

}  // namespace vgpukit::cli
