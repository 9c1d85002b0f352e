// libkmod's knowledge of one kernel's modules: /lib/modules/RELEASE, modprobe.d, the kernel's command line.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/host_paths.hpp"
#include "support/result.hpp"

struct kmod_ctx;

namespace vgpukit::load {

// What modprobe's configuration says of a name, whether or not there is such a module.
struct ModuleSettings {
  std::string options;
  std::string install_command;
  bool blacklisted = false;
  std::vector<std::string> before, after;  // softdep
};

struct InstalledModule {
  std::string name;
  fs::path file;                     // empty: built in
  std::vector<std::string> depends;  // from modules.dep: also what those depend on, in no order
};

class ModuleIndex {
 public:
  // Error: missing where /lib/modules/RELEASE has no modules.dep.bin.
  static Result<ModuleIndex> open(const HostPaths& host, const std::string& release);

  [[nodiscard]] std::optional<InstalledModule> find(const std::string& name) const;
  [[nodiscard]] ModuleSettings settings(const std::string& name) const;

 private:
  struct Unref {
    void operator()(kmod_ctx* context) const;
  };
  std::unique_ptr<kmod_ctx, Unref> context_;
};

}  // namespace vgpukit::load
