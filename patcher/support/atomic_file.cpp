#include "support/atomic_file.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "support/interrupt.hpp"
#include "support/launch.hpp"

namespace vgpukit {

namespace {

Error refuse(ErrorKind kind, std::string tried, int error) {
  const ErrorKind by_errno = kind_of(error, kind);
  std::string next;
  if (by_errno == ErrorKind::no_space) next = "free some space there and try again";
  if (by_errno == ErrorKind::denied) next = "make it writable, or name another place";
  // A file that the user named and that cannot be read is bad input.
  const bool input = kind == ErrorKind::usage && by_errno == ErrorKind::denied;
  return {input ? kind : by_errno, std::move(tried), std::strerror(error), std::move(next), std::nullopt, error};
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

constexpr std::string_view leftover_mark = ".vgpukit-";

// The path for messages. A folder that is held open (/proc/self/fd/7) has a name, too.
std::string shown(const fs::path& path) {
  if (!path.native().starts_with("/proc/self/fd/")) return path.string();
  std::error_code bad;
  const auto real = fs::weakly_canonical(path, bad);
  return bad ? path.string() : real.string();
}

// A name beside `path`. It is hidden, so that a glob over the folder does not find it.
std::string name_beside(const fs::path& path) {
  return "." + path.filename().string() + std::string(leftover_mark) + random_word();
}

Descriptor open_folder(const fs::path& folder) {
  return Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return 0;
}

// Makes a rename in `folder` survive a power cut. Errors are ignored: some file systems cannot sync a folder.
void sync_folder(const Descriptor& folder) {
  ::fsync(folder.get());
}

int make_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  return error.value();
}

// What a file that is read as a whole must not be; empty when it may be read.
std::string why_not_read(int fd, const struct stat& info) {
  if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode)) return "";  // read() has its own words for a folder
  struct statfs system {};
  // The pipe of a shell, <(command) or |, and not a named one in some folder. It may be waited for.
  if (S_ISFIFO(info.st_mode) && ::fstatfs(fd, &system) == 0 && system.f_type == PIPEFS_MAGIC) return "";
  if (S_ISCHR(info.st_mode) && info.st_rdev == makedev(1, 3)) return "";  // /dev/null
  return S_ISFIFO(info.st_mode) ? "it is a named pipe, and no regular file" : "it is a device, and no regular file";
}

