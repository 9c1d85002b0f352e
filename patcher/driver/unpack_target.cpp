#include "driver/unpack_target.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "support/limits.hpp"
#include "support/text.hpp"

namespace vgpukit::driver {

namespace {

constexpr mode_t kFolderMode = 0755;

std::string reason(int error) {
  return std::generic_category().message(error);
}

std::string size_text(std::uintmax_t bytes) {
  constexpr std::uintmax_t mega = 1'000'000;
  return bytes >= mega ? std::to_string(bytes / mega) + " MB" : std::to_string(bytes) + " bytes";
}

// The words of a path without "." and empty ones. Sets `why` if the path is absolute or has "..".
std::vector<std::string> split_path(std::string_view path, std::string& why) {
  std::vector<std::string> words;
  if (path.starts_with('/')) why = "has an absolute path";
  for (const auto word : words_of(path, "/")) {
    if (word == "..") why = "has .. in its path";
    if (word != ".") words.emplace_back(word);
  }
  return words;
}

// Whether a link in a folder `depth` levels below the target may point to `link`. ".." may be at the start only, at
// most `depth` times. The rest goes down, and by induction no link on the way leaves the target. "a/.." is refused
// because "a" may be a link, and its ".." another folder.
bool stays_inside(std::string_view link, std::size_t depth) {
  if (link.empty() || link.starts_with('/')) return false;
  bool down = false;
  for (const auto word : words_of(link, "/")) {
    if (word != "..") {
      down = down || word != ".";
      continue;
    }
    if (down || depth == 0) return false;
    --depth;
  }
  return true;
}

}  // namespace

Result<UnpackTarget> UnpackTarget::open(const std::filesystem::path& folder, const std::filesystem::path& archive,
                                        const ExtractLimits& limits) {
  Descriptor root(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root) return Error{ErrorKind::missing, "write to " + folder.string(), reason(errno), ""};
  return UnpackTarget(std::move(root), folder.parent_path(), archive, limits);
}

Error UnpackTarget::refuse(std::string_view name, const std::string& why) const {
  return {ErrorKind::usage, "unpack " + archive_.string(), "the entry \"" + printable(name) + "\" " + why,
          "nothing was unpacked; no driver package needs such an entry, so do not use the file"};
}

Error UnpackTarget::system_failure(std::string_view name, int error) const {
  const auto kind = error == EFBIG ? ErrorKind::no_space : kind_of(error, ErrorKind::missing);
  const char* const next = kind == ErrorKind::no_space ? "nothing was unpacked; free some space there and try again"
                                                       : "nothing was unpacked";
  return {.kind = kind,
          .tried = "unpack " + archive_.string(),
          .why = "writing \"" + printable(name) + "\" in " + place_.string() + " failed: " + reason(error),
          .next = next,
          .number = error};
}

Result<std::vector<std::string>> UnpackTarget::accept(std::string_view name) {
  if (++entries_ > limits_.entries)
    return refuse(name, "exceeds the limit of " + std::to_string(limits_.entries) + " entries");
  std::string why;
  auto words = split_path(name, why);
  if (name.empty()) why = "has no name";
  if (words.size() > limits::path_depth)
    return refuse(name, "is " + std::to_string(words.size()) + " folders deep; the limit is " +
                            std::to_string(limits::path_depth));
  if (!why.empty()) return refuse(name, why + ", which could write outside of the target");
  return words;
}

Result<int> UnpackTarget::open_parent(std::string_view name, const std::vector<std::string>& words) {
  const std::vector<std::string> folders(words.begin(), words.end() - 1);
  if (folders.empty()) return root_.get();
  if (parent_ && folders == parent_words_) return parent_.get();
  Descriptor here(::openat(root_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!here) return system_failure(name, errno);
  for (const auto& word : folders) {
    if (::mkdirat(here.get(), word.c_str(), kFolderMode) != 0 && errno != EEXIST) return system_failure(name, errno);
    Descriptor next(::openat(here.get(), word.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next && (errno == ENOTDIR || errno == ELOOP))
      return refuse(name, "is below \"" + printable(word) + "\", which is a link or a file in the same archive");
    if (!next) return system_failure(name, errno);
    here = std::move(next);
  }
  parent_ = std::move(here);
  parent_words_ = folders;
  return parent_.get();
}

Status UnpackTarget::add_folder(std::string_view name, const std::vector<std::string>& words) {
  if (words.empty()) return {};
  TRY_ASSIGN(const int parent, open_parent(name, words));
  if (::mkdirat(parent, words.back().c_str(), kFolderMode) == 0) return {};
  if (errno != EEXIST) return system_failure(name, errno);
  struct stat info {};
  if (::fstatat(parent, words.back().c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode)) return {};
  return refuse(name, "is a folder, and also a link or a file in the same archive");
}

Status UnpackTarget::add_symlink(std::string_view name, const std::vector<std::string>& words, std::string_view link) {
  if (words.empty()) return refuse(name, "is a link, and its path is the target itself");
  if (!stays_inside(link, words.size() - 1))
    return refuse(name, "is a symbolic link to \"" + printable(link) + "\", which leaves the target");
  TRY_ASSIGN(const int parent, open_parent(name, words));
  ::unlinkat(parent, words.back().c_str(), 0);  // fails for a folder; then the link is refused below
  if (::symlinkat(std::string(link).c_str(), parent, words.back().c_str()) == 0) return {};
  if (errno == EEXIST) return refuse(name, "is a link, and also a folder in the same archive");
  return system_failure(name, errno);
}

Status UnpackTarget::add_hardlink(std::string_view name, const std::vector<std::string>& words, std::string_view link) {
  if (words.empty()) return refuse(name, "is a link, and its path is the target itself");
  std::string why;
  const auto to = split_path(link, why);
  if (!why.empty() || to.empty())
    return refuse(name, "is a hard link to \"" + printable(link) + "\", which leaves the target");
  if (to == words) return {};
  TRY_ASSIGN(const int to_parent, open_parent(name, to));
  // A descriptor of its own, because the next open_parent() closes to_parent.
  const Descriptor from(::openat(to_parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat info {};
  if (!from || ::fstatat(from.get(), to.back().c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
    return refuse(name, "is a hard link to \"" + printable(link) + "\", which is not a file of the same archive");
  TRY_ASSIGN(const int parent, open_parent(name, words));
  ::unlinkat(parent, words.back().c_str(), 0);
  if (::linkat(from.get(), to.back().c_str(), parent, words.back().c_str(), 0) == 0) return {};
  if (errno == EEXIST) return refuse(name, "is a link, and also a folder in the same archive");
  return system_failure(name, errno);
}

Result<UnpackTarget::File> UnpackTarget::add_file(std::string_view name, const std::vector<std::string>& words,
                                                  mode_t mode) {
  if (words.empty()) return refuse(name, "is a file, and its path is the target itself");
  TRY_ASSIGN(const int parent, open_parent(name, words));
  ::unlinkat(parent, words.back().c_str(), 0);
  File file;
  file.owner = this;
  file.name = name;
  file.fd =
      Descriptor(::openat(parent, words.back().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.fd && errno == EEXIST) return refuse(name, "is a file, and also a folder in the same archive");
  if (!file.fd) return system_failure(name, errno);
  // Without set-id bits and write permission for others: root may compile these files.
  if (::fchmod(file.fd.get(), (mode & 0755) | 0600) != 0) return system_failure(name, errno);
  return file;
}

Status UnpackTarget::grow(std::string_view name, std::uintmax_t& from, std::uintmax_t to) {
  if (to <= from) return {};
  if (to - from > limits_.bytes - bytes_)
    return refuse(name, "exceeds the limit of " + size_text(limits_.bytes) + " for the archive");
  bytes_ += to - from;
  from = to;
  return {};
}

Status UnpackTarget::File::write(const void* data, std::size_t size, std::int64_t offset) {
  if (offset < 0) return owner->refuse(name, "has data before its start");
  TRY(owner->grow(name, end, static_cast<std::uintmax_t>(offset) + size));
  const char* from = static_cast<const char*>(data);
  while (size > 0) {
    const auto wrote = ::pwrite(fd.get(), from, size, offset);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return owner->system_failure(name, errno);
    from += wrote;
    size -= static_cast<std::size_t>(wrote);
    offset += wrote;
  }
  return {};
}

Status UnpackTarget::File::finish(std::int64_t size, const timespec* mtime) {
  if (size > 0 && static_cast<std::uintmax_t>(size) > end) {
    TRY(owner->grow(name, end, static_cast<std::uintmax_t>(size)));
    if (::ftruncate(fd.get(), size) != 0) return owner->system_failure(name, errno);
  }
  // make compares times.
  const timespec times[2] = {{0, UTIME_OMIT}, mtime ? *mtime : timespec{0, UTIME_OMIT}};
  if (::futimens(fd.get(), times) != 0) return owner->system_failure(name, errno);
  return {};
}

}  // namespace vgpukit::driver
