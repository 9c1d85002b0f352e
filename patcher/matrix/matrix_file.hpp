// Reads the matrix file, which lists drivers and kernels: docs/matrix-file.md.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "matrix/matrix_result.hpp"
#include "support/result.hpp"

namespace vgpukit::matrix {

namespace fs = std::filesystem;

// A driver package or a root that a cell needs and that may be missing.
struct Source {
  std::string absent;  // why its name cannot be expanded ("the environment variable X is not set"); otherwise empty
  std::vector<std::string> fetch;  // the command that fetches it if it is missing; runs in the file's folder
  std::string optional;            // why it may be missing; empty: it may not
};

struct MatrixDriver {
  std::string name;
  std::string word;  // the DRIVER argument of `vgpukit build`; a path is absolute and may contain * and ?
  Source source;
  std::vector<std::string> accept;
  std::vector<std::string> modules;  // empty: all
  bool compile_only = false;
  std::vector<std::string> loads;   // a command that loads or uses a verified cell's modules: docs/matrix-file.md
  Verdict loaded = Verdict::loads;  // if it ends with status 0: loads or works
  std::optional<std::chrono::seconds> deadline;
  SourcePos where;
};

struct MatrixKernel {
  std::string name;
  fs::path root = "/";
  std::string container;  // a container image to use instead of `root`; empty: none
  std::string word;       // running, newest, all, a release, or its first components (up to a '.', '-' or '+')
  Source source;
  std::vector<std::string> accept;
  bool adapt = false;  // run `vgpukit adapt` for cells that are not built
  SourcePos where;
};

// Cells that will not be built. "*" matches every name.
struct Unsupported {
  std::string driver, kernel, reason;
};

struct MatrixFile {
  fs::path path;
  std::vector<MatrixDriver> drivers;
  std::vector<MatrixKernel> kernels;
  std::vector<Unsupported> unsupported;
  std::chrono::seconds deadline{3600};  // of cells whose driver has none

  // The reason if the cell is unsupported; otherwise empty.
  [[nodiscard]] std::string why_unsupported(const std::string& driver, const std::string& kernel) const;
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Errors: usage, with file, line and column: no YAML, an unknown or repeated key, an invalid or repeated name, an
// `unsupported` with a driver or kernel that is not in the file, an invalid deadline.
Result<MatrixFile> parse_matrix_file(const std::string& yaml, const fs::path& path, const Environment& environment);
Result<MatrixFile> read_matrix_file(const fs::path& path, const Environment& environment);

}  // namespace vgpukit::matrix
