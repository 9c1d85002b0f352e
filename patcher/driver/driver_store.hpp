// The driver store, and the words by which a user names a driver.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "driver/driver.hpp"
#include "support/host_paths.hpp"
#include "support/result.hpp"
#include "support/version.hpp"

namespace vgpukit::driver {

// A user's word for a driver. Only the word decides its kind, not what exists.
struct DriverName {
  enum class Kind { path, version, branch, reference } kind = Kind::path;
  std::string text;  // path: as given; version "535.247.02"; branch "535"
  // "535", "535.xxx", "535.*" -> branch; digits and dots -> version; "reference"; anything else is a path (./535 for a
  // folder with the name of a branch).
  static DriverName parse(std::string_view word);
};

// The driver store: host.state/drivers/VERSION-FLAVOUR/{package.json,sources/,.manifest,package.run}.
struct StoredDriver {
  Version version;
  Flavour flavour = Flavour::general;
  std::filesystem::path folder;  // sources/
  std::string added;             // ISO 8601, UTC
  std::string origin;            // the path it was added from
  PackageFile package;           // package.run, if the driver was added from a .run
  std::string package_folder;    // as Driver::package_folder
};

class DriverStore {
 public:
  explicit DriverStore(const HostPaths& host) : folder_(host.state / "drivers") {}
  // Copies the sources into the store, without build output. The folder appears whole or not at all. The .run that the
  // sources are from is copied as well, because installing needs all of it. Files are reflinks if the file system has
  // them. Adding the same content again changes nothing. Errors: usage if the store has another package of that version
  // and flavour (the hint is `--replace`); no_space or missing if it cannot be written.
  Result<StoredDriver> add(const Driver& driver, bool replace = false, const OnPackage& on_progress = {});
  // Newest version first, vgpu-kvm first among the same version. Error: usage if a folder of the store is damaged.
  [[nodiscard]] Result<std::vector<StoredDriver>> list() const;
  // The newest match: a version exactly, a branch by its first part(s). vgpu-kvm is preferred among flavours of the
  // same version. Error: usage, with a list of what the store has.
  [[nodiscard]] Result<StoredDriver> find(const DriverName& name) const;
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

// Opens what the DRIVER word of the command line names: a path, a driver of the store, or the reference driver
// (shipped_data()/kbuild/reference-driver). Errors: as open_driver() and DriverStore::find().
Result<Driver> find_driver(const HostPaths& host, std::string_view word, bool prefer_open = false,
                           const OnPackage& on_progress = {});

}  // namespace vgpukit::driver
