// The files of a driver's source folder: which of them are sources, and one hash over them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::driver {

// Is this left over from a build (*.o, *.ko, *.mod, *.mod.c, Module.symvers, modules.order, nv_compiler.h, conftest/,
// conftest123.c)? `name` is one word of a path. SourceTree::open() has the same rule: what a recipe can see must be
// part of Driver::content.
bool is_build_output(std::string_view name, bool is_folder);

struct SourceFile {
  std::string path;  // relative to the folder, '/' separated
  std::uintmax_t bytes = 0;
  std::int64_t mtime_ns = 0;
  bool binary_object = false;  // *.o_binary; it may be a symbolic link (the open modules' own Makefile makes one)
};

// Every source and binary object below `folder`, sorted by path. Left out: build output, symbolic links (but not to a
// binary object), and names that start with a dot, except .manifest. Error: usage when a folder cannot be read.
Result<std::vector<SourceFile>> list_sources(const std::filesystem::path& folder);

// Quick: binary objects count by path, size and mtime. Whole: by their bytes, so that a copy of a package has the same
// hash.
enum class HashDepth { quick, whole };
Result<std::string> hash_sources(const std::filesystem::path& folder, const std::vector<SourceFile>& files,
                                 HashDepth depth);

}  // namespace vgpukit::driver
