// What the files of a source folder say about the driver: version, flavour, modules, binary objects.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "driver/source_files.hpp"

namespace vgpukit::driver {

// The files that belong to a package and lie beside its kernel/ folder; nothing when `sources` is the whole package.
// (.manifest, is_vgpu_host_package.txt)
std::vector<std::filesystem::path> package_files(const std::filesystem::path& sources);

// Are these the open modules? Decided by MODULE_LICENSE in nvidia/nv.c or nvidia/nv-frontend.c.
bool has_open_license(const std::filesystem::path& sources);

// Fills in everything of Driver that the files say, except `path`, `content` and `scratch`.
// Error: usage when no file has a version, when two files contradict each other, or when there is no module to build.
Result<Driver> identify(const std::filesystem::path& sources, const std::vector<SourceFile>& files);

}  // namespace vgpukit::driver
