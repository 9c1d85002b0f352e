// diagnostics/: errors of a build, what each is about, and what changed in the kernel's headers. It uses kernel/ and
// transform/.
//
// Collects the errors and warnings that gcc, clang, ld, modpost, objtool, make and NVIDIA's conftest print.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace vgpukit::diagnostics {

struct Diagnostic {
  enum class Kind { error, warning };
  Kind kind = Kind::error;
  std::string tool;  // "gcc", "clang", "as", "ld", "modpost", "objtool", "pahole", "make", "sh", "conftest"
  std::string file;  // relative to the driver's tree if it is in it; empty for modpost
  int line = 0;
  int column = 0;
  std::string message;  // without the "error: " word: "implicit declaration of function 'follow_pfn' [-Werror=...]"
  std::string hint;     // a recipe, a kernel change, or what to try; may be empty
  std::vector<std::string> more;  // other places with the same message: "nvidia/os-mlock.c:140"
  std::string unit;               // the C file that was compiled, for an error in a header; may be empty
  std::string function;           // the function that the compiler named; may be empty
  std::string source;             // the source line that the compiler quoted; may be empty
  std::string note;               // "(near initialization for 'ops.open')", "'f' declared here"; may be empty
};

// Takes the lines of a log in their order. Quoted source lines, some notes and "In function" lines belong to a message;
// carets are ignored. Quotes become ASCII. The same message about the same symbol is listed once, with the other places
// in `more`. Errors that follow from another one ("ld: cannot find x.o", "make[2]: *** ...") are listed only if there
// is no other error, so that a failed build always has one.
class DiagnosticCollector {
 public:
  // `tree`: the driver's tree as the compiler sees it; paths below it become relative.
  explicit DiagnosticCollector(std::string tree) : tree_(std::move(tree)) {}
  void line(std::string_view text);
  [[nodiscard]] std::vector<Diagnostic> errors() const;
  [[nodiscard]] std::vector<Diagnostic> warnings() const;

 private:
  void context(std::string_view text);
  void conftest_failure(std::string_view verdict, bool fatal);
  void flush_sanity_check();
  void hold(Diagnostic diagnostic, bool follows);
  void add(Diagnostic diagnostic, bool follows);
  void flush_pending();
  [[nodiscard]] std::vector<Diagnostic> all(Diagnostic::Kind kind) const;
  [[nodiscard]] std::string relative(std::string_view path) const;

  struct Entry {
    Diagnostic diagnostic;
    bool follows;
  };
  std::string tree_;
  std::vector<Entry> entries_;
  std::optional<Entry> pending_;                        // the last one; its quoted line may follow
  std::unordered_map<std::string, std::size_t> index_;  // key_of() -> index in entries_
  std::string function_;                                // of the last "FILE: In function 'x':"
  std::string function_file_;
  std::vector<std::string> includes_;  // "In file included from": the last is the compiled file
  std::vector<std::string> plain_;  // sentences in no tool's format: conftest explains a failure before it reports it
  bool sanity_failed_ = false;      // make reported a failed check of conftest; its explanation may follow
  bool clang_ = false;
};

}  // namespace vgpukit::diagnostics
