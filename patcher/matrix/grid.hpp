// The cells of a matrix file, the selection for a run, and the drivers and kernels of this machine for them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "matrix/container_images.hpp"
#include "matrix/matrix_file.hpp"
#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::matrix {

// A kernel of the grid. `all` in the file becomes a column for each kernel of the root.
struct Column {
  std::string name;
  const MatrixKernel* entry = nullptr;
  HostPaths host;
  std::string release;           // empty if there is a problem
  std::optional<Error> problem;  // no such root, or no such kernel in it
  std::string skipped;           // why the cells are skipped; empty if they are not
  std::string image;             // the ID of its container image
  bool packed = false;           // the image exists and is not unpacked yet; `problem` says so
};

struct Cell {
  std::size_t row = 0;     // of MatrixFile::drivers
  std::size_t column = 0;  // of Grid::columns
};

struct Grid {
  const MatrixFile* file = nullptr;
  std::vector<Column> columns;
  std::vector<Cell> cells;  // ordered by driver, then by kernel, as in the file

  [[nodiscard]] const MatrixDriver& driver(const Cell& cell) const { return file->drivers[cell.row]; }
  [[nodiscard]] const Column& column(const Cell& cell) const { return columns[cell.column]; }
  [[nodiscard]] std::string label(const Cell& cell) const { return driver(cell).name + " on " + column(cell).name; }
};

// All cells. Looks for roots, images and kernels; builds, unpacks and fetches nothing. All roots use the cache and
// state of `machine`. Two entries of the file for the same kernel become one column. `file` has to outlive the grid.
// Error: usage if two columns of different roots have the same name.
Result<Grid> make_grid(const MatrixFile& file, const HostPaths& machine, ImageRoots& images);
Result<Grid> make_grid(const MatrixFile& file, const HostPaths& machine);  // podman runs with an empty environment

struct Shard {
  unsigned index = 1, count = 1;
  // "2/8". Error: usage.
  static Result<Shard> parse(const std::string& text);
};

// Selects the cells whose label contains `only`, then every count-th of these. The same file gives the same shards on
// every machine; each cell is in exactly one shard; the sizes of the shards differ by one at most.
void select_cells(Grid& grid, const std::string& only, const Shard& shard);

// The DRIVER argument for `vgpukit build`: a path, with * and ? expanded to one file, or the name of a stored driver.
// Error: missing if it does not exist; usage if several files match or the store is damaged.
Result<std::string> driver_path(const MatrixDriver& driver, const HostPaths& machine);

// The environment for programs that the file names: proxies, vgpukit's variables, and the folders of podman.
std::map<std::string, std::string> program_environment(const Environment& environment);

// Runs the `fetch` commands for everything that the grid's cells need and that is missing (unsupported cells need
// nothing). Calls `on_command` with each command line before it runs. Returns how many were run. Adds a failed command
// to `problems`; its cells report what is missing. Error: interrupted only.
Result<unsigned> fetch_sources(const Grid& grid, const HostPaths& machine, const Environment& environment,
                               const std::function<void(const std::string& command)>& on_command,
                               std::vector<std::string>& problems);

// Unpacks the container images that the grid's cells need and that are not unpacked. Returns how many were tried: if
// any, the grid has to be made again, and then contains the problems. Error: interrupted only.
Result<unsigned> unpack_images(const Grid& grid, ImageRoots& images,
                               const std::function<void(const std::string& text)>& on_step);

}  // namespace vgpukit::matrix
