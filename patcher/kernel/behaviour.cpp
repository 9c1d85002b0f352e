#include "kernel/behaviour.hpp"

#include <sys/stat.h>

#include <array>

#include "kernel/kernel_image.hpp"

namespace vgpukit::kernel {

namespace {

constexpr std::string_view message = "failing symbol_get of non-GPLONLY symbol";

// Mainline: 9011e49d54dc ("modules: only allow symbol_get of EXPORT_SYMBOL_GPL modules"), 6.6. The stable releases that
// took it, from Greg Kroah-Hartman's review announcements and the pushes to linux-stable-rc of September 2023:
//   6.5.2 (patch 11/34, 4 September), 6.4.15 (10/32), 6.1.52 (10/31), 5.15.131 (2278b1b314fa in the -rc1),
//   5.10.195 (006/406, 17 September), 5.4.257 (3c9937e3710f in the -rc), 4.19.295 (in the -rc1), 4.14.326 (004/186, 20
//   September).
struct Branch {
  unsigned major;
  unsigned minor;
  unsigned first;
};
constexpr std::array<Branch, 8> stable = {
    {{4, 14, 326}, {4, 19, 295}, {5, 4, 257}, {5, 10, 195}, {5, 15, 131}, {6, 1, 52}, {6, 4, 15}, {6, 5, 2}}};

unsigned part(const Version& version, std::size_t index) {
  return index < version.parts.size() ? version.parts[index] : 0;
}

std::string dotted(const Branch& branch) {
  return std::to_string(branch.major) + "." + std::to_string(branch.minor) + "." + std::to_string(branch.first);
}

// "5.14.0-427.el9", "4.18.0-513.el8_9"
bool is_enterprise(std::string_view release) {
  return release.find(".el") != std::string_view::npos;
}

}  // namespace

Answer symbol_get_by_version(const Version& version, std::string_view release) {
  if (is_enterprise(release))
    return {
        true,
        "Red Hat backports changes and no image could be read, so this is assumed (an export that is GPL-only works "
        "in both cases)"};
  const std::string is = "this is " + version.text;
  if (version >= *Version::parse("6.6")) return {true, is + "; every kernel from 6.6 on refuses it"};
  for (const auto& branch : stable) {
    if (part(version, 0) != branch.major || part(version, 1) != branch.minor) continue;
    const bool yes = part(version, 2) >= branch.first;
    return {yes, is + "; refused from " + dotted(branch) + " on"};
  }
  return {
      false,
      is + "; no release of this branch is known to refuse it (6.6 does, and the stable branches of September 2023)"};
}

std::string image_identity(const Kernel& kernel) {
  const auto image = find_image(kernel);
  const auto real = image ? kernel.host.resolve(*image) : std::nullopt;
  struct stat info {};
  if (!real || ::stat(real->c_str(), &info) != 0) return {};
  return image->string() + " " + std::to_string(info.st_size) + " " + std::to_string(info.st_mtim.tv_sec) + "." +
         std::to_string(info.st_mtim.tv_nsec);
}

Answer symbol_get_is_gpl_only(const Kernel& kernel) {
  if (const auto image = find_image(kernel)) {
    const auto real = kernel.host.resolve(*image);
    const auto contains = real ? image_contains(*real, message) : std::nullopt;
    if (contains)
      return {*contains, image->string() + (*contains ? " has" : " does not have") + " the message \"" +
                             std::string(message) + "\""};
  }
  return symbol_get_by_version(kernel.version, kernel.release);
}

}  // namespace vgpukit::kernel