// Whether the descriptor's file is what the name in the folder means now.
bool still_named(int fd, int folder, const char* name) {
  struct stat held {};
  struct stat named {};
  return ::fstat(fd, &held) == 0 && ::fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

// A temporary file without a name where the file system can do that: kill -9 leaves nothing. Otherwise `name` is its
// name, and it is locked as long as it is open.
Descriptor open_temporary(int folder, const fs::path& path, std::string& name) {
  Descriptor file(::openat(folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (file) {
    ::flock(file.get(), LOCK_EX | LOCK_NB);  // it may get a name later
    return file;
  }
  remove_leftovers(path);
  for (int tries = 0; tries < 10; ++tries) {
    name = name_beside(path);
    file = Descriptor(::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) break;
    ::flock(file.get(), LOCK_EX | LOCK_NB);
    // Before it was locked, another process may have removed it as a leftover.
    if (still_named(file.get(), folder, name.c_str())) break;
  }
  return file;
}

// Gives the temporary file its place. `name` is set if it got a temporary name.
int place_temporary(int folder, const Descriptor& file, const fs::path& path, std::string& name) {
  const auto target = path.filename();
  if (name.empty()) {
    const auto self = "/proc/self/fd/" + std::to_string(file.get());
    if (::linkat(AT_FDCWD, self.c_str(), folder, target.c_str(), AT_SYMLINK_FOLLOW) == 0) return 0;
    if (errno != EEXIST) return errno;
    auto fresh = name_beside(path);
    if (::linkat(AT_FDCWD, self.c_str(), folder, fresh.c_str(), AT_SYMLINK_FOLLOW) != 0) return errno;
    name = std::move(fresh);
  }
  return ::renameat(folder, name.c_str(), folder, target.c_str()) == 0 ? 0 : errno;
}

Status copy_opened(const Descriptor& in, const fs::path& to, const std::function<std::string()>& tried,
                   bool with_owner = false) {
  struct stat info {};
  if (::fstat(in.get(), &info) != 0) return refuse(ErrorKind::usage, tried(), errno);
  if (!S_ISREG(info.st_mode)) return Error{ErrorKind::usage, tried(), "it is not a regular file", ""};
  int error = make_folders(folder_of(to));
  const int out = error ? -1 : ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (!error && out < 0) error = errno;
  if (error) return refuse(ErrorKind::missing, tried(), error);
  if (::ioctl(out, FICLONE, in.get()) != 0) {
    std::string buffer(1 << 20, '\0');
    for (ssize_t got = 1; got > 0 && !error;) {
      got = ::read(in.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR)
        got = 1;
      else if (got < 0)
        error = errno;
      else
        error = write_all(out, std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
    }
  }
  const timespec times[2] = {info.st_atim, info.st_mtim};
  // Only root can give a file away.
  if (!error && with_owner && ::geteuid() == 0 && ::fchown(out, info.st_uid, info.st_gid) != 0) error = errno;
  if (!error && (::fchmod(out, info.st_mode & 0755) != 0 || ::futimens(out, times) != 0)) error = errno;
  if (::close(out) != 0 && !error) error = errno;
  if (!error) return {};
  ::unlink(to.c_str());
  return refuse(ErrorKind::missing, tried(), error);
}

// Opens a path below a folder. Links are followed as long as they stay below it.
Descriptor open_beneath(int folder, const fs::path& path) {
  open_how how{};
  how.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const auto fd = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
  if (fd >= 0 || errno != ENOSYS) return Descriptor(static_cast<int>(fd));
  return Descriptor(::openat(folder, path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace

Result<Descriptor> open_to_read(const fs::path& path) {
  const auto tried = [&] { return "read " + path.string(); };
  // O_NONBLOCK: otherwise opening a named pipe waits for a writer.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0) return refuse(ErrorKind::usage, tried(), errno);
  if (auto why = why_not_read(file.get(), info); !why.empty())
    return Error{ErrorKind::usage, tried(), std::move(why), "name a file"};
  if (S_ISFIFO(info.st_mode)) ::fcntl(file.get(), F_SETFL, 0);
  return file;
}

Result<std::string> read_file(const fs::path& path, std::size_t most) {
  const auto tried = [&] { return "read " + path.string(); };
  TRY_ASSIGN(const auto file, open_to_read(path));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return refuse(ErrorKind::usage, tried(), errno);
  const auto too_large = [&] {
    return Error{ErrorKind::usage, tried(), "it is larger than " + std::to_string(most >> 20) + " MiB",
                 "no file of this kind is that large: is it the right one?"};
  };
  if (info.st_size > 0 && static_cast<std::uintmax_t>(info.st_size) > most) return too_large();
  std::string text;
  if (info.st_size > 0) text.reserve(static_cast<std::size_t>(info.st_size) + 1);
  std::size_t used = 0;
  for (;;) {
    // The size is only a hint: files of /proc and /sys have the size 0.
    text.resize(std::max(text.capacity(), used + 4096));
    const auto got = ::read(file.get(), text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR && !Interrupt::caught()) continue;
    if (got < 0) return refuse(ErrorKind::usage, tried(), errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > most) return too_large();
  }
  text.resize(used);
  return text;
}

namespace {

Status write_as(const fs::path& path, std::string_view text, unsigned mode, const struct stat* owner) {
  const auto tried = [&] { return "write " + shown(path); };
  if (const int error = make_folders(folder_of(path))) return refuse(ErrorKind::missing, tried(), error);
  const auto folder = open_folder(folder_of(path));
  if (!folder) return refuse(ErrorKind::missing, tried(), errno);
  std::string name;  // of the temporary file, while it has one
  const auto file = open_temporary(folder.get(), path, name);
  if (!file) return refuse(ErrorKind::missing, tried(), errno);
  int error = write_all(file.get(), text);
  if (!error && owner && ::geteuid() == 0 && ::fchown(file.get(), owner->st_uid, owner->st_gid) != 0) error = errno;
  if (!error && ::fchmod(file.get(), static_cast<mode_t>(mode)) != 0) error = errno;
  // Network file systems report a full disk only here.
  if (!error && ::fsync(file.get()) != 0) error = errno;
  if (!error) error = place_temporary(folder.get(), file, path, name);
  if (error) {
    if (!name.empty()) ::unlinkat(folder.get(), name.c_str(), 0);
    return refuse(ErrorKind::missing, tried(), error);
  }
  sync_folder(folder);
  return {};
}

}  // namespace

Status write_file(const fs::path& path, std::string_view text, unsigned mode) {
  return write_as(path, text, mode, nullptr);
}

Status replace_file(const fs::path& path, std::string_view text, unsigned mode_of_new) {
  struct stat was {};
  const bool there = ::stat(path.c_str(), &was) == 0;
  return write_as(path, text, there ? was.st_mode & 07777U : mode_of_new, there ? &was : nullptr);
}

Status clone_file(const fs::path& from, const fs::path& to) {
  const auto tried = [&] { return "copy " + from.string() + " to " + shown(to); };
  const Descriptor in(::open(from.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!in) return refuse(ErrorKind::usage, tried(), errno);
  return copy_opened(in, to, tried);
}

Status copy_with_owner(const fs::path& from, const fs::path& to) {
  const auto tried = [&] { return "copy " + from.string() + " to " + shown(to); };
  TRY_ASSIGN(const auto in, open_to_read(from));
  return copy_opened(in, to, tried, /*with_owner=*/true);
}

Status clone_beneath(const fs::path& folder, const fs::path& path, const fs::path& to) {
  const auto tried = [&] { return "copy " + (folder / path).string() + " to " + to.string(); };
  const auto opened = open_folder(folder);
  if (!opened) return refuse(ErrorKind::usage, tried(), errno);
  const auto in = open_beneath(opened.get(), path);
  if (!in && (errno == EXDEV || errno == ELOOP))
    return Error{ErrorKind::usage, tried(), "it is a link that leaves " + folder.string(),
                 "put the file itself into that folder"};
  if (!in) return refuse(ErrorKind::usage, tried(), errno);
  return copy_opened(in, to, tried);
}

void remove_leftovers(const fs::path& path) {
  const auto folder = open_folder(folder_of(path));
  if (!folder) return;
  const auto prefix = "." + path.filename().string() + std::string(leftover_mark);
  for (const auto& entry : entries_of(folder_of(path))) {
    const auto name = entry.filename().string();
    if (!name.starts_with(prefix) || name.size() != prefix.size() + 16) continue;
    const Descriptor left(::openat(folder.get(), name.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    // The process that made it holds a lock as long as it lives.
    if (!left || ::flock(left.get(), LOCK_EX | LOCK_NB) != 0 || !still_named(left.get(), folder.get(), name.c_str()))
      continue;
    std::error_code ignored;
    fs::remove_all(entry, ignored);
  }
}

std::string random_word() {
  unsigned char bytes[8] = {};
  // Without random numbers (a kernel that has just started) O_EXCL still refuses a name that exists.
  [[maybe_unused]] const auto got = ::getrandom(bytes, sizeof bytes, GRND_NONBLOCK);
  std::string word;
  for (const unsigned byte : bytes) {
    word += "0123456789abcdef"[byte >> 4];
    word += "0123456789abcdef"[byte & 15];
  }
  return word;
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code bad;
  for (auto entry = fs::directory_iterator(folder, bad); !bad && entry != fs::directory_iterator();
       entry.increment(bad))
    entries.push_back(entry->path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

Result<StagedFolder> StagedFolder::beside(const fs::path& target) {
  // "out/" and "out" are the same folder, and the temporary name needs its last part.
  const fs::path clean = target.has_filename() ? target : target.parent_path();
  const auto refused = [&](int error) {
    return refuse(ErrorKind::missing, "make a folder beside " + clean.string(), error);
  };
  if (const int error = make_folders(folder_of(clean)))
    return refuse(ErrorKind::missing, "make the folder " + clean.string(), error);
  remove_leftovers(clean);
  auto parent = open_folder(folder_of(clean));
  if (!parent) return refused(errno);
  std::string name;
  Descriptor self;
  for (int tries = 0; tries < 10; ++tries) {
    name = name_beside(clean);
    if (::mkdirat(parent.get(), name.c_str(), 0700) != 0) return refused(errno);
    // If somebody has put a folder of his own, or a link, there in the meantime, the owner or O_NOFOLLOW shows it.
    self = Descriptor(::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!self && errno != ENOENT) break;
    if (self) ::flock(self.get(), LOCK_EX | LOCK_NB);
    // Before it was locked, another process may have removed it as a leftover.
    if (self && still_named(self.get(), parent.get(), name.c_str())) break;
  }
  struct stat info {};
  if (!self || ::fstat(self.get(), &info) != 0) return refused(errno);
  if (info.st_uid != ::geteuid()) return refused(EPERM);
  if (::fchmod(self.get(), 0755) != 0) return refused(errno);  // the target is public
  return StagedFolder(folder_of(clean) / name, clean, std::move(parent), std::move(self));
}

fs::path StagedFolder::held_path() const {
  return "/proc/self/fd/" + std::to_string(self_.get());
}

StagedFolder::StagedFolder(StagedFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      target_(std::exchange(other.target_, {})),
      parent_(std::move(other.parent_)),
      self_(std::move(other.self_)) {}

StagedFolder& StagedFolder::operator=(StagedFolder&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(target_, other.target_);
  std::swap(parent_, other.parent_);
  std::swap(self_, other.self_);
  return *this;
}

StagedFolder::~StagedFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Status StagedFolder::commit(bool durable, const std::function<Status()>& may_replace) {
  const auto tried = [&] { return "put the finished folder at " + target_.string(); };
  if (durable && ::syncfs(self_.get()) != 0) return refuse(ErrorKind::missing, tried(), errno);
  const auto from = path_.filename();
  const auto to = target_.filename();
  const int in = parent_.get();
  const auto moved_away = [&] {
    return Error{ErrorKind::failed, tried(), "somebody has moved " + path_.string() + " away while it was written",
                 "name a folder that only you can write to"};
  };
  if (!still_named(self_.get(), in, from.c_str())) return moved_away();
  if (::renameat2(in, from.c_str(), in, to.c_str(), RENAME_NOREPLACE) == 0) {
    path_.clear();
  } else if (errno == EEXIST) {
    if (may_replace) TRY(may_replace());
    // An exchange in one step. The old content is then at path_, and the destructor removes it.
    if (::renameat2(in, from.c_str(), in, to.c_str(), RENAME_EXCHANGE) != 0) {
      if (errno != EINVAL && errno != ENOSYS) return refuse(ErrorKind::missing, tried(), errno);
      // A file system without RENAME_EXCHANGE: the target is absent for a moment, but never incomplete.
      const std::string old = name_beside(target_);
      if (::renameat(in, to.c_str(), in, old.c_str()) != 0) return refuse(ErrorKind::missing, tried(), errno);
      if (::renameat(in, from.c_str(), in, to.c_str()) != 0) {
        const int error = errno;
        ::renameat(in, old.c_str(), in, to.c_str());
        return refuse(ErrorKind::missing, tried(), error);
      }
      path_ = folder_of(target_) / old;
    }
  } else {
    const int error = errno;
    if ((error != EINVAL && error != ENOSYS) || ::renameat(in, from.c_str(), in, to.c_str()) != 0)
      return refuse(ErrorKind::missing, tried(), error);
    path_.clear();
  }
  if (!still_named(self_.get(), in, to.c_str())) return moved_away();
  if (durable) sync_folder(parent_);
  return {};
}

namespace {

// Opens the lock's file and locks it with `how`. -1: errno says why.
int lock_file(const fs::path& path, int how) {
  while (true) {
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!file || ::flock(file.get(), how) != 0) return -1;
    // If the file was removed or replaced while this waited, its lock excludes nobody.
    if (still_named(file.get(), AT_FDCWD, path.c_str())) return file.release();
  }
}

}  // namespace

Result<FileLock> FileLock::try_acquire(const fs::path& path) {
  const auto tried = [&] { return "lock " + path.string(); };
  if (const int error = make_folders(folder_of(path))) return refuse(ErrorKind::missing, tried(), error);
  const int fd = lock_file(path, LOCK_EX | LOCK_NB);
  if (fd >= 0 || errno == EWOULDBLOCK || errno == EINTR) return FileLock(fd);
  return refuse(ErrorKind::missing, tried(), errno);
}

Result<FileLock> FileLock::wait(const fs::path& path) {
  while (true) {
    if (Interrupt::caught()) return Error{ErrorKind::interrupted, "lock " + path.string(), "interrupted", ""};
    const int fd = lock_file(path, LOCK_EX);
    if (fd >= 0) return FileLock(fd);
    if (errno != EINTR) return refuse(ErrorKind::missing, "lock " + path.string(), errno);
  }
}

void FileLock::share_with_children() const {
  let_children_hold(fd_);
}

FileLock::~FileLock() {
  if (fd_ < 0) return;
  if (held_by_children() == fd_) let_children_hold(-1);
  ::close(fd_);
}

}  // namespace vgpukit
