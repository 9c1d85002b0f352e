// Between process.cpp (starts one program, through Boost.Process) and process_run.cpp (waits for it). Nobody else includes this.
#pragma once

#include <sys/types.h>

#include "support/process.hpp"

namespace vgpukit {

// A descriptor that is closed at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// A program that was started. It leads a process group whose id is `pid`; whoever holds this waits for it.
struct Launched {
  pid_t pid = -1;
  Descriptor out;  // the reading ends of its standard output and error
  Descriptor err;
};

Result<Launched> launch(const Command& command);

}  // namespace vgpukit
