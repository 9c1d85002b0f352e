// `vgpukit package`: the modules of a finished build as a package of the distribution's format, made with its own
// tools.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "build/build_report.hpp"
#include "kernel/kernel.hpp"
#include "support/result.hpp"

namespace vgpukit::install {

enum class PackageFormat { deb, rpm, arch };
std::string_view package_format_name(PackageFormat format);
std::optional<PackageFormat> package_format_from(std::string_view name);

struct PackageRequest {
  PackageFormat format = PackageFormat::deb;
  const build::BuildReport* build = nullptr;  // result "built", with modules
  const kernel::Kernel* kernel = nullptr;
  std::string depends;           // in the format's own words; empty: the package of this very kernel
  unsigned revision = 1;         // of the package, after the driver's version
  std::filesystem::path output;  // the folder where the package goes
};

struct ModulePackage {
  std::filesystem::path file;
  std::string name, version, depends;
};

// The name of the package. It names the kernel and not the driver, so that the next driver's package replaces it.
std::string package_name(PackageFormat format, const std::string& release);

// The package of the kernel itself, as a dependency: Debian's linux-image-RELEASE (of any maker's naming), Proxmox'
// kernel, the rpm capability kernel-uname-r, or on Arch the package that /usr/lib/modules/RELEASE/pkgbase names with
// its exact version. Error: usage if the kernel does not tell.
Result<std::string> kernel_dependency(PackageFormat format, const kernel::Kernel& kernel);

// Makes the package with dpkg-deb, rpmbuild or makepkg of this machine. The modules go to updates/vgpukit of the
// kernel's folder; depmod runs when the package is installed and removed. Its README lists what was built, the recipes
// and the notices. A file of that name is replaced. Errors: missing if the tool is absent (its package is named);
// no_space; failed, with the tool's output; usage, as for kernel_dependency().
Result<ModulePackage> make_package(const PackageRequest& request);

}  // namespace vgpukit::install
