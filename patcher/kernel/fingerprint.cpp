#include "kernel/fingerprint.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <string_view>
#include <utility>

#include "kernel/headers_layout.hpp"
#include "support/atomic_file.hpp"
#include "support/descriptor.hpp"
#include "support/hash.hpp"
#include "support/process.hpp"

namespace vgpukit::kernel {

namespace {

// To be changed when the way of asking changes (the form of snippets, the added flags): it makes old answers invalid.
constexpr std::string_view generation = "vgpukit facts 2";

// A walk over the files that decide how a module compiles, some seven thousand. Their names and stat data are hashed at
// once. What is stored for reading them later costs no allocation for each file.
class Walk {
 public:
  explicit Walk(const HostPaths& host) : host_(host) {}

  // Adds a folder or a file, as seen from inside the root, or that it is absent. `deep`: with all folders below.
  Status add(const fs::path& inside, bool deep) {
    const auto real = host_.resolve(inside);
    stats_.add(inside.string());
    if (!real) return {};
    struct stat info {};
    if (::stat(real->c_str(), &info) != 0) return refuse(*real);
    name_ = inside.string();
    if (!S_ISDIR(info.st_mode)) {
      note(info, *real);
      return {};
    }
    return folder(Descriptor(::open(real->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), *real, info, deep);
  }

  [[nodiscard]] std::string stats() const { return stats_.hex(); }
  [[nodiscard]] std::time_t newest() const { return newest_; }

  // Calls use(NAME, PATH) -> Status for each file: its name in the tree, and its path without links, as we reach it.
  template <class F>
  Status each_file(F use) const {
    std::size_t begin = 0;
    for (const auto& file : files_) {
      const std::string_view name(names_.data() + begin, file.name_end - begin);
      begin = file.name_end;
      const auto& place = places_[file.place];
      TRY(use(name, place.is_file ? place.path : place.path + "/" + std::string(name.substr(name.rfind('/') + 1))));
    }
    return {};
  }

 private:
  struct File {
    std::size_t name_end;  // in names_; it begins at the end of the previous one
    std::size_t place;     // in places_
  };
  struct Place {
    std::string path;  // of the folder that has the file under the last part of its name, or of the file itself
    bool is_file;
  };

  static Error refuse(const fs::path& path) {
    return {ErrorKind::failed, "read the kernel's headers " + path.string(), std::strerror(errno),
            "check the permissions of that file"};
  }

  // Adds the file that name_ names.
  void note(const struct stat& info) {
    const std::int64_t numbers[] = {info.st_size,        static_cast<std::int64_t>(info.st_ino),
                                    info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                                    info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
    stats_.add(name_).add({reinterpret_cast<const char*>(numbers), sizeof numbers});
    newest_ = std::max({newest_, info.st_ctim.tv_sec, info.st_mtim.tv_sec});
    names_ += name_;
    files_.push_back({names_.size(), places_.size() - 1});
  }
  void note(const struct stat& info, const fs::path& path) {
    places_.push_back({path.string(), true});
    note(info);
  }

  // Adds the folder that name_ names.
  Status folder(Descriptor opened, const fs::path& path, const struct stat& info, bool deep) {
    // Ubuntu's headers have links to folders. A link to a folder above would be an endless loop.
    const auto id = std::make_pair(info.st_dev, info.st_ino);
    if (std::find(above_.begin(), above_.end(), id) != above_.end()) return {};
    DIR* folder = opened ? ::fdopendir(opened.get()) : nullptr;
    if (!folder) return refuse(path);
    static_cast<void>(opened.release());  // closedir closes it
    above_.push_back(id);
    auto status = entries(folder, path, deep);
    ::closedir(folder);
    above_.pop_back();
    return status;
  }

  Status entries(DIR* folder, const fs::path& path, bool deep) {
    std::string all;  // each with its NUL
    while (const dirent* entry = ::readdir(folder)) {
      const std::string_view one = entry->d_name;
      if (one != "." && one != "..") all.append(one).push_back('\0');
    }
    std::vector<std::string_view> names;
    for (std::size_t at = 0; at < all.size(); at += names.back().size() + 1) names.emplace_back(all.data() + at);
    std::sort(names.begin(), names.end());  // the order on disk must not change the hash
    const int number = ::dirfd(folder);
    const std::size_t own_name = name_.size();
    bool here = false;  // the last of places_ is this folder
    for (const auto one : names) {
      name_.resize(own_name);
      name_.append("/").append(one);
      struct stat child {};
      if (::fstatat(number, one.data(), &child, AT_SYMLINK_NOFOLLOW) != 0) return refuse(path / one);
      std::optional<fs::path> real;
      if (S_ISLNK(child.st_mode)) {
        real = host_.resolve(host_.inside(path / one));
        if (!real || ::stat(real->c_str(), &child) != 0) continue;  // a dangling link
      }
      if (S_ISREG(child.st_mode)) {
        if (real) {
          note(child, *real);
          here = false;
          continue;
        }
        if (!here) places_.push_back({path.string(), false});
        here = true;
        note(child);
        // include/config has an empty file for each option. walk_all() adds auto.conf, which has all of them.
      } else if (S_ISDIR(child.st_mode) && deep && !name_.ends_with("/include/config")) {
        Descriptor opened(real ? ::open(real->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                               : ::openat(number, one.data(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        TRY(this->folder(std::move(opened), real ? *real : path / one, child, deep));
        here = false;
      }
    }
    name_.resize(own_name);
    return {};
  }

  const HostPaths& host_;
  Hasher stats_;
  std::time_t newest_ = 0;
  std::string name_;   // of the current folder or file
  std::string names_;  // of all files, one after the other
  std::vector<File> files_;
  std::vector<Place> places_;
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
    text += "\n" + kernel.host.inside(*real).string() + " " + std::to_string(info.st_size) + " " +
            std::to_string(info.st_mtim.tv_sec);
  return text;
}

Result<std::string> content_of(const Walk& walk, const std::string& frame) {
  Hasher hasher;
  hasher.add(frame);
  TRY(walk.each_file([&](std::string_view name, const std::string& path) -> Status {
    hasher.add(name);
    if (auto added = hasher.add_file(path); !added)
      return Error{ErrorKind::failed, "read the kernel's headers " + path, added.error().why,
                   "check the permissions of that file"};
    return {};
  }));
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

  // One small file for each kernel: the hash of its stat data and the fingerprint that belongs to it.
  const fs::path index =
      kernel.host.cache / "facts" /
      (Hasher().add(kernel.host.root.string()).add(kernel.build.string()).add(kernel.release).hex() + ".stat");
  if (auto known = read_file(index); known && known->size() == 66 && known->starts_with(stats + " "))
    return known->substr(33, 32);

  TRY_ASSIGN(auto fingerprint, content_of(walk, frame));
  // A file that has just changed may change again with the same times: then the index is not written (git's racy
  // files).
  if (walk.newest() + 2 < now) {
    // Errors are ignored: without the index the next run is only slower.
    static_cast<void>(static_cast<bool>(write_file(index, stats + " " + fingerprint + "\n")));
  }
  return fingerprint;
}

}  // namespace vgpukit::kernel
