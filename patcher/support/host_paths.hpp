// The only place that knows where a machine keeps its kernels, sources and state. Every function that touches the
// machine takes one of these; a test hands it a folder (mdevctl's Environment and kmod's test rootfs are the models).
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "support/result.hpp"

namespace vgpukit {

namespace fs = std::filesystem;

struct HostPaths {
  fs::path root = "/";  // another root folder, or "/"; absolute and normalised
  fs::path cache;       // facts, warm builds: everything in it can be deleted. On this machine, not in the root
  fs::path state;       // the driver store and finished builds. On this machine, not in the root
  fs::path config;      // the configuration file; may not exist

  // The paths of this machine for the user who runs us: root keeps its things in /var/{cache,lib}/vgpukit, everybody
  // else in the XDG folders. VGPUKIT_CACHE, VGPUKIT_STATE and VGPUKIT_CONFIG (a file) override them. `root` is made
  // absolute. Error: usage when `root` is not a folder.
  static Result<HostPaths> of_this_machine(const fs::path& root);

  [[nodiscard]] bool is_host() const { return root == "/"; }

  // A path as the root knows it ("/lib/modules") -> as we reach it ("/srv/root/lib/modules"). Symbolic links are NOT
  // followed.
  [[nodiscard]] fs::path in_root(const fs::path& inside) const;
  // The other way round. `path` must lie below root.
  [[nodiscard]] fs::path inside(const fs::path& path) const;
  // Follows symbolic links as the root itself would (an absolute link starts at root again, ".." stops at root).
  // Gives the path as we reach it, or nothing when it does not exist.
  [[nodiscard]] std::optional<fs::path> resolve(const fs::path& inside) const;

  [[nodiscard]] fs::path modules() const { return in_root("/lib/modules"); }
  [[nodiscard]] fs::path boot() const { return in_root("/boot"); }
  [[nodiscard]] fs::path usr_src() const { return in_root("/usr/src"); }
  [[nodiscard]] fs::path os_release() const { return in_root("/etc/os-release"); }

  // Where a build's scratch tree goes: it has to be visible from inside the root. cache/work on this machine, var/tmp
  // in another.
  [[nodiscard]] fs::path work() const;
};

// Error: denied, unless the user is root, or may write to a root folder that is not this machine's. `hint`: what to do.
Status need_root(const HostPaths& host, const std::string& tried, const std::string& hint = "run it with sudo");

// Where the recipes, patches, probe snippets and the reference driver that ship with vgpukit are: VGPUKIT_DATA, else
// the source tree that this binary was built in, else the installed folder (PREFIX/share/vgpukit). Error: missing,
// naming the folders that were tried.
Result<fs::path> shipped_data();

}  // namespace vgpukit
