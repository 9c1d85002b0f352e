// Writes a .run again with changed kernel sources.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "driver/driver.hpp"
#include "support/atomic_file.hpp"
#include "support/result.hpp"

namespace vgpukit::driver {

// Path below the driver's sources -> new text; nullopt: removed. (The type of transform::SourceTree::Edits.)
using SourceEdits = std::map<std::string, std::optional<std::string>, std::less<>>;

// Writes the installer of `driver` to `to`, which does not exist, with `edits` made in its folder of kernel sources.
// Other entries stay as they are, byte for byte and in their order. In the header only the checksums and sizes change,
// so its own --check, --list and --extract-only work as before. The compression stays the same. New files are added to
// .manifest, because nvidia-installer does not copy other files to the dkms tree; removed files are removed from it.
// Errors: usage if the driver is not from an installer, if the installer is damaged, or if `to` exists; no_space or
// missing if it cannot be written; interrupted.
Status repack_run_file(const Driver& driver, const SourceEdits& edits, const fs::path& to,
                       const OnPackage& on_progress = {});

}  // namespace vgpukit::driver
