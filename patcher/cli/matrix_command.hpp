// What the subcommands of `vgpukit matrix` share.
#pragma once

#include <optional>
#include <string>

#include "cli/cli.hpp"
#include "matrix/matrix_result.hpp"
#include "support/host_paths.hpp"

namespace vgpukit::cli {

// getenv(3).
std::optional<std::string> environment(const std::string& name);
// The machine that the matrix runs on. Error: usage for --root, which is for one kernel.
Result<HostPaths> machine_of(const Globals& globals);
Status write_result(const matrix::MatrixResult& result, const fs::path& file);

// report, merge and emit: they write documents and build nothing.
void add_matrix_documents(CLI::App& command, Globals& globals, Action& action);

}  // namespace vgpukit::cli
