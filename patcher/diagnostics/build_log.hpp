// Reads a build log from disk: which kernel it was for, where the tree was, and its errors.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "diagnostics/diagnostics.hpp"
#include "support/result.hpp"

namespace vgpukit::diagnostics {

// A log of ours (STATE/logs/*.log), or what make or dkms printed.
struct BuildLog {
  std::vector<Diagnostic> errors;  // each once, paths relative to the driver's tree
  std::string release;  // of the kernel that was built for: one of those asked for, or empty where the log names none
};
// Error: usage when the file cannot be read, or is no log of a build; a log without errors is no error.
Result<BuildLog> read_build_log(const std::filesystem::path& file, const std::vector<std::string>& releases);

}  // namespace vgpukit::diagnostics
