// driver/: a driver package (a folder, a tarball, a .run file, or a zip with .run files), its manifest, version and
// flavour, the files of its kernel module sources, and the driver store. It may use support/ only.
//
// This header: the package that a user names, opened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"
#include "support/version.hpp"

namespace vgpukit::driver {

// A .run file, or one in a zip.
struct PackageFile {
  std::filesystem::path file;  // empty: none
  std::string member;          // its path in the zip `file`; empty: `file` is the .run itself
  [[nodiscard]] explicit operator bool() const { return !file.empty(); }
};

enum class Flavour { vgpu_kvm, grid, general, open };
std::string_view flavour_name(Flavour flavour);  // "vgpu-kvm"
std::optional<Flavour> flavour_from(std::string_view name);

struct Driver {
  std::filesystem::path path;  // what the user named: a folder, or a tarball
  // The folder with conftest.sh and Kbuild. For a package's file it is below the cache or below `scratch`.
  std::filesystem::path sources;
  Version version;           // from the files: .manifest, Kbuild's NV_VERSION_STRING, nvUnixVersion.h, dkms.conf
  std::string version_from;  // "Kbuild:75"
  Flavour flavour = Flavour::general;
  std::string flavour_from;                 // the reason: "nvidia-vgpu-vfio/ is part of the package"
  std::vector<std::string> modules;         // that Kbuild can build, in its order: nvidia, nvidia-uvm, ...
  std::vector<std::string> binary_objects;  // *.o_binary files, relative to sources
  // Binary objects that a Kbuild file names and that do not exist (nvidia/nv-kernel.o_binary).
  std::vector<std::string> missing_binary_objects;
  // Hash of the paths and bytes of all source files and binary objects; with the folder's path, if another user can
  // change them.
  std::string content;
  std::shared_ptr<void> scratch;  // owns the folder of a package that was unpacked without a cache
  PackageFile package;            // the .run that the sources are from: the whole driver, with its user space
  std::string package_folder;     // where in that package the sources are: "kernel"
};

// The progress of a step that takes seconds, for a line on a terminal.
struct PackageProgress {
  std::string_view step;   // "checking", "unpacking", "packing"
  std::uint64_t done = 0;  // bytes of the package
  std::uint64_t total = 0;
};
using OnPackage = std::function<void(const PackageProgress&)>;

// Opens a package.
// - A folder: the sources themselves, or a folder that contains them (kernel/, kernel-open/, usr/src/nvidia-V/), up to
//   four levels down.
// - A tarball: it is unpacked with all the checks of extract_archive() to host.cache/drivers-unpacked/KEY, once for all
//   tarballs with the same bytes. A lock orders processes that do this at the same time. If the cache is read-only, it
//   is unpacked to a scratch folder.
// - A .run: its checksums are compared, and its kernel sources are unpacked to the same place. Nothing in it is run.
// - A zip with .run files (NVIDIA's portal): the one for vGPU hosts, or the only one. FILE.zip/path/inside.run names
// one. Driver::sources must not be written to: it is the user's folder or the cache. If a package has both kernel/ and
// kernel-open/, `prefer_open` chooses, and flavour_from names the other one.
// Errors: usage if the path does not exist, is not a driver (the message says what was searched for and what was
// found), or has several drivers; if its files name different versions (the message names both places); if the package
// is damaged or for another processor. no_space or missing if it cannot be unpacked. interrupted.
Result<Driver> open_driver(const HostPaths& host, const std::filesystem::path& path, bool prefer_open = false,
                           const OnPackage& on_progress = {});

}  // namespace vgpukit::driver
