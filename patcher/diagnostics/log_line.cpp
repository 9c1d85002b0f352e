#include "diagnostics/log_line.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "support/text.hpp"

namespace vgpukit::diagnostics {
namespace {

using Kind = LogLine::Kind;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

LogLine of_kind(Kind kind) {
  LogLine line;
  line.kind = kind;
  return line;
}

LogLine diagnostic(std::string_view tool, std::string_view message, Diagnostic::Kind kind = Diagnostic::Kind::error,
                   bool follows = false) {
  LogLine line = of_kind(Kind::diagnostic);
  line.diagnostic.kind = kind;
  line.diagnostic.tool = tool;
  line.diagnostic.message = trimmed(message);
  line.follows = follows;
  return line;
}

// Removes ":12" from the end and returns the number; 0 if there is none.
int take_number(std::string_view& text) {
  std::size_t start = text.size();
  while (start > 0 && is_digit(text[start - 1])) --start;
  if (start == text.size() || start == 0 || text[start - 1] != ':' || text.size() - start > 8) return 0;
  int number = 0;
  for (const char c : text.substr(start)) number = number * 10 + (c - '0');
  text = text.substr(0, start - 1);
  return number;
}

// The tool of a program's name ("x86_64-linux-gnu-gcc-12", "/usr/bin/ld.bfd", "make[2]"); empty if it is none of these:
// then the name is a file's.
std::string_view tool_of(std::string_view program) {
  program = program.substr(program.rfind('/') + 1);
  if (program.starts_with("make") && (program.size() == 4 || program[4] == '[')) return "make";
  while (!program.empty() && (is_digit(program.back()) || program.back() == '.' || program.back() == '-'))
    program.remove_suffix(1);
  const auto named = [&](std::string_view name) {
    return program == name || (program.ends_with(name) && program.size() > name.size() &&
                               program[program.size() - name.size() - 1] == '-');
  };
  if (named("gcc") || named("cc") || named("cc1") || program == "cc" || named("g++")) return "gcc";
  if (named("clang")) return "clang";
  if (named("as")) return "as";
  if (named("ld") || named("ld.bfd") || named("ld.gold") || named("ld.lld") || named("collect") || named("objcopy"))
    return "ld";
  if (named("pahole") || named("resolve_btfids") || named("libbpf")) return "pahole";
  if (named("modpost")) return "modpost";
  if (named("objtool")) return "objtool";
  if (named("sh") || named("bash") || named("dash") || named("cat") || named("cp") || named("ln") || named("mkdir"))
    return "sh";
  return {};
}

std::string_view program_of(std::string_view text) {
  return text.substr(0, text.find(':'));
}

// --- make ------------------------------------------------------------------------------------------------------------

// The text after "*** ". The exit status of a recipe is a consequence of what its program printed; other messages are
// errors of make itself.
LogLine make_stop(std::string_view message) {
  message = trimmed(message);
  if (message.starts_with("Waiting for unfinished jobs") || message.starts_with("Deleting file"))
    return of_kind(Kind::noise);
  const bool recipe = message.starts_with('[');
  // make 4.x: "[Makefile:12: x.o] Killed"; a shell returns 137 for it.
  const bool killed = recipe && (message.ends_with("] Killed") || message.ends_with(" Error 137"));
  if (message.ends_with(".  Stop.")) message.remove_suffix(8);
  return diagnostic("make", message, Diagnostic::Kind::error, recipe && !killed);
}

std::optional<LogLine> from_make(std::string_view text) {
  const auto stars = text.find(": *** ");
  const std::string_view before = text.substr(0, stars);
  if (tool_of(program_of(text)) == "make") {
    if (stars != std::string_view::npos && !contains(before, " ")) return make_stop(text.substr(stars + 6));
    if (contains(text, ": Entering directory") || contains(text, ": Leaving directory") ||
        contains(text, " not remade because of errors") || contains(text, ": Nothing to be done") ||
        contains(text, " is up to date")) {
      return of_kind(Kind::noise);
    }
    if (text.ends_with(": No such file or directory") || text.ends_with(": Command not found") ||
        text.ends_with(": Permission denied")) {
      return diagnostic("make", trimmed(text.substr(text.find(':') + 1)));
    }
    return std::nullopt;
  }
  // "Makefile:12: *** text.  Stop.": make's $(error).
  if (stars != std::string_view::npos) {
    std::string_view place = before;
    if (const int number = take_number(place); number > 0 && !contains(place, " ")) {
      LogLine line = make_stop(text.substr(stars + 6));
      if (line.kind == Kind::diagnostic) {
        line.diagnostic.file = place;
        line.diagnostic.line = number;
      }
      return line;
    }
  }
  return std::nullopt;
}

// --- modpost, objtool, pahole ----------------------------------------------------------------------------------------

std::optional<LogLine> from_modpost(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, Diagnostic::Kind>, 3> words{
      {{"ERROR: ", Diagnostic::Kind::error},
       {"FATAL: ", Diagnostic::Kind::error},
       {"WARNING: ", Diagnostic::Kind::warning}}};
  for (const auto& [word, kind] : words) {
    if (!text.starts_with(word)) continue;
    std::string_view message = text.substr(word.size());
    if (message.starts_with("modpost: ")) return diagnostic("modpost", message.substr(9), kind);
    // Before 5.8 modpost does not print its name.
    if (message.ends_with(" undefined!") || contains(message, "GPL-incompatible module") ||
        contains(message, "Section mismatch")) {
      return diagnostic("modpost", message, kind);
    }
    return diagnostic("make", message, kind);
  }
  return std::nullopt;
}

// objtool prints the same message for hundreds of addresses of a binary object: the addresses are removed.
std::string objtool_message(std::string_view message) {
  const auto is_address = [](std::string_view part) { return contains(part, "+0x"); };
  if (const auto colon = message.find(": "); colon != std::string_view::npos && is_address(message.substr(0, colon))) {
    message.remove_prefix(colon + 2);
  }
  if (const auto colon = message.rfind(": "); colon != std::string_view::npos && is_address(message.substr(colon))) {
    message = message.substr(0, colon);
  }
  return std::string(message);
}

// --- compilers, the assembler, the linker ----------------------------------------------------------------------------

struct Marker {
  std::string_view word;
  enum { error, warning, note } kind;
};
constexpr std::array<Marker, 9> markers{{{"internal compiler error: ", Marker::error},
                                         {"fatal error: ", Marker::error},
                                         {"Fatal error: ", Marker::error},
                                         {"error: ", Marker::error},
                                         {"Error: ", Marker::error},
                                         {"warning: ", Marker::warning},
                                         {"Warning: ", Marker::warning},
                                         {"note: ", Marker::note},
                                         {"NOTE: ", Marker::note}}};

// "PLACE: error: TEXT", where PLACE is FILE:LINE:COLUMN, FILE:LINE, FILE, PROGRAM or nothing.
std::optional<LogLine> from_marked(std::string_view text) {
  std::size_t at = std::string_view::npos;
  const Marker* found = nullptr;
  for (const Marker& marker : markers) {
    std::size_t place = 0;
    if (!text.starts_with(marker.word)) {
      for (place = text.find(marker.word); place != std::string_view::npos; place = text.find(marker.word, place + 1)) {
        if (place >= 2 && text[place - 1] == ' ' && text[place - 2] == ':') break;
      }
    }
    if (place == std::string_view::npos || (found != nullptr && place >= at)) continue;
    at = place;
    found = &marker;
  }
  if (found == nullptr) return std::nullopt;
  if (found->kind == Marker::note) {
    LogLine line = of_kind(Kind::note);
    line.subject = text.substr(at + found->word.size());
    return line;
  }

  const auto kind = found->kind == Marker::error ? Diagnostic::Kind::error : Diagnostic::Kind::warning;
  std::string_view place = at == 0 ? std::string_view{} : text.substr(0, at - 2);
  const std::string_view rest = text.substr(at + found->word.size());
  // "x.o: warning: objtool: TEXT", "error: objtool [signal.c:75]: TEXT"
  if (rest.starts_with("objtool: ") || rest.starts_with("objtool [")) {
    LogLine line = diagnostic("objtool", objtool_message(rest.substr(rest.find(": ") + 2)), kind);
    line.diagnostic.file = place;
    return line;
  }
  const bool assembler = found->word == "Error: " || found->word == "Warning: " || found->word == "Fatal error: ";
  int column = take_number(place);
  int number = take_number(place);
  if (number == 0) std::swap(number, column);
  const std::string_view tool = number == 0 ? tool_of(program_of(place)) : std::string_view{};
  if (at == 0 && assembler) return std::nullopt;  // a sentence of NVIDIA's: "Warning: ..."
  if (contains(place, " ") && tool.empty() && !place.starts_with('{')) return std::nullopt;

  LogLine line = diagnostic(!tool.empty() ? tool : assembler ? "as" : at == 0 ? "make" : "gcc", rest, kind);
  if (found->word == "internal compiler error: ")
    line.diagnostic.message = "internal compiler error: " + line.diagnostic.message;
  // What collect2 and clang's driver print is a consequence of the linker's message.
  line.follows = rest.starts_with("ld returned ") || rest.starts_with("linker command failed");
  const bool temporary = place.starts_with("/tmp/") && !place.ends_with(".c") && !place.ends_with(".h");
  if (tool.empty() && !place.starts_with("{standard input}") && !temporary) {
    line.diagnostic.file = place;
    line.diagnostic.line = number;
    line.diagnostic.column = column;
  } else if (tool == "make") {
    line.diagnostic.message = trimmed(rest);
  }
  return line;
}

std::optional<LogLine> from_linker(std::string_view text) {
  const bool by_name = tool_of(program_of(text)) == "ld";
  const bool about_symbol = contains(text, ": undefined reference to ") || contains(text, ": multiple definition of ");
  if (!by_name && !about_symbol) return std::nullopt;
  std::string_view message = by_name ? trimmed(text.substr(text.find(':') + 1)) : text;
  if (message.ends_with(':') && contains(message, ": in function ")) return of_kind(Kind::noise);
  const bool follows = contains(message, "cannot find ") && contains(message, ".o");
  LogLine line = diagnostic("ld", message, Diagnostic::Kind::error, follows);
  if (!about_symbol) return line;
  // "nvidia/nv.c:(.text+0x1c): undefined reference to 'x'": one symbol, many addresses.
  const auto what = message.find("undefined reference to ");
  const auto start = what != std::string_view::npos ? what : message.find("multiple definition of ");
  std::string_view place = message.substr(0, start);
  line.diagnostic.message = message.substr(start);
  place = place.substr(0, place.find(":("));
  if (place.ends_with(": ")) place.remove_suffix(2);
  line.diagnostic.line = take_number(place);
  line.diagnostic.file = place;
  return line;
}

// Faults of the machine that any program may report.
std::optional<LogLine> from_machine(std::string_view text) {
  static constexpr std::array<std::string_view, 7> ends{
      ": No space left on device", ": Disk quota exceeded", ": Read-only file system", ": Cannot allocate memory",
      ": command not found",       ": not found",           ": Permission denied"};
  const bool known = std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return text.ends_with(end); });
  if (!known) return std::nullopt;
  const std::string_view tool = tool_of(program_of(text));
  const bool not_found = text.ends_with("not found");
  if (tool.empty() && (not_found || text.ends_with(": Permission denied"))) return std::nullopt;
  return diagnostic(tool.empty() ? "sh" : tool, text);
}

