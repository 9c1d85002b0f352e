// One question about a kernel, and its text form for cache keys, --assume, `kernel facts --ask` and reports.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::kernel {

// Two questions with the same key() are the same question.
struct Question {
  enum class Kind {
    symbol,         // name: exported by the kernel or one of its modules (Module.symvers)
    symbol_is_gpl,  // name: exported GPL-only. No when it is not exported at all
    config,         // name: CONFIG_X is y or m; with `value`: is exactly that
    header,         // name: a file that <...> finds with the kernel's include paths ("linux/mdev.h")
    // name: a function, variable, macro, enumerator or type ("struct x", "union x", "enum x", a typedef) that is
    // declared once `headers` are included
    declaration,
    // code: a snippet at file scope that compiles without error (warnings that the kernel makes errors count)
    compiles,
    compiler,  // name: "gcc>=15", "clang>=18", "gcc": the compiler that builds for this kernel
    // name: a variable or option in the kernel's own build files (Makefile, scripts/Makefile.{lib,build},
    // scripts/Kbuild.include)
    kbuild,
    // name: something that no header shows, read from the kernel image if there is one, else from the list of stable
    // releases that have it. The only name: symbol-get-gpl-only
    behaviour,
  };
  Kind kind = Kind::symbol;
  std::string name;
  std::string value;                 // config only
  std::vector<std::string> headers;  // declaration, compiles: included first, in this order
  std::string code;                  // compiles
  // compiles: the thing whose form the snippet asks for, as in a declaration ("MODULE_IMPORT_NS", "struct drm_driver").
  // If the headers do not declare it, the answer is neither yes nor no, but absent. Not part of key().
  std::string of = {};

  // "declaration follow_pfn linux/mm.h". Stable: cache, --assume and reports use it.
  [[nodiscard]] std::string key() const;
  // The inverse of key(), for --assume and `kernel facts --ask`: "symbol NAME", "symbol-is-gpl NAME",
  // "config CONFIG_X[=V]", "header PATH", "declaration NAME HEADER...", "compiler EXPR", "kbuild NAME",
  // "behaviour NAME". `compiles` has no such form (its key has a hash).
  static Result<Question> parse(std::string_view text);
  // Whether names are identifiers, headers are paths, and a compiler expression can be parsed. Error: usage.
  // Facts::ask() calls this; a recipe loader may call it earlier.
  static Status check(const Question& question);
  static std::string_view kind_name(Kind kind);  // "symbol-is-gpl"
  static std::optional<Kind> kind_from(std::string_view name);
};

}  // namespace vgpukit::kernel
