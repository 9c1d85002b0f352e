// What many C files of a module begin with, so that the compiler need read it only once. Internal to build/.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace vgpukit::build {

struct HeaderPrefix {
  std::string text;  // #include and #define lines, each with its newline
  // Behind the text the compiler meets some headers later than it would alone, and lists them later among a file's
  // dependencies; modpost hashes what is listed (CONFIG_MODULE_SRCVERSION_ALL) in that order. Paths in the tree:
  // `header` belongs before `before`.
  struct Move {
    std::string header, before;
  };
  struct File {
    std::string path;
    std::vector<Move> moves;
    // Macros that the file defines, as nothing, in front of the headers, and that no header of the driver's mentions.
    // The text does not have them: it is this file's beginning only where the kernel's headers don't mention them
    // either.
    std::vector<std::string> macros;
  };
  std::vector<File> files;  // those that begin with it
};

struct HeaderLookup {
  // The text of a driver's file, by its path in the tree; nothing where there is none.
  std::function<std::optional<std::string>(const std::string& path)> read;
  // Whether the kernel has this header ("linux/mm.h") and it does nothing when it is included once more.
  std::function<bool(const std::string& name)> kernel_header_may_repeat;
};

// `sources`: C files of one folder of the tree ("nvidia/nv.c"). A prefix is worth a precompiled header: it brings many
// headers of the kernel, to enough files. The compiler sees the very same tokens in the same order whether a file of a
// prefix stands alone or behind its text: headers are included as deep as the first text that is not an #include, only
// whole ones, and only those that do nothing the second time. A name that could mean two files of the driver, a header
// that includes itself or a condition ends it.
std::vector<HeaderPrefix> header_prefixes(const std::vector<std::string>& sources, const HeaderLookup& lookup);

// Whether a header's whole text stands behind an include guard, or is macros without conditions: it may be included
// twice.
bool may_be_included_twice(std::string_view header);

}  // namespace vgpukit::build
