// The changes to the running kernel and its services. Tests derive from this class, as from Sysfs.
#pragma once

#include <filesystem>
#include <string>

#include "support/result.hpp"

namespace vgpukit::load {

class RunningSystem {
 public:
  RunningSystem() = default;
  virtual ~RunningSystem() = default;
  RunningSystem(const RunningSystem&) = delete;
  RunningSystem& operator=(const RunningSystem&) = delete;

  // Each gives an errno, or 0. The file may be compressed. `options`: "name=value name=value".
  [[nodiscard]] virtual int insert(const std::filesystem::path& file, const std::string& options);
  // Without force: a module in use stays (EAGAIN).
  [[nodiscard]] virtual int remove(const std::string& module);
  // Runs systemctl `verb` `unit` and waits for it.
  [[nodiscard]] virtual Status service(const std::string& verb, const std::string& unit);
};

}  // namespace vgpukit::load
