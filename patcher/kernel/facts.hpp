// Facts: what one kernel contains, asked of its headers, its configuration and its Module.symvers, never guessed from
// its version. Lazy, memoised, cached on disk under a fingerprint of the headers, overridable, and reported as a table
// (bpftrace's BPFfeature).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/kernel.hpp"
#include "kernel/symvers.hpp"

namespace vgpukit::kernel {

// One question. Two questions with the same key() are the same question.
struct Question {
  enum class Kind {
    symbol,         // name: exported by the kernel or one of its modules (Module.symvers)
    symbol_is_gpl,  // name: exported GPL-only. No when it is not exported at all
    config,         // name: CONFIG_X is y or m; with `value`: is exactly that
    header,         // name: a file that <...> finds with the kernel's include paths ("linux/mdev.h")
    declaration,  // name: a function, variable, macro, enumerator or type ("struct x", "union x", "enum x", a typedef)
                  // that is
                  //       declared once `headers` are included
    compiles,     // code: a snippet at file scope that compiles without error (warnings that the kernel makes errors
                  // count)
    compiler,     // name: "gcc>=15", "clang>=18", "gcc": the compiler that builds for this kernel
    kbuild,       // name: a variable or option that the kernel's own build files know (Makefile,
                  // scripts/Makefile.{lib,build},
                  //       scripts/Kbuild.include)
    behaviour,    // name: something that no header shows, from the kernel image where there is one, else from the
                  //       stable releases that are known to have it. Known names: symbol-get-gpl-only
  };
  Kind kind = Kind::symbol;
  std::string name;
  std::string value;                 // config only
  std::vector<std::string> headers;  // declaration, compiles: included first, in this order
  std::string code;                  // compiles

  [[nodiscard]] std::string key()
      const;  // "declaration follow_pfn linux/mm.h", stable: cache, --assume and reports use it
  // The inverse, for --assume and `kernel facts --ask`: "symbol NAME", "symbol-is-gpl NAME", "config CONFIG_X[=V]",
  // "header PATH", "declaration NAME HEADER...", "compiler EXPR", "kbuild NAME",
  // "behaviour NAME". compiles has no such form (its key holds a hash).
  static Result<Question> parse(std::string_view text);
  // Whether it can be asked at all: names that are identifiers, headers that are paths, a compiler expression that
  // parses. Error: usage, saying what is wrong. Facts asks this by itself; a recipe loader may ask it earlier.
  static Status check(const Question& question);
  static std::string_view kind_name(Kind kind);  // "symbol-is-gpl"
  static std::optional<Kind> kind_from(std::string_view name);
};

struct Answer {
  bool yes = false;
  std::string evidence;  // one line that a user can check: "Module.symvers:12345: EXPORT_SYMBOL_GPL",
                         // "include/linux/fs.h", the compiler's first error for a no
  bool cached = false;     // came from the disk cache
  bool assumed = false;    // came from --assume
  std::string doubt = {};  // compiles only: why this "no" may be about something else than what was asked, a clause
                           // ("there is no linux/x.h"). Empty where there is no doubt
};

// How the kernel's own build compiles one C file of a module: taken from a trivial module that Kbuild built, with
// warnings and debug information as the kernel has them. Also proves that headers and compiler work together before
// anything else is blamed.
struct ProbeBuild {
  std::vector<std::string> compile;  // argv without -c, -o, the input and dependency files; include paths are absolute
  std::filesystem::path directory;   // run it there; as seen from inside the root
  std::string vermagic;              // of the finished module: what every module for this kernel must carry
};

class Facts {
 public:
  // `assumptions`: question key -> answer, used before anything else.
  // Nothing is compiled here: the first question that needs it does.
  Facts(Kernel kernel, std::map<std::string, bool> assumptions = {});
  ~Facts();
  Facts(Facts&&) noexcept;

  [[nodiscard]] const Kernel& kernel() const;
  [[nodiscard]] const std::map<std::string, bool>& assumptions() const;

  // Answers one question. Error: missing/failed when it cannot be asked at all (no symvers, the trivial module does not
  // build: the compiler's words are in `why`; a header that is there but does not compile), usage when it makes no
  // sense. A header that is absent and a snippet that does not compile are answers: no.
  Result<Answer> ask(const Question& question);

  // Answers many, sharing compiler runs: questions whose headers are part of others' go into one translation unit with
  // these and are asked again alone where an error makes a neighbour doubtful. Spread over all processors.
  Status prefetch(const std::vector<Question>& questions);

  Result<const Symvers*> symvers();   // loaded once
  Result<const ProbeBuild*> probe();  // built once, cached

  // Content of all headers, autoconf.h, Module.symvers and the compiler's identity. A header that changed under the
  // same path changes it. While every file has the same size, inode, mtime and ctime as last time, none is read again.
  // Error: failed when one is unreadable.
  Result<std::string> fingerprint();

  // Reads what nearly every question needs: Module.symvers, and the answers on disk with the fingerprint that they are
  // kept under. For a thread that has nothing else to do; what fails here fails again when it is asked for.
  void read_ahead();

  // Everything that was asked so far, in the order of the keys.
  [[nodiscard]] std::vector<std::pair<Question, Answer>> report() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vgpukit::kernel
