// Facts: what one kernel contains, read from its headers, its configuration and its Module.symvers, and not concluded
// from its version. A fact is determined when it is first asked for and cached on disk under a fingerprint of the
// headers; an assumption overrides it (the model is bpftrace's BPFfeature).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/debug_info.hpp"
#include "kernel/kernel.hpp"
#include "kernel/question.hpp"
#include "kernel/symvers.hpp"

namespace vgpukit::kernel {

struct Answer {
  bool yes = false;
  // One line that a user can check: "Module.symvers:12345: EXPORT_SYMBOL_GPL", "include/linux/fs.h", or the compiler's
  // first error for a no.
  std::string evidence;
  bool cached = false;   // came from the disk cache
  bool assumed = false;  // came from --assume
  // compiles only: why this "no" may be about something else than the question, a clause ("there is no linux/x.h").
  // Empty when there is no doubt.
  std::string doubt = {};
  // Of a question with `of` whose answer is no: there is no such thing here, so that it has no form.
  bool absent = false;
};

// How the kernel's own build compiles a C file of a module, read from a trivial module that Kbuild built, with the
// kernel's warnings and debug information. Its build also proves that headers and compiler work together.
struct ProbeBuild {
  std::vector<std::string> compile;  // argv without -c, -o, the input and dependency files; include paths are absolute
  std::filesystem::path directory;   // the folder to run it in, as seen from inside the root
  std::string vermagic;              // of the module: what every module for this kernel must have
  DebugInfo debug_info;              // the least with which it builds
};

class Facts {
 public:
  // `assumptions`: question key -> answer, used before anything else. The constructor compiles nothing.
  Facts(Kernel kernel, std::map<std::string, bool> assumptions = {});
  ~Facts();
  Facts(Facts&&) noexcept;

  [[nodiscard]] const Kernel& kernel() const;
  [[nodiscard]] const std::map<std::string, bool>& assumptions() const;

  // Answers one question. With `of` it may also be absent; an assumption "absent KEY" sets that. A header that is
  // absent and a snippet that does not compile are answers: no. Error: missing or failed when it cannot be answered (no
  // Module.symvers; the trivial module does not build, with the compiler's message in `why`; a header that exists but
  // does not compile), usage when Question::check() refuses it.
  Result<Answer> ask(const Question& question);

  // Answers many with few compiler runs, on all processors: questions whose headers are part of others' headers share
  // their translation unit. If an error makes another answer doubtful, that question is asked again alone.
  Status prefetch(const std::vector<Question>& questions);

  Result<const Symvers*> symvers();   // loaded once
  Result<const ProbeBuild*> probe();  // built once, cached

  // A hash of all headers, autoconf.h, Module.symvers and the compiler's identity. Files are read again only if the
  // size, inode, mtime or ctime of one has changed. Error: failed when a file cannot be read.
  Result<std::string> fingerprint();

  // Reads what nearly every question needs: Module.symvers, the fingerprint and the answers on disk. For a thread that
  // would otherwise wait. Errors are ignored: ask() reports them again.
  void read_ahead();

  // All questions so far with their answers, in the order of the keys.
  [[nodiscard]] std::vector<std::pair<Question, Answer>> report() const;

 private:
  Result<Answer> ask_form(const Question& question);  // without regard to `of`
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vgpukit::kernel
