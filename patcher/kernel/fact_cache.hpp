// Answers that cost a compiler run, kept on disk under the headers' fingerprint. Internal to kernel/.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "kernel/facts.hpp"

namespace vgpukit::kernel {

class FactCache {
 public:
  // What is on disk for this fingerprint. A file that is absent, unreadable or damaged is an empty cache.
  static FactCache load(const HostPaths& host, const std::string& fingerprint);

  std::map<std::string, Answer> answers;  // by key
  std::optional<ProbeBuild> probe;

  // Writes everything, together with what another process has added in the meantime. A cache that cannot be written is
  // only slower.
  void save() const;

 private:
  fs::path file_;
};

}  // namespace vgpukit::kernel
