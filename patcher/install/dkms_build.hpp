// What our dkms.conf has dkms run: a build of the sources that dkms has copied, by the same engine as `vgpukit build`.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "build/build_report.hpp"
#include "build/build_tree.hpp"
#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::install {

struct DkmsBuildRequest {
  std::filesystem::path folder;   // dkms's copy of what write_dkms_tree() wrote
  std::string release;            // the kernel that dkms builds for
  std::filesystem::path headers;  // the headers that dkms would use; empty: not checked
  std::map<std::string, bool> assumptions;
  std::function<void(const build::BuildProgress&)> on_progress = {};
  std::function<void(std::string_view)> on_step = {};
};

// run_build() with the choices of the installation. If it succeeds, the modules are copied into the folder, where dkms
// expects them; otherwise the folder has none. If the same was built before (`vgpukit build --kernel newest`, or
// `vgpukit install` itself), its modules are used, after their hashes were compared. Errors: usage for a folder that
// write_dkms_tree() has not filled, and if dkms would use other headers; those of run_build().
Result<build::BuildReport> dkms_build(const HostPaths& host, const DkmsBuildRequest& request);

// For folders of vgpukit up to 0.1.0. Their script runs the command dkms-prebuild and then the file vgpukit-make. This
// writes one that runs `program dkms-build`.
Status write_dkms_make_script(const DkmsBuildRequest& request, const std::string& program);

}  // namespace vgpukit::install
