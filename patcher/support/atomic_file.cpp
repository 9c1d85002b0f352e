#include "support/atomic_file.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "support/descriptor.hpp"
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

// A template beside `path` for mkstemp and mkdtemp. It is hidden, so that a glob over the folder does not find it.
std::string template_beside(const fs::path& path) {
  return (folder_of(path) / ("." + path.filename().string() + ".XXXXXX")).string();
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
void sync_folder(const fs::path& folder) {
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened) ::fsync(opened.get());
}

int make_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  return error.value();
}

}  // namespace

Result<std::string> read_file(const fs::path& path) {
  const auto tried = [&] { return "read " + path.string(); };
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return refuse(ErrorKind::usage, tried(), errno);
  std::string text;
  struct stat info {};
  if (::fstat(file.get(), &info) == 0 && info.st_size > 0) text.reserve(static_cast<std::size_t>(info.st_size) + 1);
  std::size_t used = 0;
  for (;;) {
    // The size is only a hint: files of /proc and /sys have the size 0.
    text.resize(std::max(text.capacity(), used + 4096));
    const auto got = ::read(file.get(), text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return refuse(ErrorKind::usage, tried(), errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  text.resize(used);
  return text;
}

Status write_file(const fs::path& path, std::string_view text, unsigned mode) {
  const auto tried = [&] { return "write " + path.string(); };
  if (const int error = make_folders(folder_of(path))) return refuse(ErrorKind::missing, tried(), error);
  std::string beside = template_beside(path);
  const int fd = ::mkostemp(beside.data(), O_CLOEXEC);
  if (fd < 0) return refuse(ErrorKind::missing, tried(), errno);
  int error = write_all(fd, text);
  if (!error && ::fchmod(fd, static_cast<mode_t>(mode)) != 0) error = errno;
  if (!error && ::fsync(fd) != 0) error = errno;
  // Network file systems report a full disk only here.
  if (::close(fd) != 0 && !error) error = errno;
  if (!error && ::rename(beside.c_str(), path.c_str()) != 0) error = errno;
  if (error) {
    ::unlink(beside.c_str());
    return refuse(ErrorKind::missing, tried(), error);
  }
  sync_folder(folder_of(path));
  return {};
}

Status clone_file(const fs::path& from, const fs::path& to) {
  const auto tried = [&] { return "copy " + from.string() + " to " + to.string(); };
  const Descriptor in(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in) return refuse(ErrorKind::usage, tried(), errno);
  int error = make_folders(folder_of(to));
  const int out = error ? -1 : ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (!error && out < 0) error = errno;
  if (error) return refuse(ErrorKind::missing, tried(), error);
  struct stat info {};
  if (::fstat(in.get(), &info) != 0) error = errno;
  if (!error && ::ioctl(out, FICLONE, in.get()) != 0) {
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
  if (!error && (::fchmod(out, (info.st_mode & 0755) | 0644) != 0 || ::futimens(out, times) != 0)) error = errno;
  if (::close(out) != 0 && !error) error = errno;
  if (!error) return {};
  ::unlink(to.c_str());
  return refuse(ErrorKind::missing, tried(), error);
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
  if (const int error = make_folders(folder_of(clean)))
    return refuse(ErrorKind::missing, "make the folder " + clean.string(), error);
  std::string name = template_beside(clean);
  if (!::mkdtemp(name.data())) return refuse(ErrorKind::missing, "make a folder beside " + clean.string(), errno);
  ::chmod(name.c_str(), 0755);  // mkdtemp makes a private folder, but the target is public
  return StagedFolder(name, clean);
}

StagedFolder::StagedFolder(StagedFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), target_(std::exchange(other.target_, {})) {}

StagedFolder& StagedFolder::operator=(StagedFolder&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(target_, other.target_);
  return *this;
}

StagedFolder::~StagedFolder() {
  if (path_.empty()) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

Status StagedFolder::commit(bool durable, const std::function<Status()>& may_replace) {
  const auto tried = [&] { return "put the finished folder at " + target_.string(); };
  if (durable) {
    const Descriptor folder(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::syncfs(folder.get()) != 0) return refuse(ErrorKind::missing, tried(), errno);
  }
  if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE) == 0) {
    path_.clear();
  } else if (errno == EEXIST) {
    if (may_replace) TRY(may_replace());
    // An exchange in one step. The old content is then at path_, and the destructor removes it.
    if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0) {
      if (errno != EINVAL && errno != ENOSYS) return refuse(ErrorKind::missing, tried(), errno);
      // A file system without RENAME_EXCHANGE: the target is absent for a moment, but never incomplete.
      const std::string old = path_.string() + ".old";
      if (::rename(target_.c_str(), old.c_str()) != 0) return refuse(ErrorKind::missing, tried(), errno);
      if (::rename(path_.c_str(), target_.c_str()) != 0) {
        const int error = errno;
        ::rename(old.c_str(), target_.c_str());
        return refuse(ErrorKind::missing, tried(), error);
      }
      path_ = old;
    }
  } else {
    const int error = errno;
    if ((error != EINVAL && error != ENOSYS) || ::rename(path_.c_str(), target_.c_str()) != 0)
      return refuse(ErrorKind::missing, tried(), error);
    path_.clear();
  }
  if (durable) sync_folder(folder_of(target_));
  return {};
}

Result<FileLock> FileLock::try_acquire(const fs::path& path) {
  const auto tried = [&] { return "lock " + path.string(); };
  if (const int error = make_folders(folder_of(path))) return refuse(ErrorKind::missing, tried(), error);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return refuse(ErrorKind::missing, tried(), errno);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return FileLock(fd);
  const int error = errno;
  ::close(fd);
  if (error == EWOULDBLOCK || error == EINTR) return FileLock(-1);
  return refuse(ErrorKind::missing, tried(), error);
}

Result<FileLock> FileLock::wait(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return refuse(ErrorKind::missing, "lock " + path.string(), errno);
  FileLock lock(fd);
  while (::flock(fd, LOCK_EX) != 0) {
    if (errno != EINTR) return refuse(ErrorKind::missing, "lock " + path.string(), errno);
    if (Interrupt::caught()) return Error{ErrorKind::interrupted, "lock " + path.string(), "interrupted", ""};
  }
  return lock;
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