// --- the rest --------------------------------------------------------------------------------------------------------

// Kbuild's short log: two spaces, a word in capitals, possibly [M], and a name. NVIDIA's: " CONFTEST: name".
std::optional<LogLine> from_step(std::string_view text) {
  std::string_view rest = trimmed(text);
  if (!text.starts_with(' ')) return std::nullopt;
  if (rest.starts_with("CONFTEST")) {
    LogLine line = of_kind(Kind::step);
    rest.remove_prefix(8);
    // " CONFTEST: name" starts a test; " CONFTEST functions.h:" shows a header.
    line.step = rest.starts_with(": ") ? "CONFTEST" : "CONFTEST-HEADER";
    while (!rest.empty() && (rest.front() == ':' || rest.front() == ' ')) rest.remove_prefix(1);
    if (rest.ends_with(':')) rest.remove_suffix(1);
    line.subject = rest;
    return line;
  }
  if (!text.starts_with("  ") || text.starts_with("   ")) return std::nullopt;
  std::size_t end = 0;
  while (end < rest.size() && ((rest[end] >= 'A' && rest[end] <= 'Z') || is_digit(rest[end]) || rest[end] == '_'))
    ++end;
  if (end < 2 || end >= rest.size() || rest[end] != ' ' || !(rest[0] >= 'A' && rest[0] <= 'Z')) return std::nullopt;
  LogLine line = of_kind(Kind::step);
  line.step = rest.substr(0, end);
  rest = trimmed(rest.substr(end));
  if (rest.starts_with("[M]")) {
    line.step += " [M]";
    rest = trimmed(rest.substr(3));
  }
  line.subject = rest;
  return line;
}

