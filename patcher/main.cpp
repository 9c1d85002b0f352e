#include <sys/stat.h>

#include <csignal>

#include "cli/cli.hpp"
#include "support/interrupt.hpp"

int main(int argc, char** argv) {
  int code = 0;
  int signal = 0;
  {
    // Whatever the caller's umask is: the folders and files that vgpukit makes can be read by all and written by one.
    // What must be private has its mode.
    ::umask(022);
    // A file that would be larger than `ulimit -f` allows is an error of write(), and no end without a word.
    std::signal(SIGXFSZ, SIG_IGN);
    const vgpukit::Interrupt interrupt;
    code = vgpukit::cli::run_app(argc, argv);
    signal = vgpukit::Interrupt::caught();
  }
  // Everything is cleaned up: die of the signal, so that the shell sees what happened.
  if (signal != 0) std::raise(signal);
  return code;
}
