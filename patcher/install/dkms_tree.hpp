// /usr/src/nvidia-VERSION: the driver's unpatched sources with our dkms.conf, which has dkms run `vgpukit dkms-build`
// in its copy. The templates are in kbuild/dkms.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "support/result.hpp"

namespace vgpukit::install {

// What the user chose when the driver was installed. Later builds need it, because a kernel upgrade cannot ask.
struct DkmsChoices {
  std::set<std::string> accepted;  // notices
  // The folders of --recipes, as this process sees them. The tree has copies of their recipes and patches: a kernel
  // upgrade must not depend on a folder that the user may have removed.
  std::vector<std::filesystem::path> recipes;
  bool shipped_recipes = true;
  std::vector<std::string> without;  // recipes to leave out
  std::vector<std::string> modules;  // never empty
};

// The folder that dkms expects: "/usr/src/nvidia-VERSION", as the root knows it.
std::filesystem::path dkms_source_folder(const std::string& version);

// Fills `folder` (empty or new). `vgpukit`: the program that dkms will run, as the root knows it.
Status write_dkms_tree(const std::filesystem::path& folder, const driver::Driver& driver, const DkmsChoices& choices,
                       const std::string& vgpukit);

// Reads the choices of such a folder, or of dkms's copy of it. Error: usage for another folder or a damaged one.
Result<DkmsChoices> read_dkms_choices(const std::filesystem::path& folder);

// The Driver::content of the driver that the folder was written from, if its files are as they were written; otherwise
// that of `driver`, which is the folder opened. So dkms can use what was built from the package itself.
Result<std::string> original_content(const std::filesystem::path& folder, const driver::Driver& driver);

// dkms from 3.0 on signs what it builds, by default with a key of its own. This file names the key of our configuration
// instead. Without such a key write_dkms_signing() removes the file.
inline constexpr const char* dkms_signing_file = "/etc/dkms/framework.conf.d/vgpukit.conf";
Status write_dkms_signing(const HostPaths& host);

// Why dkms would not run our dkms.conf as it is: a file in /etc/dkms replaces its MAKE (then dkms compiles the
// unpatched sources, and nothing verifies the modules), or moves dkms's folders. A sentence with the file; empty: it
// would.
std::string diverted_dkms(const HostPaths& host, const std::string& version);

// Whether write_dkms_tree() has filled this folder.
bool is_our_dkms_tree(const std::filesystem::path& folder);

}  // namespace vgpukit::install
