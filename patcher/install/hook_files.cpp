#include "install/hook_files.hpp"

#include <algorithm>

#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::install {

namespace {

constexpr const char* kMark = " hook run --from ";

struct Known {
  const char* manager;
  const char* path;
  const char* vendor;
  const char* source;  // in packaging/hooks
  unsigned mode;
};

// For both pacman and kernel-install, a file in /etc overrides the one of the same name in /usr.
const std::vector<Known>& known_places() {
  static const std::vector<Known> places = {
      {"pacman", "/etc/pacman.d/hooks/80-vgpukit.hook", "/usr/share/libalpm/hooks/80-vgpukit.hook", "80-vgpukit.hook",
       0644},
      {"kernel-install", "/etc/kernel/install.d/45-vgpukit.install", "/usr/lib/kernel/install.d/45-vgpukit.install",
       "45-vgpukit.install", 0755},
      {"/etc/kernel/postinst.d", "/etc/kernel/postinst.d/00-vgpukit", "/etc/kernel/postinst.d/00-vgpukit", "00-vgpukit",
       0755},
      {"/etc/kernel/header_postinst.d", "/etc/kernel/header_postinst.d/00-vgpukit",
       "/etc/kernel/header_postinst.d/00-vgpukit", "00-vgpukit", 0755},
  };
  return places;
}

bool has_manager(const HostPaths& host, std::string_view manager) {
  std::error_code bad;
  if (manager == "pacman") return fs::exists(host.in_root("/etc/pacman.conf"), bad);
  if (manager == "kernel-install") return find_program("kernel-install", host.root).has_value();
  return fs::exists(host.in_root("/var/lib/dpkg/status"), bad);
}

bool is_ours(const fs::path& file) {
  const auto text = read_file(file);
  return text && contains(*text, kMark);
}

}  // namespace

Result<std::vector<HookPlace>> hook_places(const HostPaths& host, const std::string& vgpukit) {
  TRY_ASSIGN(const auto data, shipped_data());
  std::vector<HookPlace> places;
  std::error_code bad;
  for (const auto& known : known_places()) {
    if (!has_manager(host, known.manager)) continue;
    HookPlace place{known.manager, known.path, known.vendor, "", known.mode, HookPlace::State::missing};
    TRY_ASSIGN(place.text, read_file(data / "packaging/hooks" / known.source));
    for (auto at = place.text.find("@VGPUKIT@"); at != std::string::npos; at = place.text.find("@VGPUKIT@", at))
      place.text.replace(at, 9, vgpukit);
    if (const auto text = read_file(host.in_root(place.path)))
      place.state = *text == place.text ? HookPlace::State::installed : HookPlace::State::different;
    else if (fs::is_symlink(fs::symlink_status(host.reach(place.path), bad)))
      place.state = HookPlace::State::different;  // a link to /dev/null turns a hook off
    else if (fs::exists(host.in_root(place.vendor), bad))
      place.state = HookPlace::State::packaged;
    places.push_back(std::move(place));
  }
  return places;
}

const std::vector<std::string>& hook_paths() {
  static const std::vector<std::string> paths = [] {
    std::vector<std::string> all;
    for (const auto& place : known_places()) all.emplace_back(place.path);
    return all;
  }();
  return paths;
}

Result<std::vector<std::string>> install_hooks(const HostPaths& host, const std::string& vgpukit) {
  TRY_ASSIGN(const auto places, hook_places(host, vgpukit));
  std::vector<std::string> written;
  for (const auto& place : places) {
    if (place.state == HookPlace::State::installed || place.state == HookPlace::State::packaged) continue;
    const auto file = host.reach(place.path);
    if (place.state == HookPlace::State::different && !is_ours(host.in_root(place.path)))
      return Error{ErrorKind::usage, "write the hook " + file.string(),
                   "a file of that name exists, and vgpukit has not written it", "rename that file"};
    TRY(write_file(file, place.text, place.mode));
    written.push_back(place.path);
  }
  return written;
}

Result<std::vector<std::string>> remove_hooks(const HostPaths& host) {
  std::vector<std::string> removed;
  for (const auto& known : known_places()) {
    const auto file = host.reach(known.path);
    if (!is_ours(host.in_root(known.path))) continue;
    std::error_code bad;
    fs::remove(file, bad);
    if (bad) return Error{ErrorKind::missing, "remove " + file.string(), bad.message(), ""};
    removed.emplace_back(known.path);
  }
  return removed;
}

Result<std::string> vgpukit_of(const HostPaths& host, const std::string& tried) {
  if (host.is_host()) {
    std::error_code bad;
    const auto self = fs::read_symlink("/proc/self/exe", bad);
    // If a program loader runs vgpukit, this is the loader; then the PATH tells the name.
    if (!bad && self.filename() == "vgpukit") return self.string();
  }
  if (const auto found = find_program("vgpukit", host.root)) return found->string();
  return Error{ErrorKind::missing, tried,
               "it would call vgpukit for each new kernel, and vgpukit is not installed there",
               "install vgpukit in that root"};
}

}  // namespace vgpukit::install
