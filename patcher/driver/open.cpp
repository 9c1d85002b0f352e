// open_driver: a folder is looked at in place; a tarball is unpacked once and then found again by its content.
#include <unistd.h>

#include <system_error>

#include "driver/identify.hpp"
#include "driver/locate.hpp"
#include "driver/sources.hpp"
#include "driver/text.hpp"
#include "support/atomic_file.hpp"
#include "support/hash.hpp"

namespace vgpukit {

using namespace driver_detail;

namespace {

Result<Driver> open_sources(const fs::path& sources) {
  TRY_ASSIGN(const auto files, list_sources(sources));
  TRY_ASSIGN(auto driver, identify(sources, files));
  TRY_ASSIGN(driver.content, hash_sources(sources, files, HashDepth::quick));
  return driver;
}

// `named` is what the user called it; `folder` is where it lies now.
Result<Driver> open_folder(const fs::path& folder, const fs::path& named, bool prefer_open) {
  TRY_ASSIGN(const auto folders, find_source_folders(folder, named));
  TRY_ASSIGN(const auto choice, choose_source_folder(folders, prefer_open, named));
  TRY_ASSIGN(auto driver, open_sources(choice.chosen));
  driver.path = named;
  if (!choice.other.empty()) {
    const std::string kind = has_open_license(choice.other) ? "open" : "closed";
    driver.flavour_from += "; the package's " + kind + " modules are in " + choice.other.filename().string() + "/";
  }
  return driver;
}

// ---- tarballs ----
// cache/drivers-unpacked/KEY/tree holds what the tarball holds. KEY/contents has a line "HASH FOLDER" for each source folder in it,
// written last: a tree that somebody edited or that a power cut damaged no longer fits, and is unpacked anew.

constexpr std::string_view kLayout = "drivers-unpacked 1";

std::string contents_line(const Driver& driver, const fs::path& tree) {
  return driver.content + " " + driver.sources.lexically_relative(tree).string() + "\n";
}

std::optional<Driver> reuse(const fs::path& place, const fs::path& named, bool prefer_open) {
  const auto contents = read_file(place / "contents");
  if (!contents) return std::nullopt;
  auto driver = open_folder(place / "tree", named, prefer_open);
  if (!driver || contents->find(contents_line(*driver, place / "tree")) == std::string::npos) return std::nullopt;
  return std::move(*driver);
}

// Unpacks into an empty folder that goes away with its owner unless it is committed.
Status unpack(const fs::path& tarball, const fs::path& folder) {
  const fs::path tree = folder / "tree";
  TRY(extract_archive(tarball, tree));
  TRY_ASSIGN(const auto folders, find_source_folders(tree, tarball));
  std::string contents;
  for (const auto& sources : folders) {
    TRY_ASSIGN(const auto driver, open_sources(sources));
    contents += contents_line(driver, tree);
  }
  return write_file(folder / "contents", contents);
}

bool can_write(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  return !error && ::access(folder.c_str(), W_OK | X_OK) == 0;
}

// For a cache that is read-only: the tree lives as long as the Driver.
Result<Driver> open_in_scratch(const HostPaths& host, const fs::path& tarball, bool prefer_open) {
  std::error_code ignored;
  const fs::path home = can_write(host.work()) ? host.work() : fs::temp_directory_path(ignored);
  TRY_ASSIGN(auto folder, StagedFolder::beside(home / "vgpukit-driver"));
  auto scratch = std::make_shared<StagedFolder>(std::move(folder));
  TRY(unpack(tarball, scratch->path()));
  TRY_ASSIGN(auto driver, open_folder(scratch->path() / "tree", tarball, prefer_open));
  driver.scratch = std::move(scratch);
  return driver;
}

Result<Driver> open_tarball(const HostPaths& host, const fs::path& tarball, bool prefer_open) {
  Hasher hasher;
  hasher.add(kLayout);
  TRY(hasher.add_file(tarball));
  const fs::path home = host.cache / "drivers-unpacked";
  const fs::path place = home / hasher.hex();
  if (auto driver = reuse(place, tarball, prefer_open)) return std::move(*driver);
  if (!can_write(home)) return open_in_scratch(host, tarball, prefer_open);

  TRY_ASSIGN(const auto lock, FileLock::acquire(fs::path(place).concat(".lock"), [] {}));
  // Another process may have unpacked it while we waited.
  if (auto driver = reuse(place, tarball, prefer_open)) return std::move(*driver);
  TRY_ASSIGN(auto staged, StagedFolder::beside(place));
  TRY(unpack(tarball, staged.path()));
  TRY(staged.commit(false));
  return open_folder(place / "tree", tarball, prefer_open);
}

}  // namespace

Result<Driver> open_driver(const HostPaths& host, const fs::path& path, bool prefer_open) {
  const std::string tried = "open the driver " + path.string();
  std::error_code error;
  const auto status = fs::status(path, error);
  if (!fs::exists(status))
    return Error{Exit::usage, tried,
                 error && status.type() == fs::file_type::none ? error.message() : "there is no such file or folder",
                 "name a folder with the kernel module sources, or a package's tarball"};
  fs::path absolute = fs::absolute(path).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();  // "kernel/" is kernel
  if (fs::is_directory(status)) return open_folder(absolute, path, prefer_open);
  if (!fs::is_regular_file(status)) return Error{Exit::usage, tried, "it is neither a folder nor a file", ""};
  if (is_run_file(path))
    return Error{Exit::usage, tried, "it is an installer (.run), which cannot be read yet",
                 "unpack it first (sh " + path.string() + " --extract-only) and name the folder that it makes"};
  auto driver = open_tarball(host, absolute, prefer_open);
  if (driver) driver->path = path;
  return driver;
}

}  // namespace vgpukit
