// Finds common prefixes of the C files of a module: a prefix can be precompiled once. Internal to build/.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace vgpukit::build {

struct HeaderPrefix {
  std::string text;  // #include and #define lines, each with its newline
  // With the prefix, the compiler lists some headers later among a file's dependencies than without it. modpost hashes
  // the listed files in that order (CONFIG_MODULE_SRCVERSION_ALL). `header` has to be moved before `before`. Both are
  // paths in the tree.
  struct Move {
    std::string header, before;
  };
  struct File {
    std::string path;
    std::vector<Move> moves;
    // Macros without a value that the file defines before the headers, and that no header of the driver mentions. The
    // text does not contain them: it is a prefix of this file only if no header of the kernel mentions them either.
    std::vector<std::string> macros;
  };
  std::vector<File> files;  // the files that begin with it
};

struct HeaderLookup {
  // The text of a file of the driver, by its path in the tree; nothing if it does not exist.
  std::function<std::optional<std::string>(const std::string& path)> read;
  // Whether the kernel has this header ("linux/mm.h") and it may be included twice.
  std::function<bool(const std::string& name)> kernel_header_may_repeat;
};

// `sources`: C files of one folder of the tree ("nvidia/nv.c"). Each prefix saves time: it includes many headers of the
// kernel, for enough files. With the prefix the compiler sees the same tokens in the same order as without it: the
// prefix ends at the first text that is no #include, inside of headers too; it contains only whole headers that may be
// included twice. It also ends at a name that could mean two files of the driver, at a header that includes itself, and
// at a condition.
std::vector<HeaderPrefix> header_prefixes(const std::vector<std::string>& sources, const HeaderLookup& lookup);

}  // namespace vgpukit::build
