#include "diagnostics/error_hints.hpp"

#include <array>
#include <string_view>

#include "support/text.hpp"

namespace vgpukit::diagnostics {
namespace {

// The n-th text in quotes ('x' or "x"), from 0; empty if there are fewer.
std::string_view quoted(std::string_view text, int n = 0) {
  std::size_t at = 0;
  for (;; --n) {
    const auto start = text.find_first_of("'\"", at);
    if (start == std::string_view::npos) return {};
    const auto end = text.find(text[start], start + 1);
    if (end == std::string_view::npos) return {};
    if (n == 0) return text.substr(start + 1, end - start - 1);
    at = end + 1;
  }
}

// Replaces {} by the name that the message is about.
std::string about(std::string_view sentence, std::string_view name) {
  std::string text(sentence);
  if (const auto at = text.find("{}"); at != std::string::npos) text.replace(at, 2, name);
  return text;
}

struct Rule {
  std::string_view part;  // of the message
  int name;               // the index of the quoted text that replaces {}; -1: none
  std::string_view sentence;
};

constexpr std::string_view undeclared_function =
    "this kernel does not declare {}() in the headers that the driver includes: it was removed, renamed or moved to "
    "another header; a recipe must name its replacement";
constexpr std::string_view undefined_type =
    "{} is not defined in this kernel's headers that the driver includes: it was renamed or moved to another header";
constexpr std::string_view killed_signal = "Killed signal terminated";
constexpr std::string_view no_memory = "out of memory";
constexpr std::string_view unknown_option =
    "this compiler does not know an option of the kernel's configuration: use the compiler that built the kernel";

// The first rule whose part is in the message is used.
constexpr std::array<Rule, 21> compiler_rules{{
    {"implicit declaration of function", 0, undeclared_function},
    {"call to undeclared function", 0, undeclared_function},
    {"undeclared", 0,
     "this kernel no longer has {}, or has it in another header; a recipe must remove its use or name its "
     "replacement"},
    {"too few arguments to", 0,
     "{}() takes more arguments in this kernel; compare its declaration in the kernel's headers with the call"},
    {"too many arguments to", 0,
     "{}() takes fewer arguments in this kernel; compare its declaration in the kernel's headers with the call"},
    {"arguments, but ", 0,
     "the macro {} takes another number of arguments in this kernel; compare its definition with the call"},
    {"no member named", 1,
     "this kernel's structure has no member {}: it was removed, renamed or replaced by accessor functions"},
    {"has incomplete type", -1,
     "the type is not defined in this kernel's headers that the driver includes: it was renamed or moved to another "
     "header"},
    {"undefined type", 0, undefined_type},
    {"incomplete type", 0, undefined_type},
    {"unknown type name", 0, undefined_type},
    {"incompatible pointer type", -1,
     "a function or callback has another prototype in this kernel; compare the declaration in its headers"},
    {"incompatible function pointer types", -1,
     "a callback has another prototype in this kernel; compare the declaration in its headers"},
    {"void value not ignored", -1, "the function returns nothing in this kernel; its result must not be used"},
    {"conflicting types for", 0, "the kernel declares {} with another type than the driver"},
    {"redefinition of", 0, "this kernel defines {} itself; the driver's definition is no longer needed"},
    {"conftest failed!", -1,
     "conftest could not compile its probe: headers and compiler do not match, or the probe is too old for them"},
    {killed_signal, -1,
     "the compiler was killed, most likely because memory ran out: build with fewer jobs (--jobs 1)"},
    {no_memory, -1, "the compiler ran out of memory: build with fewer jobs (--jobs 1)"},
    {"unrecognized command", -1, unknown_option},
    {"unknown argument", -1, unknown_option},
}};

constexpr std::array<Rule, 5> modpost_rules{{
    {"GPL-incompatible module", 0, "this kernel exports {} to GPL-compatible modules only; a recipe must avoid it"},
    {"undefined!", 0,
     "neither this kernel nor another module of the driver exports {}; a recipe must name its replacement"},
    {"but does not import it", -1, "the driver needs a MODULE_IMPORT_NS() for this kernel; a recipe must add it"},
    {"missing MODULE_LICENSE", -1,
     "the module has no licence; the file with MODULE_LICENSE() was not built or not linked"},
    {"Module.symvers is missing", -1,
     "install the complete headers of this kernel: Module.symvers lists what it exports"},
}};

std::string missing_header(std::string_view message) {
  std::string_view header;
  if (message.ends_with(": No such file or directory")) header = message.substr(0, message.find(": No such file"));
  if (message.ends_with("' file not found")) header = quoted(message);
  if (!header.ends_with(".h")) return {};
  return about(
      "this kernel has no <{}>: its declarations were moved to another header or removed; a recipe must change the "
      "include",
      header);
}

std::string machine_hint(std::string_view message) {
  if (contains(message, "No space left on device"))
    return "the disk is full: free some space (df -h), or move the cache (VGPUKIT_CACHE), and build again";
  if (contains(message, "Disk quota exceeded"))
    return "your disk quota is used up: free some space, or move the cache (VGPUKIT_CACHE), and build again";
  if (contains(message, "Read-only file system")) return "the folder of the build cannot be written";
  if (contains(message, "Cannot allocate memory") || message.ends_with("] Killed") || message.ends_with(" Error 137")) {
    return "memory ran out: build with fewer jobs (--jobs 1)";
  }
  if (contains(message, "internal compiler error") || contains(message, "frontend command failed"))
    return "the compiler crashed: build again; if it crashes at the same place, install the compiler again, and check "
           "that enough memory is free";
  return {};
}

std::string make_hint(std::string_view message) {
  if (message.starts_with("No rule to make target")) {
    const std::string_view file = quoted(message);
    if (file.ends_with("_binary") || file.ends_with("kernel.o")) {
      return "the package lacks one of NVIDIA's binary objects; use the complete package";
    }
    return about("{} does not exist; the driver's package or the kernel's headers are incomplete", file);
  }
  if (message.ends_with("Command not found") || message.ends_with("command not found") ||
      message.ends_with(": not found")) {
    return "a program that the build needs is not installed (in the root, if one is named)";
  }
  if (contains(message, "Kernel configuration is invalid"))
    return "these headers are not configured; install the kernel's headers package";
  return {};
}

template <std::size_t N>
std::string from_rules(const std::array<Rule, N>& rules, std::string_view message) {
  for (const Rule& rule : rules) {
    if (!contains(message, rule.part)) continue;
    const std::string_view name = rule.name < 0 ? std::string_view{} : quoted(message, rule.name);
    if (rule.name >= 0 && name.empty()) return {};
    return about(rule.sentence, name);
  }
  return {};
}

}  // namespace

std::optional<ErrorKind> machine_fault(const Diagnostic& diagnostic) {
  const std::string_view message = diagnostic.message;
  if (contains(message, "No space left on device") || contains(message, "Disk quota exceeded"))
    return ErrorKind::no_space;
  if (!machine_hint(message).empty() || contains(message, killed_signal) || contains(message, no_memory))
    return ErrorKind::failed;
  return std::nullopt;
}

std::string hint_for(const Diagnostic& diagnostic) {
  if (diagnostic.kind == Diagnostic::Kind::warning) return {};
  const std::string_view message = diagnostic.message;
  if (auto hint = machine_hint(message); !hint.empty()) return hint;
  if (diagnostic.tool == "make" || diagnostic.tool == "sh") return make_hint(message);
  if (diagnostic.tool == "modpost") {
    // Some versions of modpost quote the module in front of the symbol.
    if (contains(message, "uses GPL-only symbol '")) {
      return about(modpost_rules[0].sentence, quoted(message.substr(message.find("GPL-only symbol"))));
    }
    return from_rules(modpost_rules, message);
  }
  if (diagnostic.tool == "objtool" && contains(message, "read_stack_limit")) {
    return "this kernel's objtool reads /proc/self/limits: /proc must be mounted in the root";
  }
  if (diagnostic.tool == "pahole") return "type information (BTF) cannot be generated; build without debug information";
  if (auto hint = missing_header(message); !hint.empty()) return hint;
  // Names of the driver come from its Kbuild file, not from the kernel.
  if (contains(message, "'NV_") && contains(message, "' undeclared")) {
    return about(
        "{} is a name of the driver: its Kbuild flags do not reach the compiler; since 6.15 the kernel ignores "
        "EXTRA_CFLAGS, and ccflags-y must be used",
        quoted(message));
  }
  return from_rules(compiler_rules, message);
}

}  // namespace vgpukit::diagnostics
