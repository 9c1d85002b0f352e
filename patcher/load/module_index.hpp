// What libkmod knows of one kernel's modules, from /lib/modules/RELEASE, modprobe.d and the kernel's command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support/host_paths.hpp"
#include "support/libkmod.hpp"
#include "support/result.hpp"

namespace vgpukit::load {

// modprobe's configuration for a name, whether or not there is such a module.
struct ModuleSettings {
  std::string options;
  std::string install_command;
  bool blacklisted = false;
  std::vector<std::string> before, after;  // softdep
};

struct InstalledModule {
  std::string name;
  fs::path file;                     // empty: built in
  std::vector<std::string> depends;  // from modules.dep, with the dependencies of these, in no order
};

class ModuleIndex {
 public:
  // Error: missing if /lib/modules/RELEASE has no modules.dep.bin.
  static Result<ModuleIndex> open(const HostPaths& host, const std::string& release);

  [[nodiscard]] std::optional<InstalledModule> find(const std::string& name) const;
  [[nodiscard]] ModuleSettings settings(const std::string& name) const;

 private:
  KmodContext context_;
};

}  // namespace vgpukit::load
