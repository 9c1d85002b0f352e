#include "driver/driver.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <system_error>
#include <utility>

#include "driver/extract.hpp"
#include "driver/identify.hpp"
#include "driver/run_file.hpp"
#include "driver/run_file_unpack.hpp"
#include "driver/run_file_zip.hpp"
#include "driver/source_files.hpp"
#include "driver/source_folders.hpp"
#include "support/atomic_file.hpp"
#include "support/hash.hpp"
#include "support/text.hpp"

namespace vgpukit::driver {

namespace {

constexpr std::array<std::pair<Flavour, std::string_view>, 4> kFlavours = {{
    {Flavour::vgpu_kvm, "vgpu-kvm"},
    {Flavour::grid, "grid"},
    {Flavour::general, "general"},
    {Flavour::open, "open"},
}};

// Whether another user can change the file `rest` below `at`, or put another one in its place.
bool others_can_change(fs::path at, const fs::path& rest, int links = 0) {
  for (const auto& word : rest) {
    at /= word;
    struct stat info {};
    if (::lstat(at.c_str(), &info) != 0 || (info.st_uid != 0 && info.st_uid != ::geteuid())) return true;
    if (S_ISLNK(info.st_mode)) {
      std::error_code bad;
      const auto target = fs::read_symlink(at, bad);
      if (bad || links > 40) return true;
      if (others_can_change("", target.is_absolute() ? target : at.parent_path() / target, links + 1)) return true;
      continue;
    }
    const bool group = (info.st_mode & S_IWGRP) != 0 && info.st_gid != 0 && info.st_gid != ::getegid();
    const bool sticky = S_ISDIR(info.st_mode) && (info.st_mode & S_ISVTX) != 0;
    if ((group || (info.st_mode & S_IWOTH) != 0) && !sticky) return true;
  }
  return false;
}

// `of_user`: the folder that the user named, and not one that was unpacked from a package.
Result<Driver> open_sources(const fs::path& sources, bool of_user = false) {
  TRY_ASSIGN(const auto files, list_sources(sources));
  TRY_ASSIGN(auto driver, identify(sources, files));
  TRY_ASSIGN(driver.content, hash_sources(sources, files));
  if (!of_user) return driver;
  // What is compiled may be something else than what was hashed. It must not be taken for a package with this hash.
  const auto folder = fs::absolute(sources);
  if (others_can_change("", folder) ||
      std::any_of(files.begin(), files.end(), [&](const auto& each) { return others_can_change(folder, each.path); }))
    driver.content = Hasher().add(driver.content).add(folder.string()).hex();
  return driver;
}

// `named` is the path that the user gave; `folder` is where the files are.
Result<Driver> open_folder(const fs::path& folder, const fs::path& named, bool prefer_open, bool of_user = false) {
  TRY_ASSIGN(const auto folders, find_source_folders(folder, named));
  TRY_ASSIGN(const auto choice, choose_source_folder(folders, prefer_open, named));
  TRY_ASSIGN(auto driver, open_sources(choice.chosen, of_user));
  driver.path = named;
  if (!choice.other.empty()) {
    const std::string kind = has_open_license(choice.other) ? "open" : "closed";
    driver.flavour_from += "; the package's " + kind + " modules are in " + choice.other.filename().string() + "/";
  }
  return driver;
}

// ---- package files ----
// cache/drivers-unpacked/KEY/tree contains the tarball's files, or the part of an installer that building needs.
// KEY/contents has a line "HASH FOLDER" for each source folder in the tree and is written last. If the tree was edited
// or damaged by a power cut, its hash differs, and the package is unpacked again.

constexpr std::string_view kLayout = "drivers-unpacked 2";

struct Source {
  fs::path file;
  PackageFile run;  // empty: the file is a tarball
  const OnPackage& on_progress;
};

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

Status unpack_run(const Source& source, const fs::path& folder, const fs::path& tree) {
  return with_run_file(source.run, folder, source.on_progress, [&](const fs::path& file) -> Status {
    TRY_ASSIGN(const auto header, read_run_header(file));
    TRY(check_run_arch(header, file));
    TRY(check_run_file(file, header, source.on_progress));
    return unpack_run_file(file, header, tree, RunPart::kernel, source.on_progress);
  });
}

// Unpacks into an empty folder, which its owner removes unless it is committed.
Status unpack(const Source& source, const fs::path& folder) {
  const fs::path tree = folder / "tree";
  if (source.run) {
    TRY(unpack_run(source, folder, tree));
  } else {
    TRY(extract_archive(source.file, tree, {}, source.on_progress));
  }
  TRY_ASSIGN(const auto folders, find_source_folders(tree, source.file));
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

// For a read-only cache: the tree is removed with the last copy of the Driver.
Result<Driver> open_in_scratch(const HostPaths& host, const Source& source, bool prefer_open) {
  std::error_code ignored;
  const fs::path home = can_write(host.work()) ? host.work() : fs::temp_directory_path(ignored);
  TRY_ASSIGN(auto folder, StagedFolder::beside(home / "vgpukit-driver"));
  auto scratch = std::make_shared<StagedFolder>(std::move(folder));
  TRY(unpack(source, scratch->path()));
  TRY_ASSIGN(auto driver, open_folder(scratch->path() / "tree", source.file, prefer_open));
  driver.scratch = std::move(scratch);
  return driver;
}

// A key for the package's content. home/*.stat has a hash of the file's size, inode, mtime and ctime, and the key that
// belongs to them. While these do not change, the file is not read again (as with the kernel's headers). A file that
// others can change has a key of its own: what is unpacked may be another file than the one that was hashed.
Result<std::string> key_of(const Source& source, const fs::path& home) {
  const std::time_t now = std::time(nullptr);
  std::error_code ignored;
  const std::string path = fs::weakly_canonical(source.file, ignored).string();
  struct stat info {};
  const bool known = ::stat(source.file.c_str(), &info) == 0;
  const std::int64_t numbers[] = {static_cast<std::int64_t>(info.st_dev),
                                  static_cast<std::int64_t>(info.st_ino),
                                  info.st_size,
                                  info.st_mtim.tv_sec,
                                  info.st_mtim.tv_nsec,
                                  info.st_ctim.tv_sec,
                                  info.st_ctim.tv_nsec};
  const auto doubtful = others_can_change("", source.file) ? source.file.string() : "";
  Hasher named;
  named.add(kLayout).add(source.run.member).add(doubtful).add(path);
  const fs::path index = home / (named.hex() + ".stat");
  const std::string stats = named.add({reinterpret_cast<const char*>(numbers), sizeof numbers}).hex();
  if (const auto line = read_file(index); known && line && line->size() == 66 && line->starts_with(stats + " "))
    return line->substr(33, 32);

  Hasher hasher;
  hasher.add(kLayout).add(source.run.member).add(doubtful);
  TRY(hasher.add_file(source.file));
  auto key = hasher.hex();
  // A file that changed within the last two seconds may change again without another mtime, so its key is not saved. If
  // the key cannot be saved, the file is read again next time.
  if (known && std::max(info.st_ctim.tv_sec, info.st_mtim.tv_sec) + 2 < now && can_write(home))
    static_cast<void>(static_cast<bool>(write_file(index, stats + " " + key + "\n")));
  return key;
}

Result<Driver> open_package(const HostPaths& host, const Source& source, bool prefer_open) {
  const fs::path home = host.cache / "drivers-unpacked";
  TRY_ASSIGN(const auto key, key_of(source, home));
  const fs::path place = home / key;
  if (auto driver = reuse(place, source.file, prefer_open)) return std::move(*driver);
  if (!can_write(home)) return open_in_scratch(host, source, prefer_open);

  TRY_ASSIGN(const auto lock, FileLock::acquire(fs::path(place).concat(".lock"), [] {}));
  // Another process may have unpacked it during the wait for the lock.
  if (auto driver = reuse(place, source.file, prefer_open)) return std::move(*driver);
  TRY_ASSIGN(auto staged, StagedFolder::beside(place));
  TRY(unpack(source, staged.path()));
  TRY(staged.commit(false));
  return open_folder(place / "tree", source.file, prefer_open);
}

}  // namespace

std::string_view flavour_name(Flavour flavour) {
  const auto found =
      std::find_if(kFlavours.begin(), kFlavours.end(), [&](const auto& entry) { return entry.first == flavour; });
  return found->second;
}

std::optional<Flavour> flavour_from(std::string_view name) {
  const auto found =
      std::find_if(kFlavours.begin(), kFlavours.end(), [&](const auto& entry) { return entry.second == name; });
  return found == kFlavours.end() ? std::nullopt : std::optional(found->first);
}

Result<Driver> open_driver(const HostPaths& host, const fs::path& path, bool prefer_open,
                           const OnPackage& on_progress) {
  const std::string tried = "open the driver " + path.string();
  fs::path absolute = fs::absolute(path).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();  // "kernel/" is kernel
  const fs::path file = split_zip_path(absolute).file;
  std::error_code error;
  const auto status = fs::status(file, error);
  if (!fs::exists(status))
    return Error{ErrorKind::usage, tried,
                 error && status.type() == fs::file_type::none ? error.message() : "there is no such file or folder",
                 "name a folder with the kernel module sources, or a package's file (.run, .zip, a tarball)"};
  if (fs::is_directory(status)) return open_folder(file, path, prefer_open, true);
  if (!fs::is_regular_file(status)) return Error{ErrorKind::usage, tried, "it is neither a folder nor a file", ""};
  TRY_ASSIGN(auto run, find_package(absolute));
  auto driver = open_package(host, {file, run, on_progress}, prefer_open);
  if (!driver) return driver;
  driver->path = path;
  if (run) driver->package_folder = driver->sources.filename().string();
  driver->package = std::move(run);
  return driver;
}

}  // namespace vgpukit::driver
