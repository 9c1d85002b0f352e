// The matrix file: which drivers on which kernels. docs/matrix-file.md tells how it is written.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::matrix {

namespace fs = std::filesystem;

// Something that a cell needs and that may not be there yet: a driver package, a builder root.
struct Source {
  std::string absent;              // why it cannot be named here ("the environment variable X is not set"); else empty
  std::vector<std::string> fetch;  // a command, run in the file's folder, that brings it where it is not there
  std::string optional;            // why it may be absent; empty: it must be there
};

struct MatrixDriver {
  std::string name;
  std::string word;  // as `vgpukit build` takes it; a path is absolute and may hold * and ? for one file
  Source source;
  std::vector<std::string> accept;
  std::vector<std::string> modules;  // empty: all
  bool compile_only = false;
  std::vector<std::string>
      loads;  // a command that loads a verified cell's modules somewhere; docs/matrix-file.md has its contract
  std::optional<std::chrono::seconds> deadline;
  SourcePos where;
};

struct MatrixKernel {
  std::string name;
  fs::path root = "/";
  std::string container;  // an image of podman's, whose content is the root instead; empty: none
  std::string word;       // running, newest, all, a release, or the start of one up to a '.', '-' or '+'
  Source source;
  std::vector<std::string> accept;
  SourcePos where;
};

// A cell that nobody expects to build; "*" stands for every name.
struct Unsupported {
  std::string driver, kernel, reason;
};

struct MatrixFile {
  fs::path path;
  std::vector<MatrixDriver> drivers;
  std::vector<MatrixKernel> kernels;
  std::vector<Unsupported> unsupported;
  std::chrono::seconds deadline{3600};  // of a cell whose driver names none

  // The reason why nobody expects this cell to build; empty when it is to be built.
  [[nodiscard]] std::string why_unsupported(const std::string& driver, const std::string& kernel) const;
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// Errors: usage, with file, line and column: no YAML, an unknown or repeated key, a name that stands twice or is none,
// an `unsupported` that names no driver or kernel of the file, a deadline that is no time.
Result<MatrixFile> parse_matrix_file(const std::string& yaml, const fs::path& path, const Environment& environment);
Result<MatrixFile> read_matrix_file(const fs::path& path, const Environment& environment);

}  // namespace vgpukit::matrix
