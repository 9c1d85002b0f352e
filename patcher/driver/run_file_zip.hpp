// The zip of NVIDIA's licensing portal: Host_Drivers/ and Guest_Drivers/ with a .run in each, and documents.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "support/atomic_file.hpp"
#include "support/result.hpp"

namespace vgpukit::driver {

// The .run that a path of the command line names: the file itself, or one in a zip. Empty for anything else (a folder,
// a tarball, a zip without .run files). Error: usage if a zip has several and the path names none.
Result<PackageFile> find_package(const fs::path& path);

// Writes the .run to `to`, which does not exist: a reflink if the file system has them, otherwise a copy. A member of a
// zip is unpacked. Error: usage for a damaged zip; no_space or missing if `to` cannot be written.
Status copy_package(const PackageFile& package, const fs::path& to, const OnPackage& on_progress = {});

// Checks an installer and unpacks all of it into `target`, as extract_archive() does. It may be for another processor.
Status unpack_package(const PackageFile& package, const fs::path& target, const OnPackage& on_progress = {});

// FILE.zip/path/inside.run -> {FILE.zip, "path/inside.run"} if FILE.zip is a zip; otherwise {path, ""}.
PackageFile split_zip_path(const fs::path& path);

// The .run files in a zip, sorted; may be none. Error: usage for a damaged zip.
Result<std::vector<std::string>> list_run_members(const fs::path& zip);

// Chooses one of them: `wanted` (a path in the zip, or the end of one); if it is empty, the one for vGPU hosts of this
// processor, or the only one. Error: usage, with a list of them.
Result<std::string> choose_run_member(const fs::path& zip, const std::vector<std::string>& members,
                                      const std::string& wanted);

// Calls use(FILE) with the .run as a file. A member of a zip is unpacked to `folder` and removed afterwards; the
// message of an error has its name in the zip.
Status with_run_file(const PackageFile& package, const fs::path& folder, const OnPackage& on_progress,
                     const std::function<Status(const fs::path& file)>& use);

}  // namespace vgpukit::driver
