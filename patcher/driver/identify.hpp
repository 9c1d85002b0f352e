// What the files of a source folder say about the driver: version, flavour, modules, binary objects.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "driver/source_files.hpp"

namespace vgpukit::driver {

// .manifest and is_vgpu_host_package.txt, in `sources` or beside the package's kernel/ folder.
std::vector<std::filesystem::path> package_files(const std::filesystem::path& sources);

// Whether these are the open modules: MODULE_LICENSE in nvidia/nv.c or nvidia/nv-frontend.c contains "GPL".
bool has_open_license(const std::filesystem::path& sources);

// Fills in everything of Driver that the files say, except `path`, `content` and `scratch`.
// Error: usage if no file has a version, if two files have different ones, or if there is no module to build.
Result<Driver> identify(const std::filesystem::path& sources, const std::vector<SourceFile>& files);

}  // namespace vgpukit::driver
