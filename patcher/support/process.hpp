// Runs programs: an argv vector, never a shell.
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
  // argv[0] without a slash is looked up in PATH, or in a fixed PATH when `root` is set.
  std::vector<std::string> argv;
  fs::path cwd;  // as seen from inside `root`; empty: the caller's
  // The root folder is changed to this before exec; empty or "/": it is not. An ordinary user gets a user namespace for
  // it when the kernel allows that. The child sees the caller's /proc there (and /dev, if the root has no /dev/null)
  // when the kernel allows to mount it for the child alone.
  fs::path root;
  // Set on top of a small clean environment (PATH, HOME, LC_ALL=C.UTF-8, TMPDIR, CCACHE_*).
  std::map<std::string, std::string> env;
  std::string path_first;  // a folder, as seen from inside `root`, that is put in front of the child's PATH
  std::string input;       // standard input; empty: /dev/null
  std::optional<std::chrono::milliseconds> deadline;  // then the whole process group is killed
  // Called for each line as it comes, without the newline, from the calling thread. Empty: output is only collected.
  std::function<void(std::string_view line, bool is_stderr)> on_line;
  bool collect = true;  // fill Outcome::out and err
  // It runs code of a driver package or of kernel headers. If root starts it, it gets another user's rights, and the
  // system without what a build does not need (support/sandbox.hpp). `writable`: the folders that it may write to, as
  // seen from inside `root`.
  bool confined = false;
  std::vector<fs::path> writable;
};

struct Outcome {
  int status = 0;  // exit status, or 128 + signal
  bool timed_out = false;
  std::string out;
  std::string err;
  double cpu_seconds = 0;  // user + system of the process and the children that it waited for
  [[nodiscard]] bool ok() const { return status == 0 && !timed_out; }
  // The last line of err, without spaces at its end: most programs say there why they failed.
  [[nodiscard]] std::string last_error_line() const;
};

// Runs a command to its end. The child leads a process group of its own. When the deadline passes, when the caller is
// interrupted (support/interrupt.hpp) or when this function leaves for any other reason, the whole group gets SIGTERM
// and, 2 s later (0.4 s after a signal), SIGKILL. The group also dies with this process (support/orphans.hpp). A
// non-zero exit status is no error. Error: missing when the program does not exist or the root cannot be entered;
// interrupted after a signal.
Result<Outcome> run(const Command& command);

// Runs several commands, at most `jobs` at once, and gives the outcomes in the order of the commands. Stops at the
// first Error.
Result<std::vector<Outcome>> run_all(const std::vector<Command>& commands, unsigned jobs);

// A word for a shell: unchanged, or in single quotes when it has special characters.
std::string shell_word(std::string_view word);

// The default number of jobs: the processors that this process may use (sched_getaffinity).
unsigned default_jobs();

// Where PATH has the program, as seen from inside `root`; nothing when it has none of that name. In another root PATH
// is a fixed list of folders.
std::optional<fs::path> find_program(std::string_view name, const fs::path& root = "/");

}  // namespace vgpukit
