// The files of a driver's source folder: the list of sources, and a hash of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::driver {

// Whether this is build output (*.o, *.ko, *.mod, *.mod.c, Module.symvers, modules.order, nv_compiler.h, conftest/,
// conftest123.c). `name` is the name of a file or folder. transform::SourceTree uses the same rule, because every file
// that a recipe can read must be part of Driver::content.
bool is_build_output(std::string_view name, bool is_folder);

struct SourceFile {
  std::string path;  // relative to the folder, '/' separated
  std::uintmax_t bytes = 0;
  std::int64_t mtime_ns = 0;
  bool binary_object = false;  // *.o_binary; may be a symbolic link (the open modules' own Makefile creates one)
};

// Every source and binary object below `folder`, sorted by path, without build output, symbolic links (except binary
// objects) and names that start with a dot (except .manifest). Error: usage if a folder cannot be read.
Result<std::vector<SourceFile>> list_sources(const std::filesystem::path& folder);

// quick: the path, size and mtime of binary objects. whole: their bytes, so that a copy of a package has the same hash.
enum class HashDepth { quick, whole };
Result<std::string> hash_sources(const std::filesystem::path& folder, const std::vector<SourceFile>& files,
                                 HashDepth depth);

}  // namespace vgpukit::driver
