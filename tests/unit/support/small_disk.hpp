// A disk that is full, without needing one: a file that grows beyond a limit of our own fails its write on the same
// path.
#pragma once

#include <sys/resource.h>

#include <csignal>
#include <stdexcept>

namespace vgpukit::test {

// While it lives, no file of this process can grow beyond `bytes`.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes = 100'000) {
    if (::getrlimit(RLIMIT_FSIZE, &before_) != 0) throw std::runtime_error("getrlimit");
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit tight{bytes, before_.rlim_max};
    if (::setrlimit(RLIMIT_FSIZE, &tight) != 0) throw std::runtime_error("setrlimit");
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = SIG_DFL;
};

}  // namespace vgpukit::test
