#include "support/host_paths.hpp"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <deque>
#include <system_error>
#include <vector>

#include "config.hpp"
#include "support/interrupt.hpp"

namespace vgpukit {

namespace {

// The absolute path that an environment variable names, or nothing. The XDG specification ignores relative paths.
fs::path absolute_from(const char* variable) {
  const char* value = std::getenv(variable);
  if (!value || *value != '/') return {};
  return fs::path(value).lexically_normal();
}

fs::path home() {
  if (auto path = absolute_from("HOME"); !path.empty()) return path;
  const passwd* entry = ::getpwuid(::geteuid());
  return entry && entry->pw_dir ? fs::path(entry->pw_dir) : fs::path("/");
}

fs::path first_of(fs::path override_path, fs::path otherwise) {
  return override_path.empty() ? std::move(otherwise) : std::move(override_path);
}

bool has_recipes(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_directory(folder / "recipes", ignored);
}

// Why the recipes of a folder cannot be read: "which has no recipes folder".
std::string no_recipes(const fs::path& folder) {
  for (const auto& each : {folder, folder / "recipes"}) {
    std::error_code bad;
    const auto status = fs::status(each, bad);
    if (status.type() == fs::file_type::not_found)
      return each == folder ? "which does not exist" : "which has no recipes folder";
    if (bad) return "but " + each.string() + " cannot be read: " + bad.message();
    if (!fs::is_directory(status)) return "but " + each.string() + " is not a folder";
  }
  return "which has no recipes folder";
}

}  // namespace

Result<HostPaths> HostPaths::of_this_machine(const fs::path& root) {
  std::error_code error;
  const fs::path real = fs::canonical(root, error);
  if (error) return Error{ErrorKind::usage, "use the root folder " + root.string(), error.message(), ""};
  if (!fs::is_directory(real, error))
    return Error{ErrorKind::usage, "use the root folder " + root.string(), "it is not a folder", ""};

  HostPaths paths;
  paths.root = real;
  if (::geteuid() == 0) {
    paths.cache = "/var/cache/vgpukit";
    paths.state = "/var/lib/vgpukit";
    paths.config = "/etc/vgpukit/config.yaml";
  } else {
    const fs::path mine = home();
    paths.cache = first_of(absolute_from("XDG_CACHE_HOME"), mine / ".cache") / "vgpukit";
    paths.state = first_of(absolute_from("XDG_STATE_HOME"), mine / ".local/state") / "vgpukit";
    paths.config = first_of(absolute_from("XDG_CONFIG_HOME"), mine / ".config") / "vgpukit/config.yaml";
  }
  paths.cache = first_of(absolute_from("VGPUKIT_CACHE"), paths.cache);
  paths.state = first_of(absolute_from("VGPUKIT_STATE"), paths.state);
  paths.config = first_of(absolute_from("VGPUKIT_CONFIG"), paths.config);
  return paths;
}

fs::path HostPaths::in_root(const fs::path& path) const {
  return is_host() ? ("/" / path).lexically_normal() : follow(path, /*last=*/true);
}

fs::path HostPaths::inside(const fs::path& path) const {
  if (is_host()) return path;
  const auto relative = path.lexically_relative(root);
  return relative == "." ? fs::path("/") : "/" / relative;
}

fs::path HostPaths::follow(const fs::path& path, bool last) const {
  const auto words_of = [](const fs::path& from) { return std::deque<fs::path>(from.begin(), from.end()); };
  std::deque<fs::path> todo = words_of(path.relative_path());
  std::vector<fs::path> done;  // the words of the path so far, without any link
  const auto here = [&] {
    fs::path result = root;
    for (const auto& word : done) result /= word;
    return result;
  };
  int links = 0;
  while (!todo.empty()) {
    const fs::path word = todo.front();
    todo.pop_front();
    if (word.empty() || word == "." || word == "/") continue;
    if (word == "..") {
      if (!done.empty()) done.pop_back();  // ".." of the root is the root
      continue;
    }
    done.push_back(word);
    std::error_code error;
    if (!last && todo.empty()) break;
    if (!fs::is_symlink(fs::symlink_status(here(), error))) continue;
    const fs::path target = fs::read_symlink(here(), error);
    // The limit of the kernel (MAXSYMLINKS). A path below a file cannot exist, either.
    if (++links > 40 || error) return fs::path("/dev/null") / path.relative_path();
    done.pop_back();
    if (target.is_absolute()) done.clear();
    const auto words = words_of(target.relative_path());
    todo.insert(todo.begin(), words.begin(), words.end());
  }
  return here();
}

std::optional<fs::path> HostPaths::resolve(const fs::path& path) const {
  auto real = follow(path, /*last=*/true);
  std::error_code error;
  return fs::exists(fs::symlink_status(real, error)) ? std::optional(std::move(real)) : std::nullopt;
}

fs::path HostPaths::reach(const fs::path& path) const {
  const auto clean = ("/" / path).lexically_normal();
  return is_host() ? clean : follow(clean, /*last=*/false);
}

fs::path HostPaths::work() const {
  if (is_host()) return cache / "work";
  std::error_code ignored;
  const fs::path var_tmp = in_root("/var/tmp");
  return fs::is_directory(var_tmp, ignored) ? var_tmp : in_root("/tmp");
}

Status check_root(const HostPaths& host, const std::string& tried, const std::string& hint) {
  if (::geteuid() == 0 || (!host.is_host() && ::access(host.root.c_str(), W_OK) == 0)) return {};
  return Error{ErrorKind::denied, tried, "that needs root, and nothing was changed", hint};
}

Status need_root(const HostPaths& host, const std::string& tried, const std::string& hint) {
  TRY(check_root(host, tried, hint));
  Interrupt::let_finish();
  return {};
}

Result<fs::path> shipped_data() {
  if (const char* named = std::getenv("VGPUKIT_DATA"); named && *named) {
    // There is no fallback from a folder that the user named: it would hide the mistake.
    if (has_recipes(named)) return fs::absolute(named).lexically_normal();
    return Error{ErrorKind::missing, "find the recipes of vgpukit",
                 "VGPUKIT_DATA names " + std::string(named) + ", " + no_recipes(named),
                 "unset VGPUKIT_DATA or correct it"};
  }
  const fs::path built = VGPUKIT_SOURCE_DIR_BUILT;
  const fs::path installed = VGPUKIT_INSTALLED_DATA;  // PREFIX/share/vgpukit
  std::error_code ignored;
  const fs::path self = fs::read_symlink("/proc/self/exe", ignored);
  // A binary in PREFIX/bin uses the installed data. Any other one runs from a build folder and uses its source tree.
  const bool runs_installed = self.parent_path() == installed.parent_path().parent_path() / "bin";
  const auto choices = runs_installed ? std::vector{installed, built} : std::vector{built, installed};
  for (const auto& choice : choices)
    if (has_recipes(choice)) return choice;
  return Error{ErrorKind::missing, "find the recipes of vgpukit",
               "neither " + choices[0].string() + " nor " + choices[1].string() + " has a recipes folder",
               "install vgpukit, or set VGPUKIT_DATA to the folder that has recipes, patches and kbuild"};
}

}  // namespace vgpukit
