// The root folder and the state folders. Every function that touches the machine takes a HostPaths and resolves paths
// below its root; a test gives it a temporary folder (the models are mdevctl's Environment and kmod's test root
// folders).
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "support/result.hpp"

namespace vgpukit {

namespace fs = std::filesystem;

struct HostPaths {
  fs::path root = "/";  // another root folder, or "/"; absolute and normalised
  fs::path cache;       // facts, answers, trees of builds: all of it can be deleted. On this machine, not in the root
  fs::path state;       // the driver store and finished builds. On this machine, not in the root
  fs::path config;      // the configuration file; may not exist

  // The paths of this machine for the current user: /var/{cache,lib}/vgpukit for root, the XDG folders for others.
  // VGPUKIT_CACHE, VGPUKIT_STATE and VGPUKIT_CONFIG (a file) override them. `root` is made absolute.
  // Error: usage when `root` is not a folder.
  static Result<HostPaths> of_this_machine(const fs::path& root);

  [[nodiscard]] bool is_host() const { return root == "/"; }

  // A path as the root knows it ("/lib/modules") -> as we reach it ("/srv/root/lib/modules"). In another root, symbolic
  // links are followed as that root would: the result never leaves it. The path need not exist.
  [[nodiscard]] fs::path in_root(const fs::path& inside) const;
  // The inverse of in_root(). `path` must be below root.
  [[nodiscard]] fs::path inside(const fs::path& path) const;
  // Follows symbolic links as the root itself would (an absolute link starts at root again, ".." stops at root).
  // Gives the path as we reach it, or nothing when it does not exist.
  [[nodiscard]] std::optional<fs::path> resolve(const fs::path& inside) const;
  // As in_root(), but a link that is the last name is not followed: for removing it, or looking at it.
  [[nodiscard]] fs::path reach(const fs::path& inside) const;

  // The folder for a build's scratch tree. It is visible from inside the root: cache/work on this machine, /var/tmp or
  // /tmp in another root.
  [[nodiscard]] fs::path work() const;
  // The folder for state that belongs to the machine and not to the user: `state`, or /var/lib/vgpukit of another root.
  [[nodiscard]] fs::path machine_state() const { return is_host() ? state : in_root("/var/lib/vgpukit"); }

 private:
  [[nodiscard]] fs::path follow(const fs::path& inside, bool last) const;
};

// Error: denied, unless the user is root, or may write to a root folder that is not this machine's. `hint`: what to do.
Status check_root(const HostPaths& host, const std::string& tried, const std::string& hint = "run it with sudo");
// The same, to be called before a change of the system: a signal then waits for its end (Interrupt::let_finish()).
Status need_root(const HostPaths& host, const std::string& tried, const std::string& hint = "run it with sudo");

// The folder with the recipes, patches and the reference driver that ship with vgpukit: VGPUKIT_DATA, else the source
// tree that this binary was built in, else the installed folder (PREFIX/share/vgpukit).
// Error: missing, naming the folders that were tried.
Result<fs::path> shipped_data();

// The text of a file in shipped_data(), for example "kbuild/compiler.sh". It is read with this process's own rights,
// also while a BuildFolder lives: the checkout may be in /root. Error: missing, as shipped_data(), or as read_file().
Result<std::string> read_shipped(const fs::path& name);

}  // namespace vgpukit
