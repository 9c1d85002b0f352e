// One line of a build log, taken apart: which tool says what about which place. Knows formats only, no state.
#pragma once

#include <string>
#include <string_view>

#include "diagnostics/diagnostics.hpp"

namespace vgpukit::diagnostics {

struct LogLine {
  enum class Kind {
    other,     // nothing that matters by itself; conftest's explanations are among these
    noise,     // carets, "compilation terminated.", what make says on entering a folder
    quoted,    // the line of the source that a message is about
    note,      // "(near initialization for 'ops.open')", "'f' declared here"
    step,      // "  CC [M]  nvidia/nv.o", " CONFTEST: follow_pfn": what is at work
    context,   // "In function", "At top level", "In file included from"
    clang,     // "1 error generated.": proof that the compiler is clang
    conftest,  // "*** Failed CC sanity check. Bailing out! ***"
    diagnostic,
  } kind = Kind::other;
  Diagnostic diagnostic;  // kind diagnostic; its file is as the tool wrote it
  bool follows = false;   // kind diagnostic: only the consequence of another error
  bool fatal = true;      // kind conftest: it stops the build
  std::string step;       // kind step: "CC [M]", "CONFTEST", "LD [M]", "MODPOST" ...
  std::string subject;  // kind step: "nvidia/nv.o", "follow_pfn"; kind conftest: the sentence; quoted, note: the text.
                        // As the tool wrote it
};

// `text` has no newline; colours, a carriage return and typographic quotes in it are undone first.
LogLine read_log_line(std::string_view text);

// ASCII quotes for typographic ones and for `this'; no escape sequences, no carriage return.
std::string plain_text(std::string_view text);

// A plain sentence on what to try for the classes of errors that a kernel change makes, and for the machine's own
// troubles. Empty when there is nothing better than repeating the message.
std::string hint_for(const Diagnostic& diagnostic);

}  // namespace vgpukit::diagnostics
