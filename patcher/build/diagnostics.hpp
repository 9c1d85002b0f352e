// What went wrong in a build, from what gcc, clang, ld, modpost, make and NVIDIA's conftest printed.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace vgpukit {

struct Diagnostic {
  enum class Kind { error, warning };
  Kind kind = Kind::error;
  std::string tool;       // "gcc", "ld", "modpost", "make", "conftest"
  std::string file;       // relative to the driver's tree where it lies in it; empty for modpost
  int line = 0;
  int column = 0;
  std::string message;    // without the "error: " word: "implicit declaration of function 'follow_pfn' [-Werror=...]"
  std::string hint;       // what explains it: a recipe, a kernel change, or a plain sentence on what to try
  std::vector<std::string> more;   // other places with the same message: "nvidia/os-mlock.c:140"
};

// Feed it lines in the order they came; it understands continuation (the quoted source line and caret are dropped, "In function" is
// kept as context). Quotes in messages are made plain ASCII, so that 'x' and UTF-8 quotes are one. The same message about the same symbol
// is kept once, with the other places in `more`; errors that only follow from another ("ld: cannot find x.o", "make[2]: *** ...")
// are dropped when a primary one was seen, and kept otherwise: a failed build never ends with an empty list.
class DiagnosticCollector {
 public:
  explicit DiagnosticCollector(std::string tree) : tree_(std::move(tree)) {}   // as the compiler sees the tree; paths below become relative
  void line(std::string_view text);
  [[nodiscard]] std::vector<Diagnostic> errors() const;     // primary ones first, in the order they came
  [[nodiscard]] std::vector<Diagnostic> warnings() const;

 private:
  void add(Diagnostic diagnostic, bool follows);
  std::string tree_;
  struct Kept { Diagnostic diagnostic; bool follows; };
  std::vector<Kept> kept_;
};

}  // namespace vgpukit
