// Answers that cost a compiler run, cached on disk under the headers' fingerprint. Internal to kernel/.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "kernel/facts.hpp"

namespace vgpukit::kernel {

class FactCache {
 public:
  // The cache of this fingerprint. A file that is absent, unreadable or damaged is an empty cache.
  static FactCache load(const HostPaths& host, const std::string& fingerprint);

  std::map<std::string, Answer> answers;  // by key
  std::optional<ProbeBuild> probe;

  // Writes everything, merged with what another process has written meanwhile. Errors are ignored: without a cache the
  // next run is only slower.
  void save() const;

 private:
  fs::path file_;
};

}  // namespace vgpukit::kernel
