#include "support/snapshot.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "support/atomic_file.hpp"
#include "support/json_file.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit {

namespace {

using nlohmann::json;

constexpr const char* list_name = "snapshot.json";
constexpr const char* old_list_name = "kept.json";  // of vgpukit 0.1.0
constexpr const char* moving = "moving";            // the name of tree/ once its copies are moved back

Error disk(const fs::path& path, int number) {
  return {kind_of(number, ErrorKind::missing),
          "keep a copy of " + path.string(),
          std::generic_category().message(number),
          "free some space in that file system, then try again; nothing has been changed yet",
          std::nullopt,
          number};
}

// Copies owner, set-id bits and times: the copy may replace the original.
Status copy_attributes(const fs::path& from, const fs::path& to) {
  struct stat is {};
  if (::lstat(from.c_str(), &is) != 0) return disk(from, errno);
  // Only root can change an owner.
  if (::geteuid() == 0 && ::lchown(to.c_str(), is.st_uid, is.st_gid) != 0) return disk(to, errno);
  if (!S_ISLNK(is.st_mode) && ::chmod(to.c_str(), is.st_mode & 07777U) != 0) return disk(to, errno);
  const timespec times[2] = {is.st_atim, is.st_mtim};
  if (::utimensat(AT_FDCWD, to.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) return disk(to, errno);
  return {};
}

// Copies a file, folder or link to a new name. Devices and sockets are left out.
Status copy_tree(const fs::path& from, const fs::path& to) {
  std::error_code bad;
  const auto kind = fs::symlink_status(from, bad).type();
  if (kind == fs::file_type::regular) {
    TRY(clone_file(from, to));
  } else if (kind == fs::file_type::symlink) {
    fs::create_directories(to.parent_path(), bad);
    fs::copy_symlink(from, to, bad);
    if (bad) return disk(from, bad.value());
  } else if (kind == fs::file_type::directory) {
    fs::create_directories(to, bad);
    if (bad) return disk(to, bad.value());
    for (auto entry = fs::directory_iterator(from, bad); !bad && entry != fs::directory_iterator();
         entry.increment(bad))
      TRY(copy_tree(entry->path(), to / entry->path().filename()));
    if (bad) return disk(from, bad.value());
  } else {
    return {};
  }
  return copy_attributes(from, to);
}

void sync_file_system(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::syncfs(fd);
  ::close(fd);
}

bool is_there(const fs::path& path) {
  std::error_code bad;
  return fs::symlink_status(path, bad).type() != fs::file_type::not_found;
}

// The nearest existing folder above a path, as the root knows it.
std::string folder_above(const HostPaths& host, const std::string& path) {
  fs::path above = fs::path(path).parent_path();
  while (above != "/" && !is_there(host.reach(above))) above = above.parent_path();
  return above.string();
}

// The first link among the folders of a copy. vgpukit makes none: the names of a copy are those of real folders.
std::optional<fs::path> link_above(const fs::path& folder, const fs::path& copy) {
  std::error_code bad;
  auto at = folder;
  for (const auto& word : copy.parent_path()) {
    at /= word;
    if (fs::is_symlink(fs::symlink_status(at, bad))) return at;
  }
  return std::nullopt;
}

Error cannot_restore(const fs::path& path, const std::string& why, int number) {
  return {kind_of(number, ErrorKind::missing),
          "put back " + path.string(),
          why,
          "make sure that this file system is writable and has free space, then run the command again",
          std::nullopt,
          number};
}

Status remove_path(const HostPaths& host, const SnapshotPath& snapshot) {
  std::error_code bad;
  const auto path = host.reach(snapshot.path);
  remove_leftovers(path);
  fs::remove_all(path, bad);
  if (bad) return cannot_restore(path, bad.message(), bad.value());
  for (auto above = fs::path(snapshot.path).parent_path();
       above != "/" && above.string().size() > snapshot.above.size(); above = above.parent_path()) {
    std::error_code in_use;
    if (!is_there(host.reach(above))) continue;
    if (!fs::is_empty(host.reach(above), in_use) || in_use || !fs::remove(host.reach(above), in_use)) break;
  }
  return {};
}

Status put_back(const fs::path& copy, const fs::path& path) {
  std::error_code bad;
  const fs::path fresh = path.parent_path() / ("." + path.filename().string() + ".vgpukit-back");
  fs::remove_all(fresh, bad);  // of an interrupted restoration
  remove_leftovers(path);
  fs::create_directories(path.parent_path(), bad);
  if (bad) return cannot_restore(path, bad.message(), bad.value());
  if (auto copied = copy_tree(copy, fresh); !copied) {
    fs::remove_all(fresh, bad);
    return cannot_restore(path, copied.error().why, copied.error().number);
  }
  // A folder cannot be renamed over one that is not empty: exchange the two.
  if (::renameat2(AT_FDCWD, fresh.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) != 0) {
    if (errno == ENOENT) {
      fs::rename(fresh, path, bad);
    } else {
      fs::remove_all(path, bad);
      if (!bad) fs::rename(fresh, path, bad);
    }
  }
  if (bad) return cannot_restore(path, bad.message(), bad.value());
  fs::remove_all(fresh, bad);
  return {};
}

}  // namespace

Result<Snapshot> Snapshot::keep(const HostPaths& host, const std::vector<std::string>& paths, const fs::path& folder,
                                const OnStep& on_step) {
  Snapshot snapshot(host, folder);
  std::error_code bad;
  fs::create_directories(folder / "tree", bad);
  // The copies of a private folder's files are private, too.
  if (!bad) fs::permissions(folder, fs::perms::owner_all, bad);
  if (bad) return disk(folder, bad.value());
  json list = json::array();
  for (const auto& path : std::set<std::string>(paths.begin(), paths.end())) {
    if (on_step) on_step("keep " + path);
    SnapshotPath entry{path, is_there(host.reach(path)), ""};
    if (entry.there) TRY(copy_tree(host.reach(path), snapshot.copy_of(path)));
    if (!entry.there) entry.above = folder_above(host, path);
    list.push_back({{"path", entry.path}, {"there", entry.there}, {"above", entry.above}});
    snapshot.paths_.push_back(std::move(entry));
  }
  sync_file_system(folder);
  TRY(write_file(folder / list_name, list.dump(1) + "\n"));
  return snapshot;
}

std::optional<fs::path> Snapshot::list_in(const fs::path& folder) {
  for (const auto* name : {list_name, old_list_name})
    if (is_there(folder / name)) return folder / name;
  return std::nullopt;
}

Result<Snapshot> Snapshot::open(const HostPaths& host, const fs::path& folder) {
  Snapshot snapshot(host, folder);
  TRY_ASSIGN(const auto text, read_file(Snapshot::list_in(folder).value_or(folder / list_name)));
  const auto list = parse_json(text);
  try {
    for (const auto& entry : list) snapshot.paths_.push_back({entry.at("path"), entry.at("there"), entry.at("above")});
  } catch (const json::exception& wrong) {
    return Error{ErrorKind::usage, "read the snapshot " + folder.string(), wrong.what(), ""};
  }
  for (const auto& entry : snapshot.paths_) {
    const fs::path path(entry.path);
    // A normal path has ".." only at its front, and below "/" nowhere.
    if (!path.is_absolute() || path != path.lexically_normal() || path == "/")
      return Error{ErrorKind::usage, "read the snapshot " + folder.string(),
                   "it names the path '" + printable(entry.path) + "'", ""};
    for (const auto* copies : {"tree", moving})
      if (const auto link = link_above(folder, copies / path.relative_path()))
        return Error{ErrorKind::usage, "read the snapshot " + folder.string(),
                     printable(link->string()) + " is a symbolic link, which leads to other files", ""};
  }
  return snapshot;
}

namespace {

// SELinux: a copy may have the label of STATE, and the kernel then refuses the module. What fails here, the system's
// own relabelling corrects.
void relabel(const HostPaths& host, const std::vector<std::string>& paths) {
  std::error_code bad;
  if (paths.empty() || !fs::exists(host.in_root("/sys/fs/selinux/enforce"), bad)) return;
  Command command;
  command.root = host.root;
  command.argv = {"restorecon", "-R"};
  command.argv.insert(command.argv.end(), paths.begin(), paths.end());
  static_cast<void>(static_cast<bool>(run(command)));
}

}  // namespace

Status Snapshot::restore(const std::function<bool(const std::string&)>& wanted, const OnStep& on_step) const {
  std::vector<std::string> restored;
  // Paths that were not there come first: removing them frees space.
  for (const bool there : {false, true})
    for (const auto& entry : paths_) {
      if (entry.there != there || (wanted && !wanted(entry.path))) continue;
      if (on_step) on_step("put back " + entry.path);
      TRY(there ? put_back(copy_of(entry.path), host_.reach(entry.path)) : remove_path(host_, entry));
      if (there) restored.push_back(entry.path);
    }
  relabel(host_, restored);
  sync_file_system(host_.in_root("/"));
  if (const auto modules = host_.resolve("/lib/modules")) sync_file_system(*modules);
  return {};
}

Status Snapshot::move_back(const OnStep& on_step) const {
  // In `moving`, a copy that is absent is at its place already. A rename needs no space.
  const auto copies = folder_ / moving;
  std::error_code bad;
  if (!is_there(copies)) fs::rename(folder_ / "tree", copies, bad);
  if (bad) return cannot_restore(copies, bad.message(), bad.value());
  for (const auto& entry : paths_) {
    if (entry.there) continue;
    if (on_step) on_step("put back " + entry.path);
    TRY(remove_path(host_, entry));
  }
  std::vector<std::string> restored;
  for (const auto& entry : paths_) {
    const auto copy = copies / entry.path.substr(1);
    if (entry.there) restored.push_back(entry.path);
    if (!entry.there || !is_there(copy)) continue;
    if (on_step) on_step("move back " + entry.path);
    const auto path = host_.reach(entry.path);
    fs::remove_all(path, bad);
    if (!bad) fs::create_directories(path.parent_path(), bad);
    if (!bad) fs::rename(copy, path, bad);
    // Removing the path has freed space on that file system.
    if (bad == std::errc::cross_device_link) {
      TRY(put_back(copy, path));
      fs::remove_all(copy, bad);
    }
    if (bad) return cannot_restore(path, bad.message(), bad.value());
  }
  relabel(host_, restored);
  sync_file_system(host_.in_root("/"));
  if (const auto modules = host_.resolve("/lib/modules")) sync_file_system(*modules);
  return {};
}

bool Snapshot::is_moving() const {
  return is_there(folder_ / moving);
}

std::vector<std::string> Snapshot::names() const {
  std::vector<std::string> names;
  for (const auto& entry : paths_) names.push_back(entry.path);
  return names;
}

}  // namespace vgpukit