std::optional<LogLine> from_conftest(std::string_view text) {
  if (!text.starts_with("*** ") || !text.ends_with(" ***")) return std::nullopt;
  const std::string_view sentence = trimmed(text.substr(4, text.size() - 8));
  if (sentence.empty()) return std::nullopt;
  LogLine line = of_kind(Kind::conftest);
  line.subject = sentence;
  // Since driver 495 another compiler is a warning.
  line.fatal = !(contains(sentence, "version check") && !contains(sentence, "Bailing out"));
  return line;
}

bool is_quoted_source(std::string_view text) {
  std::string_view rest = trimmed(text);
  while (!rest.empty() && is_digit(rest.front())) rest.remove_prefix(1);
  rest = trimmed(rest);
  return text.starts_with(' ') && rest.starts_with('|');
}

// "  184 |     .open = f,": the line number tells to which message it belongs.
std::optional<LogLine> from_quoted(std::string_view text) {
  if (!is_quoted_source(text)) return std::nullopt;
  std::string_view rest = trimmed(text);
  if (!is_digit(rest.front())) return of_kind(Kind::noise);  // a caret
  LogLine line = of_kind(Kind::quoted);
  for (; is_digit(rest.front()) && line.diagnostic.line < 100'000'000; rest.remove_prefix(1))
    line.diagnostic.line = line.diagnostic.line * 10 + (rest.front() - '0');
  rest.remove_prefix(rest.find('|') + 1);
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  line.subject = rest;
  return line;
}

