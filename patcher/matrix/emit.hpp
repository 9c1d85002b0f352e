// Writes a GitHub workflow, a GitLab pipeline or Kubernetes Jobs that run a matrix. Each job runs a part of the cells
// (`matrix run --shard`), and the last job joins the results (`matrix merge`).
#pragma once

#include <string>
#include <vector>

#include "matrix/grid.hpp"
#include "support/result.hpp"

namespace vgpukit::matrix {

// A job's share of the cells.
struct Part {
  std::string name;   // "535 on 6.12", "535 on 6.12 and 3 more"
  std::string shard;  // as --shard takes it
};

// A part for each cell, but at most `most` parts.
std::vector<Part> parts_of(const Grid& grid, std::size_t most);

// The limits of GitHub for a matrix and of GitLab for parallel:matrix; for a Kubernetes Job a limit of vgpukit.
constexpr std::size_t most_jobs_on_github = 256;
constexpr std::size_t most_jobs_on_gitlab = 200;
constexpr std::size_t most_jobs_on_kubernetes = 1000;

struct Emission {
  std::string file;          // the path of the matrix file in the repository
  std::string text;          // the text of the matrix file
  std::string image;         // the container image for jobs; empty: the runner itself
  std::string setup;         // a shell command that installs vgpukit in a job; empty: none
  std::size_t max_jobs = 0;  // 0: the limit of the server
};

// Errors: usage if the path is not relative to the top folder of the repository, or has characters that a shell would
// interpret; Kubernetes without an image.
Result<std::string> github_of(const Grid& grid, const Emission& emission);
Result<std::string> gitlab_of(const Grid& grid, const Emission& emission);
Result<std::string> kubernetes_of(const Grid& grid, const Emission& emission);

// The first lines of each file: the command that wrote it, for use after changes of the matrix file, and what jobs need
// for kernels in container images.
std::string head_of(const std::string& format, const Grid& grid, const Emission& emission);

}  // namespace vgpukit::matrix
