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
  bool binary_object = false;  // *.o_binary; may be a symbolic link (the open modules' own Makefile creates one)
};

// Every source and binary object below `folder`, sorted by path, without build output, symbolic links (except binary
// objects) and names that start with a dot (except .manifest). Error: usage if a folder cannot be read.
Result<std::vector<SourceFile>> list_sources(const std::filesystem::path& folder);

// A hash of paths and bytes: a copy of a package has the same one. Sizes and times would not do, because whoever makes
// a package can choose them.
Result<std::string> hash_sources(const std::filesystem::path& folder, const std::vector<SourceFile>& files);

// Copies a binary object as clone_beneath() does. It may be a link to another folder of the package. A link that leaves
// the package is refused here, too: somebody may have put it there since list_sources().
Status copy_binary_object(const std::filesystem::path& folder, const std::string& path,
                          const std::filesystem::path& to);

}  // namespace vgpukit::driver
