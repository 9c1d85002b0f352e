#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "diagnostics/diagnostics.hpp"
#include "support/result.hpp"

namespace vgpukit::diagnostics {

// A log of vgpukit (STATE/logs/*.log), or the output of make or dkms.
struct BuildLog {
  std::vector<Diagnostic> errors;  // each once, paths relative to the driver's tree
  std::string release;             // the kernel of the build: one of `releases`; empty if the log has none of them
};
// Error: usage if the file cannot be read or is not the log of a build. A log without errors is valid.
Result<BuildLog> read_build_log(const std::filesystem::path& file, const std::vector<std::string>& releases);

}  // namespace vgpukit::diagnostics
