#include "kernel/fingerprint.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string_view>

#include "kernel/headers_folder.hpp"
#include "support/atomic_file.hpp"
#include "support/hash.hpp"
#include "support/process.hpp"

namespace vgpukit {

namespace {

// Changes when the way of asking changes (the form of snippets, the flags that are added), so that old answers are not believed.
constexpr std::string_view generation = "vgpukit facts 2";

struct File {
  std::string name;  // how it is reached from its tree
  fs::path path;     // where it really is, as we reach it
};

// A walk over what decides how a module compiles. Names and stat data go into `stats` as they are met.
class Walk {
 public:
  explicit Walk(const HostPaths& host) : host_(host) {}

  // A folder or a file, as seen from inside the root; what does not exist is noted as such. `deep`: with all folders below.
  Status add(const fs::path& inside, bool deep) {
    const auto real = host_.resolve(inside);
    stats_.add(inside.string());
    if (!real) return {};
    struct stat info {};
    if (::stat(real->c_str(), &info) != 0) return refuse(*real);
    if (!S_ISDIR(info.st_mode)) return note(inside.string(), *real, info);
    return folder(inside.string(), *real, info, deep);
  }

  [[nodiscard]] std::string stats() const { return stats_.hex(); }
  [[nodiscard]] std::time_t newest() const { return newest_; }
  [[nodiscard]] const std::vector<File>& files() const { return files_; }

 private:
  static Error refuse(const fs::path& path) {
    return {Exit::failed, "read the kernel's headers " + path.string(), std::strerror(errno), "check the permissions of that file"};
  }

  Status note(const std::string& name, const fs::path& path, const struct stat& info) {
    const std::int64_t numbers[] = {info.st_size,        static_cast<std::int64_t>(info.st_ino),
                                    info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                                    info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
    stats_.add(name).add({reinterpret_cast<const char*>(numbers), sizeof numbers});
    newest_ = std::max({newest_, info.st_ctim.tv_sec, info.st_mtim.tv_sec});
    files_.push_back({name, path});
    return {};
  }

  Status folder(const std::string& name, const fs::path& path, const struct stat& info, bool deep) {
    // Ubuntu's headers are links to folders; a link to a folder above would never end.
    const auto id = std::make_pair(info.st_dev, info.st_ino);
    if (std::find(above_.begin(), above_.end(), id) != above_.end()) return {};
    above_.push_back(id);
    DIR* folder = ::opendir(path.c_str());
    if (!folder) return refuse(path);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(folder)) {
      const std::string_view one = entry->d_name;
      if (one != "." && one != "..") names.emplace_back(one);
    }
    std::sort(names.begin(), names.end());  // the order of the disk is no content
    Status status;
    for (const auto& one : names) {
      struct stat child {};
      const std::string child_name = name + "/" + one;
      fs::path child_path = path / one;
      if (::fstatat(::dirfd(folder), one.c_str(), &child, AT_SYMLINK_NOFOLLOW) != 0) status = refuse(child_path);
      if (status && S_ISLNK(child.st_mode)) {
        const auto real = host_.resolve(host_.inside(child_path));
        if (!real || ::stat(real->c_str(), &child) != 0) continue;  // a dangling link is as good as no file
        child_path = *real;
      }
      if (!status) break;
      if (S_ISREG(child.st_mode)) status = note(child_name, child_path, child);
      // include/config has an empty file for each option; auto.conf, which is added by itself, has them all.
      else if (S_ISDIR(child.st_mode) && deep && !child_name.ends_with("/include/config"))
        status = this->folder(child_name, child_path, child, deep);
      if (!status) break;
    }
    ::closedir(folder);
    above_.pop_back();
    return status;
  }

  const HostPaths& host_;
  Hasher stats_;
  std::time_t newest_ = 0;
  std::vector<File> files_;
  std::vector<std::pair<dev_t, ino_t>> above_;
};

Status walk_all(Walk& walk, const Kernel& kernel) {
  const std::string arch = arch_folder(kernel.config);
  std::vector<fs::path> trees = {kernel.build};
  if (kernel.source != kernel.build) trees.push_back(kernel.source);
  for (const auto& tree : trees) {
    TRY(walk.add(tree / "include", true));
    TRY(walk.add(tree / "arch" / arch / "include", true));
    TRY(walk.add(tree / "arch" / arch / "Makefile", false));
    TRY(walk.add(tree / "Makefile", false));
    TRY(walk.add(tree / ".kernelvariables", false));
  }
  TRY(walk.add(kernel.build / "include/config/auto.conf", false));
  TRY(walk.add(kernel.build / "Module.symvers", false));
  TRY(walk.add(kernel.build / "scripts", false));  // the flags are made by Makefile.extrawarn and its like
  TRY(walk.add(kernel.build / "scripts/module.lds", false));
  TRY(walk.add(kernel.build / "arch" / arch / "module.lds", false));
  return {};
}

std::string compiler_identity(const Kernel& kernel) {
  std::string text = kernel.compiler.command + "\n" + kernel.compiler.identity;
  const auto program = find_program(kernel.compiler.command, kernel.host.root);
  const auto real = program ? kernel.host.resolve(*program) : std::nullopt;
  struct stat info {};
  if (real && ::stat(real->c_str(), &info) == 0)
    text +=
        "\n" + kernel.host.inside(*real).string() + " " + std::to_string(info.st_size) + " " + std::to_string(info.st_mtim.tv_sec);
  return text;
}

Result<std::string> content_of(const Walk& walk, const std::string& frame) {
  Hasher hasher;
  hasher.add(frame);
  for (const auto& file : walk.files()) {
    hasher.add(file.name);
    if (auto added = hasher.add_file(file.path); !added)
      return Error{Exit::failed, "read the kernel's headers " + file.path.string(), added.error().why,
                   "check the permissions of that file"};
  }
  return hasher.hex();
}

}  // namespace

Result<std::string> fingerprint_of(const Kernel& kernel) {
  const std::string frame = std::string(generation) + "\n" + kernel.release + "\n" + kernel.build.string() + "\n" +
                            kernel.source.string() + "\n" + compiler_identity(kernel);
  const std::time_t now = std::time(nullptr);
  Walk walk(kernel.host);
  TRY(walk_all(walk, kernel));
  const std::string stats = Hasher().add(frame).add(walk.stats()).hex();

  // One small file for each kernel: what its stat data were, and the fingerprint that belongs to them.
  const fs::path index = kernel.host.cache / "facts" /
                         (Hasher().add(kernel.host.root.string()).add(kernel.build.string()).add(kernel.release).hex() + ".stat");
  if (auto known = read_file(index); known && known->size() == 66 && known->starts_with(stats + " ")) return known->substr(33, 32);

  TRY_ASSIGN(auto fingerprint, content_of(walk, frame));
  // A file that changed within the clock's grain may change again and keep its times: then nothing is remembered (git's "racy"
  // files).
  if (walk.newest() + 2 < now) {
    // Best effort: a read-only cache only costs time.
    static_cast<void>(static_cast<bool>(write_file(index, stats + " " + fingerprint + "\n")));
  }
  return fingerprint;
}

}  // namespace vgpukit
