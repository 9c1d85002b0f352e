#include "kernel/kernel_headers.hpp"

#include <algorithm>

#include "kernel/headers_layout.hpp"

namespace vgpukit::kernel {

std::vector<KernelHeaders> list_headers(const HostPaths& host) {
  std::vector<KernelHeaders> all;
  for (const auto& found : find_headers_folders(host)) {
    if (found.release.empty()) continue;
    if (std::any_of(all.begin(), all.end(), [&](const auto& each) { return each.release == found.release; })) continue;
    const auto source = source_of(host, found.build);
    if (!source) continue;
    const auto config = read_config(host.in_root(found.build / "include/config/auto.conf"));
    const std::string arch = "arch/" + (config ? arch_folder(*config) : "x86") + "/include";
    KernelHeaders headers{found.release, {}};
    std::error_code bad;
    for (const char* part : {"", "/uapi"})
      for (const auto& folder : {*source / (arch + part), *source / (std::string("include") + part)})
        if (const auto here = host.in_root(folder); fs::is_directory(here, bad)) headers.folders.push_back(here);
    for (const char* name : kbuild_makefiles)
      if (const auto here = host.resolve(*source / name)) headers.makefiles.push_back(*here);
    all.push_back(std::move(headers));
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return is_older_release(a.release, b.release); });
  return all;
}

std::optional<fs::path> find_header(const Kernel& kernel, std::string_view name) {
  // The include paths of every kernel since 3.7 (LINUXINCLUDE in the top Makefile).
  const fs::path arch = fs::path("arch") / arch_folder(kernel.config) / "include";
  const fs::path places[] = {kernel.source / arch,           kernel.build / arch / "generated",
                             kernel.source / "include",      kernel.build / "include",
                             kernel.source / arch / "uapi",  kernel.build / arch / "generated/uapi",
                             kernel.source / "include/uapi", kernel.build / "include/generated/uapi"};
  std::error_code ignored;
  for (const auto& place : places) {
    const auto path = kernel.host.resolve(place / name);
    if (path && fs::is_regular_file(*path, ignored)) return place / name;
  }
  return std::nullopt;
}

}  // namespace vgpukit::kernel
