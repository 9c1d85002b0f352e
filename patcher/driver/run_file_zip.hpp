// The zip of NVIDIA's licensing portal: Host_Drivers/ and Guest_Drivers/ with a .run in each, and documents.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "support/atomic_file.hpp"
#include "support/result.hpp"

namespace vgpukit::driver {

// The .run that a path on the command line means: itself, or one in a zip. Empty: it is none (a folder, a tarball,
// another zip). Error: usage, when a zip has several and none is named.
Result<PackageFile> find_package(const fs::path& path);

// Puts the .run at `to`, which is not there yet: a clone where the file system can, else a copy; a member of a zip is
// unpacked. Error: usage for a damaged zip, missing for a full disk.
Status copy_package(const PackageFile& package, const fs::path& to, const OnPackage& on_progress = {});

// Checks an installer and unpacks all of it into `target`, as extract_archive() does. One for another processor is
// fine.
Status unpack_package(const PackageFile& package, const fs::path& target, const OnPackage& on_progress = {});

// FILE.zip/path/inside.run -> {FILE.zip, "path/inside.run"}, when FILE.zip is a zip; else {path, ""}.
PackageFile split_zip_path(const fs::path& path);

// The .run files in a zip, sorted. None: it is another kind of zip. Error: usage for a damaged one.
Result<std::vector<std::string>> list_run_members(const fs::path& zip);

// Which of them is meant: `wanted` (its path in the zip, or the end of one), or without it the one for vGPU hosts of
// this processor, or the only one. Error: usage, listing them and how to name one.
Result<std::string> choose_run_member(const fs::path& zip, const std::vector<std::string>& members,
                                      const std::string& wanted);

// Calls use(FILE) with the .run as a file: a member of a zip is unpacked to `folder` while that lasts. In the message
// of an error it is called by its name in the zip.
Status with_run_file(const PackageFile& package, const fs::path& folder, const OnPackage& on_progress,
                     const std::function<Status(const fs::path& file)>& use);

}  // namespace vgpukit::driver
