// A matrix on somebody else's machines: as a GitHub workflow, a GitLab pipeline or a Kubernetes Job. Each job runs a
// part of the cells
// (`matrix run --shard`), and the last one joins what they wrote (`matrix merge`).
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

// A part for each cell, and no more than `most` parts.
std::vector<Part> parts_of(const Grid& grid, std::size_t most);

// The most jobs that GitHub takes in a matrix, GitLab in a parallel:matrix, and that one Kubernetes Job is to have
// here.
constexpr std::size_t most_jobs_on_github = 256;
constexpr std::size_t most_jobs_on_gitlab = 200;
constexpr std::size_t most_jobs_on_kubernetes = 1000;

struct Emission {
  std::string file;          // the matrix file as the repository calls it, from its top
  std::string text;          // what stands in it
  std::string image;         // the container image that jobs run in; empty: the runner as it is
  std::string setup;         // a shell command that brings vgpukit into a job; empty: it is there
  std::size_t max_jobs = 0;  // 0: as many as there may be
};

// Errors: usage - the file is not named from the repository's top, or in a way that a shell would take apart; no image
// for Kubernetes.
Result<std::string> github_of(const Grid& grid, const Emission& emission);
Result<std::string> gitlab_of(const Grid& grid, const Emission& emission);
Result<std::string> kubernetes_of(const Grid& grid, const Emission& emission);

// The first lines of each: the command that wrote it, to write it again when the matrix file has changed, and what a
// job needs for kernels in container images, where there are any.
std::string head_of(const std::string& format, const Grid& grid, const Emission& emission);

}  // namespace vgpukit::matrix
