// Unpacks an installer's payload: all of it, or what building needs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "driver/run_file.hpp"
#include "driver/unpack_target.hpp"
#include "support/result.hpp"

namespace vgpukit::driver {

// Unpacks a .run into `target` as extract_archive() does, and refuses the same entries. RunPart::kernel takes only what
// building needs (kernel/, kernel-open/, .manifest) and stops reading when it has all kernel files that .manifest
// names. Error: also usage if .manifest names a kernel file that the package lacks. `header` comes from
// read_run_header(), and check_run_file() has succeeded.
enum class RunPart { all, kernel };
Status unpack_run_file(const fs::path& file, const RunHeader& header, const fs::path& target, RunPart part,
                       const OnPackage& on_progress = {}, const ExtractLimits& limits = {});

// The kernel sources that the installer's .manifest does not name. nvidia-installer does not copy them to the dkms
// tree, so later builds there fail. Empty for a driver that is not from an installer, or from one without .manifest.
std::vector<std::string> unnamed_sources(const Driver& driver);

}  // namespace vgpukit::driver
