// What went wrong in a build, from what gcc, clang, ld, modpost, objtool, make and NVIDIA's conftest printed.
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
  std::string file;  // relative to the driver's tree where it lies in it; empty for modpost
  int line = 0;
  int column = 0;
  std::string message;  // without the "error: " word: "implicit declaration of function 'follow_pfn' [-Werror=...]"
  std::string hint;     // what explains it: a recipe, a kernel change, or a plain sentence on what to try; may be empty
  std::vector<std::string> more;  // other places with the same message: "nvidia/os-mlock.c:140"
  std::string function;           // the function that the compiler was in, where it said so
  std::string source;             // the line of the source that the compiler quoted, and
  std::string note;               // "(near initialization for 'ops.open')", "'f' declared here", where it said so
};

// Feed it lines in the order they came; it understands continuation (the quoted source line and some notes are kept
// with the message before them, carets are dropped, "In function" is kept as context). Quotes in messages are made
// plain ASCII, so that 'x' and UTF-8 quotes are one. The same message about the same symbol is kept once, with the
// other places in `more`; errors that only follow from another ("ld: cannot find x.o", "make[2]: ***
// ...") are dropped when a primary one was seen, and kept otherwise: a failed build never ends with an empty list.
class DiagnosticCollector {
 public:
  explicit DiagnosticCollector(std::string tree)
      : tree_(std::move(tree)) {}  // as the compiler sees the tree; paths below become relative
  void line(std::string_view text);
  [[nodiscard]] std::vector<Diagnostic> errors() const;  // primary ones first, in the order they came
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
  std::optional<Entry>
      pending_;  // the last one: what it quotes is still to come, and may tell it from another with the same words
  std::unordered_map<std::string, std::size_t> index_;  // what makes two diagnostics one -> its place in kept_
  std::string function_;                                // "FILE: In function 'x':" of the lines that follow
  std::string function_file_;
  std::vector<std::string> includes_;  // "In file included from": the last is the file that was compiled
  std::vector<std::string> plain_;     // sentences that no tool's format explains: conftest says why before it fails
  bool sanity_failed_ = false;  // make said that a check of conftest failed, and its explanation is still to come
  bool clang_ = false;
};

}  // namespace vgpukit::diagnostics
