// A driver package: where its kernel module sources are, which version and flavour they say they have, and which
// modules they build.
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

// A .run file, or one inside of a zip.
struct PackageFile {
  std::filesystem::path file;  // empty: there is none
  std::string member;          // its path in the zip `file`; empty: `file` is the .run itself
  [[nodiscard]] explicit operator bool() const { return !file.empty(); }
};

enum class Flavour { vgpu_kvm, grid, general, open };
std::string_view flavour_name(Flavour flavour);  // "vgpu-kvm"
std::optional<Flavour> flavour_from(std::string_view name);

struct Driver {
  std::filesystem::path path;  // what the user named: a folder, or a tarball
  std::filesystem::path
      sources;      // the folder with conftest.sh and Kbuild (as we reach it); for a tarball below the scratch folder
  Version version;  // from the files: .manifest, Kbuild's NV_VERSION_STRING, nvUnixVersion.h, dkms.conf
  std::string version_from;  // "Kbuild:75"
  Flavour flavour = Flavour::general;
  std::string flavour_from;                 // what decided it: "nvidia-vgpu-vfio/ is part of the package"
  std::vector<std::string> modules;         // that Kbuild can build, in its order: nvidia, nvidia-uvm, ...
  std::vector<std::string> binary_objects;  // *.o_binary files, relative to sources
  std::vector<std::string>
      missing_binary_objects;  // that a Kbuild file names and that are not there (nvidia/nv-kernel.o_binary)
  std::string content;         // hash of all source files' paths and bytes (binary objects: path, size and mtime only)
  std::shared_ptr<void> scratch;  // keeps an unpacked tarball's folder alive; removed with the last copy
  PackageFile package;            // the .run that the sources are from: the whole driver, user space and all
  std::string package_folder;     // where in that package the sources are: "kernel"
};

// How far something is that takes seconds, for a line on a terminal.
struct PackageProgress {
  std::string_view step;   // "checking", "unpacking", "packing"
  std::uint64_t done = 0;  // bytes of the package
  std::uint64_t total = 0;
};
using OnPackage = std::function<void(const PackageProgress&)>;

// Opens a package. A folder: the sources themselves, or a folder that holds them (kernel/, kernel-open/,
// usr/src/nvidia-V/, up to four levels down). A tarball: unpacked with all the checks of extract_archive() to
// host.cache/drivers-unpacked/KEY, once for all tarballs with the same bytes; two processes do that one after the
// other. When the cache is read-only, to a scratch folder. A .run: checked against its sums, and only its kernel
// sources are unpacked, to the same place; nothing in it is run. A zip that holds .run files (NVIDIA's portal): the one
// for vGPU hosts, or the only one; FILE.zip/path/inside.run names one. Nobody may write to Driver::sources: it is the
// user's folder, or the cache. When a package has both kernel/ and kernel-open/, `prefer_open` chooses; the other one
// is named in flavour_from. Errors, usage: not there; not a driver (says which files were looked for and what was found
// instead); several drivers; sources that contradict each other on the version (both places are named); a damaged
// package; one for another processor. Missing: no space to unpack. Failed: interrupted.
Result<Driver> open_driver(const HostPaths& host, const std::filesystem::path& path, bool prefer_open = false,
                           const OnPackage& on_progress = {});

struct ExtractLimits {
  std::uintmax_t bytes = 4ULL << 30;  // of all files together
  std::size_t entries = 200'000;
};

// Unpacks an archive (tar or cpio, compressed with gzip, bzip2, xz, lzma, lzip or zstd; zip; 7z) into `target`, which
// is not there or an empty folder; it appears whole or not at all. Refused, naming the entry: absolute paths, "..",
// symbolic or hard links that leave the target, entries below a symbolic link, devices and sockets, more than the
// limits. Set-id bits, owners and the write permission of others are dropped; times are kept. Errors: usage for a bad
// archive (truncated, not an archive, refused entries) or another target (check_output_folder), missing for a full
// disk.
Status extract_archive(const std::filesystem::path& archive, const std::filesystem::path& target,
                       const ExtractLimits& limits = {}, const OnPackage& on_progress = {});

// What a user can call a driver, decided by the words alone.
struct DriverName {
  enum class Kind { path, version, branch, reference } kind = Kind::path;
  std::string text;  // path: as given; version "535.247.02"; branch "535"
  // "535", "535.xxx", "535.*" -> branch; digits and dots -> version; "reference"; anything else is a path (./535 when a
  // folder is called like a branch).
  static DriverName parse(std::string_view word);
};

// The driver store: host.state/drivers/VERSION-FLAVOUR/{package.json,sources/,.manifest,package.run}.
struct StoredDriver {
  Version version;
  Flavour flavour = Flavour::general;
  std::filesystem::path folder;  // sources/
  std::string added;             // ISO 8601, UTC
  std::string origin;            // the path it was added from
  PackageFile package;           // package.run, where it was added from one
  std::string package_folder;    // as Driver's
};

class DriverStore {
 public:
  explicit DriverStore(const HostPaths& host) : folder_(host.state / "drivers") {}
  // Copies the sources in (atomic; reflinks for binary objects where the file system can). Build output stays behind.
  // Adding the same content again is fine and changes nothing. The .run that they are from is kept as well (a reflink
  // where the file system can, a copy elsewhere): installing needs all of it. Errors: usage when another package with
  // that version and flavour is there already (says `--replace`); missing when there is no space.
  Result<StoredDriver> add(const Driver& driver, bool replace = false, const OnPackage& on_progress = {});
  // Newest version first, vgpu-kvm first among the same version. Error: usage, naming the folder, when one in the store
  // is damaged.
  [[nodiscard]] Result<std::vector<StoredDriver>> list() const;
  // The newest match: a version exactly, a branch by its first part(s). vgpu-kvm is preferred among flavours of the
  // same version. Error: usage, listing what the store has and how to add one.
  [[nodiscard]] Result<StoredDriver> find(const DriverName& name) const;
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

// What the DRIVER word of the command line means: a path, the store, or the reference driver
// (shipped_data()/kbuild/reference-driver).
Result<Driver> find_driver(const HostPaths& host, std::string_view word, bool prefer_open = false,
                           const OnPackage& on_progress = {});

}  // namespace vgpukit::driver
