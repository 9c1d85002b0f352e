// Parses one line of a build log: which tool reports what about which place. It has no state.
#pragma once

#include <string>
#include <string_view>

#include "diagnostics/diagnostics.hpp"

namespace vgpukit::diagnostics {

struct LogLine {
  enum class Kind {
    other,     // any other line, among them conftest's explanations
    noise,     // carets, "compilation terminated.", "Entering directory"
    quoted,    // the line of the source that a message is about
    note,      // "(near initialization for 'ops.open')", "'f' declared here"
    step,      // "  CC [M]  nvidia/nv.o", " CONFTEST: follow_pfn"
    context,   // "In function", "At top level", "In file included from"
    clang,     // "1 error generated.": the compiler is clang
    conftest,  // "*** Failed CC sanity check. Bailing out! ***"
    diagnostic,
  } kind = Kind::other;
  Diagnostic diagnostic;  // kind diagnostic; its file as the tool printed it
  bool follows = false;   // kind diagnostic: a consequence of another error
  bool fatal = true;      // kind conftest: it stops the build
  std::string step;       // kind step: "CC [M]", "CONFTEST", "LD [M]", "MODPOST" ...
  std::string subject;    // kind step: "nvidia/nv.o", "follow_pfn"; conftest: the sentence; quoted, note: the text
};

// `text` has no newline. It is parsed as plain_text().
LogLine read_log_line(std::string_view text);

// The text with ASCII quotes in place of typographic ones and `this', and without escape sequences and carriage
// returns.
std::string plain_text(std::string_view text);

}  // namespace vgpukit::diagnostics
