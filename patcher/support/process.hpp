// The only way to run a program: an argv vector, never a shell. The one file that includes Boost.Process is
// process.cpp.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"

namespace vgpukit {

namespace fs = std::filesystem;

struct Command {
  std::vector<std::string>
      argv;       // argv[0] without a slash is looked up in PATH (the root's own fixed PATH when `root` is set)
  fs::path cwd;   // as seen from inside `root`; empty: ours
  fs::path root;  // change the root folder before exec; empty or "/": don't. An ordinary user gets a user
                  // namespace for it where the kernel allows that. The child sees our /proc there (and our
                  // /dev, if the root has no /dev/null) where the kernel lets us mount it for the child alone
  std::map<std::string, std::string>
      env;                 // set on top of a small clean environment (PATH, HOME, LC_ALL=C.UTF-8, TMPDIR, CCACHE_*)
  std::string path_first;  // a folder, as seen from inside `root`, that the child's PATH is to begin with
  std::string input;       // standard input; empty: /dev/null
  std::optional<std::chrono::milliseconds> deadline;  // then the whole process group is killed
  // Called for each line as it comes, without the newline, from the calling thread. Empty: output is only collected.
  std::function<void(std::string_view line, bool is_stderr)> on_line;
  bool collect = true;  // keep output in Outcome::out / err
};

struct Outcome {
  int status = 0;  // exit status, or 128 + signal
  bool timed_out = false;
  std::string out;
  std::string err;
  double cpu_seconds = 0;  // user + system of the process and the children that it waited for
  [[nodiscard]] bool ok() const { return status == 0 && !timed_out; }
  [[nodiscard]] std::string last_error_line()
      const;  // of err, without spaces at its end; most programs say there why they failed
};

// Runs a command to its end. The child leads a process group of its own; when the deadline passes, when the caller is
// interrupted (see Interrupt) or when this function leaves for any other reason, the whole group gets SIGTERM and, 2 s
// later, SIGKILL. The child also dies with us (PR_SET_PDEATHSIG). Error: missing when the program does not exist or the
// root cannot be entered; failed "interrupted" after Ctrl-C. A non-zero exit status is not an error here.
Result<Outcome> run(const Command& command);

// Runs several commands, at most `jobs` at once, and gives the outcomes in the order of the commands. Stops at the
// first Error.
Result<std::vector<Outcome>> run_all(const std::vector<Command>& commands, unsigned jobs);

// While one lives, SIGINT, SIGTERM and SIGHUP set a flag and stop running commands instead of ending the process. main
// makes one.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  // The signal that came, or 0.
  [[nodiscard]] static int caught();
};

// The programs that are run from now on keep this descriptor open, too, and what they start in turn; -1: none. A lock
// on it is then held until the last of them has ended, even where we were killed.
void let_children_hold(int fd);
[[nodiscard]] int held_by_children();

// A word as a shell takes it: as it stands, or in single quotes.
std::string shell_word(std::string_view word);

// How many jobs to run by default: the processors that this process may use (sched_getaffinity).
unsigned default_jobs();

// Where PATH (of `root`, or ours) has the program, as seen from inside `root`; nothing when it does not.
std::optional<fs::path> find_program(std::string_view name, const fs::path& root = "/");

}  // namespace vgpukit
