// A .run written again, with changed kernel sources in it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "driver/driver.hpp"
#include "support/atomic_file.hpp"
#include "support/result.hpp"

namespace vgpukit::driver {

// Path below the driver's sources -> new text; nothing: removed. (SourceTree::Edits)
using SourceEdits = std::map<std::string, std::optional<std::string>, std::less<>>;

// Writes the installer that `driver` is from to `to`, which is not there yet, with `edits` made in its folder of kernel
// sources. All else in it stays as it is, byte for byte and in its order; the header, too, but for the sums and sizes,
// so its own --check,
// --list and --extract-only work as before, and the payload is compressed as before. New files become part of
// .manifest, without which nvidia-installer would leave them out of the dkms tree; removed ones go from it. Errors:
// usage when the driver is from no installer, when that is damaged, or when `to` is there; missing for a full disk;
// failed when interrupted.
Status repack_run_file(const Driver& driver, const SourceEdits& edits, const fs::path& to,
                       const OnPackage& on_progress = {});

}  // namespace vgpukit::driver
