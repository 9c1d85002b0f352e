// /usr/src/nvidia-VERSION: the driver's sources as they came, with a dkms.conf of ours by which dkms has its copy
// patched for the kernel that it builds for. The templates are in kbuild/dkms.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "support/result.hpp"

namespace vgpukit::install {

// What was decided when the driver was installed, for the builds to come: nobody can be asked in the middle of a kernel
// upgrade.
struct DkmsChoices {
  std::set<std::string> accepted;    // notices
  std::vector<std::string> recipes;  // folders of --recipes, as the root knows them
  bool shipped_recipes = true;
  std::vector<std::string> without;  // recipes to leave out
  std::vector<std::string> modules;  // never empty
};

// Where dkms wants it: "/usr/src/nvidia-VERSION", as the root knows it.
std::filesystem::path dkms_source_folder(const std::string& version);

// Fills `folder` (empty or new). `vgpukit`: the program that dkms will run, as the root knows it.
Status write_dkms_tree(const std::filesystem::path& folder, const driver::Driver& driver, const DkmsChoices& choices,
                       const std::string& vgpukit);

// Reads the choices of such a folder, or of dkms's copy of it. Error: usage when it is none, or is damaged.
Result<DkmsChoices> read_dkms_choices(const std::filesystem::path& folder);

// dkms from 3.0 on signs what it builds, with a key of its own unless it is told of another. This is where it is told
// of the key of our configuration; without one what we told it earlier is taken back.
inline constexpr const char* dkms_signing_file = "/etc/dkms/framework.conf.d/vgpukit.conf";
Status write_dkms_signing(const HostPaths& host);

// Is this a folder that write_dkms_tree() filled?
bool is_our_dkms_tree(const std::filesystem::path& folder);

}  // namespace vgpukit::install