bool is_context(std::string_view text) {
  if (text.starts_with("In file included from ")) return true;
  if (text.starts_with("   ") && trimmed(text).starts_with("from ") && (text.ends_with(',') || text.ends_with(':')))
    return true;
  return text.ends_with(':') && (contains(text, ": In function ") || contains(text, ": At top level") ||
                                 contains(text, ": In member function "));
}

bool is_noise(std::string_view text) {
  return text == "compilation terminated." || contains(text, "Assembler messages:") ||
         contains(text, "warnings being treated as errors") || contains(text, "(Each undeclared identifier") ||
         text.starts_with("Skipping BTF generation");
}

bool says_clang(std::string_view text) {
  if (!text.ends_with(" generated.") || text.empty() || !is_digit(text.front())) return false;
  return contains(text, "error") || contains(text, "warning");
}

}  // namespace

std::string plain_text(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\x1b' && i + 1 < text.size() && text[i + 1] == '[') {
      i += 2;
      while (i < text.size() && !(text[i] >= '@' && text[i] <= '~')) ++i;
      continue;
    }
    if (c == '\r') continue;
    if (c == '\xe2' && text.substr(i, 2) == "\xe2\x80" && i + 2 < text.size()) {
      const char third = text[i + 2];
      if (third == '\x98' || third == '\x99') plain += '\'';
      if (third == '\x9c' || third == '\x9d') plain += '"';
      if (third == '\x98' || third == '\x99' || third == '\x9c' || third == '\x9d') {
        i += 2;
        continue;
      }
    }
    plain += c == '`' ? '\'' : c;
  }
  return plain;
}

LogLine read_log_line(std::string_view raw) {
  const std::string text = plain_text(raw);
  if (trimmed(text).empty()) return of_kind(Kind::noise);
  if (is_context(text)) {
    LogLine line = of_kind(Kind::context);
    line.subject = text;
    return line;
  }
  if (auto line = from_quoted(text)) return *line;
  if (is_noise(text)) return of_kind(Kind::noise);
  if (says_clang(text)) return of_kind(Kind::clang);
  if (auto line = from_step(text)) return *line;
  // No tool indents a message; an old gcc indents source lines, and conftest headers.
  if (text.front() == ' ') return of_kind(Kind::other);
  if (auto line = from_conftest(text)) return *line;
  // Kbuild with unconfigured headers.
  if (text.starts_with("***  ERROR: ")) return diagnostic("make", std::string_view(text).substr(12));
  // resolve_btfids.
  if (text.starts_with("FAILED: ")) return diagnostic("pahole", std::string_view(text).substr(8));
  if (text.starts_with("Encountered error while encoding BTF")) return diagnostic("pahole", text);
  if (text.starts_with("fixdep: ")) return diagnostic("make", text, Diagnostic::Kind::error, true);
  if (auto line = from_make(text)) return *line;
  if (auto line = from_modpost(text)) return *line;
  if (auto line = from_marked(text)) return *line;
  if (auto line = from_machine(text)) return *line;
  if (auto line = from_linker(text)) return *line;
  return of_kind(Kind::other);
}

}  // namespace vgpukit::diagnostics
