#include "kernel/modules_folder.hpp"

#include <algorithm>
#include <cctype>

#include "kernel/package_hints.hpp"
#include "support/atomic_file.hpp"
#include "support/process.hpp"

namespace vgpukit::kernel {

namespace {

// Where ".ko" or ".ko.xz" begins in a file's name; npos when the file is not a module.
std::size_t suffix_of(std::string_view file) {
  const auto at = file.rfind(".ko");
  return at != std::string_view::npos && (at + 3 == file.size() || file[at + 3] == '.') ? at : std::string_view::npos;
}

}  // namespace

std::optional<fs::path> modules_folder(const HostPaths& host, std::string_view release) {
  return host.resolve(fs::path("/lib/modules") / release);
}

bool is_release(std::string_view text) {
  const auto is_part = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("._+~-").find(static_cast<char>(c)) != std::string_view::npos;
  };
  return !text.empty() && text.front() != '-' && text.front() != '.' && std::all_of(text.begin(), text.end(), is_part);
}

std::vector<std::string> releases_of(const HostPaths& host) {
  std::vector<std::string> releases;
  std::error_code bad;
  for (const auto& entry : entries_of(modules_folder(host).value_or(fs::path())))
    if (is_release(entry.filename().string()) && fs::is_directory(entry, bad))
      releases.push_back(entry.filename().string());
  return releases;
}

bool has_modules(const HostPaths& host, std::string_view release) {
  const auto folder = modules_folder(host, release);
  std::error_code bad;
  return folder && (fs::exists(*folder / "modules.dep", bad) || fs::exists(*folder / "kernel", bad));
}

std::string module_name(std::string_view file_or_name) {
  file_or_name.remove_prefix(file_or_name.rfind('/') + 1);
  std::string name(file_or_name.substr(0, suffix_of(file_or_name)));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::vector<InstalledModuleFile> installed_module_files(const HostPaths& host, const std::string& release,
                                                        const std::vector<std::string>& names) {
  std::vector<InstalledModuleFile> found;
  const auto folder = modules_folder(host, release);
  if (!folder) return found;
  const fs::path inside = fs::path("/lib/modules") / release;
  std::error_code bad;
  for (auto entry = fs::recursive_directory_iterator(*folder, fs::directory_options::skip_permission_denied, bad);
       !bad && entry != fs::recursive_directory_iterator(); entry.increment(bad)) {
    const auto file = entry->path().filename().string();
    if (suffix_of(file) == std::string::npos) continue;
    for (const auto& name : names)
      if (module_name(name) == module_name(file))
        found.push_back({name, inside / entry->path().lexically_relative(*folder), entry->path()});
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return found;
}

const std::vector<std::string>& depmod_files() {
  static const std::vector<std::string> names = {
      "modules.alias",   "modules.alias.bin",   "modules.builtin.alias.bin", "modules.builtin.bin",
      "modules.dep",     "modules.dep.bin",     "modules.devname",           "modules.softdep",
      "modules.symbols", "modules.symbols.bin", "modules.weakdep",
  };
  return names;
}

Status run_depmod(const HostPaths& host, const std::string& release) {
  Command command;
  command.root = host.root;
  command.argv = {"depmod", release};
  TRY_ASSIGN(const auto outcome, run(command));
  if (outcome.ok()) return {};
  return Error{ErrorKind::failed, "run depmod for " + release, outcome.err.empty() ? outcome.out : outcome.err,
               install_tool_hint(host, "depmod")};
}

}  // namespace vgpukit::kernel
