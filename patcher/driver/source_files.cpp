#include "driver/source_files.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <system_error>

#include "support/atomic_file.hpp"
#include "support/hash.hpp"
#include "support/limits.hpp"
#include "support/text.hpp"

namespace vgpukit::driver {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kBinaryObject = ".o_binary";

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

// The files that NVIDIA's conftest.sh compiles (conftest$$.c), and their output.
bool is_conftest_scratch(std::string_view name) {
  constexpr std::string_view prefix = "conftest";
  return name.starts_with(prefix) && name.size() > prefix.size() && is_digit(name[prefix.size()]);
}

// The folder of the whole package: the one above, if this one has the name that it has in NVIDIA's packages. Without
// links.
fs::path package_of(const fs::path& folder) {
  std::error_code bad;
  const auto real = fs::canonical(folder, bad);
  return real.filename() == "kernel" || real.filename() == "kernel-open" ? real.parent_path() : real;
}

// Whether the file that a link leads to is in the package.
bool is_inside(const fs::path& folder, const fs::path& link) {
  std::error_code bad;
  const auto target = fs::canonical(link, bad);
  return !bad && !target.lexically_relative(package_of(folder)).native().starts_with("..");
}

}  // namespace

bool is_build_output(std::string_view name, bool is_folder) {
  if (is_folder) return name == "conftest";
  static constexpr std::array<std::string_view, 7> endings = {".o", ".ko", ".mod", ".mod.c", ".o.d", ".dwo", ".a"};
  static constexpr std::array<std::string_view, 3> names = {"nv_compiler.h", "Module.symvers", "modules.order"};
  if (std::find(names.begin(), names.end(), name) != names.end()) return true;
  if (is_conftest_scratch(name)) return true;
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

Result<std::vector<SourceFile>> list_sources(const fs::path& folder) {
  const auto refuse = [&](const fs::path& at, const std::error_code& error) {
    return Error{ErrorKind::usage, "read the folder " + at.string(), error.message(), ""};
  };
  const auto wrong = [&](const std::string& path, const std::string& why) {
    return Error{ErrorKind::usage, "read the driver's file " + printable(path), why,
                 "no driver package has such a file: unpack the package again"};
  };
  std::vector<SourceFile> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  if (error) return refuse(folder, error);
  const auto prefix = folder.native().size() + (folder.native().ends_with('/') ? 0 : 1);
  while (entry != fs::recursive_directory_iterator()) {
    const std::string path = entry->path().native();
    const std::string name = entry->path().filename().native();
    const bool is_folder = entry->is_directory(error) && !entry->is_symlink(error);
    const bool hidden = name.starts_with('.') && name != ".manifest";
    if (static_cast<std::size_t>(entry.depth()) > limits::path_depth)
      return wrong(path, "it is more than " + std::to_string(limits::path_depth) + " folders deep");
    if (hidden || is_build_output(name, is_folder)) {
      if (is_folder) entry.disable_recursion_pending();
    } else if (!is_folder) {
      const bool binary = name.ends_with(kBinaryObject);
      struct stat info {};
      const int failed = binary ? ::stat(path.c_str(), &info) : ::lstat(path.c_str(), &info);
      // A link to a binary object that does not exist is left out.
      const bool regular = failed == 0 && S_ISREG(info.st_mode);
      const auto most = binary ? limits::file_bytes : limits::source_bytes;
      if (regular && static_cast<std::uintmax_t>(info.st_size) > most)
        return wrong(path, "it is larger than " + std::to_string(most >> 20) + " MiB");
      if (regular && binary && entry->is_symlink(error) && !is_inside(folder, path))
        return wrong(path, "it is a link to a file outside of the package");
      if (regular) files.push_back({path.substr(prefix), static_cast<std::uintmax_t>(info.st_size), binary});
    }
    entry.increment(error);
    if (error) return refuse(path, error);
  }
  std::sort(files.begin(), files.end(), [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

Result<std::string> hash_sources(const fs::path& folder, const std::vector<SourceFile>& files) {
  Hasher hasher;
  for (const auto& file : files) {
    hasher.add(file.path);
    TRY(hasher.add_file(folder / file.path));
  }
  return hasher.hex();
}

Status copy_binary_object(const fs::path& folder, const std::string& path, const fs::path& to) {
  std::error_code bad;
  const auto package = package_of(folder);
  const auto file = fs::canonical(folder / path, bad);
  return clone_beneath(package, bad ? fs::path(path) : file.lexically_relative(package), to);
}

}  // namespace vgpukit::driver
