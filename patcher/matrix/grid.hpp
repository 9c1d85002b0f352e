// The cells of a matrix file: which there are, which of them this run is about, and what stands behind their names on
// this machine.
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

// A kernel of the grid. A file's `all` becomes a column for each kernel that is there.
struct Column {
  std::string name;
  const MatrixKernel* entry = nullptr;
  HostPaths host;
  std::string release;           // empty where there is a problem
  std::optional<Error> problem;  // no such root, no such kernel in it
  std::string skipped;           // it may be absent, and is: why
  std::string image;             // the ID of its container image
  bool packed = false;           // the image is there and not unpacked yet; `problem` then says so
};

struct Cell {
  std::size_t row = 0;     // of MatrixFile::drivers
  std::size_t column = 0;  // of Grid::columns
};

struct Grid {
  const MatrixFile* file = nullptr;
  std::vector<Column> columns;
  std::vector<Cell> cells;  // drivers first, then kernels, as they stand in the file

  [[nodiscard]] const MatrixDriver& driver(const Cell& cell) const { return file->drivers[cell.row]; }
  [[nodiscard]] const Column& column(const Cell& cell) const { return columns[cell.column]; }
  [[nodiscard]] std::string label(const Cell& cell) const { return driver(cell).name + " on " + column(cell).name; }
};

// All cells. Looks for roots, images and kernels, builds, unpacks and fetches nothing; `machine` lends its cache and
// state to every root. A kernel that two entries of the file come to is one column. `file` has to outlive the grid.
// Error: usage, when two columns of different roots would have the same name.
Result<Grid> make_grid(const MatrixFile& file, const HostPaths& machine, ImageRoots& images);
Result<Grid> make_grid(const MatrixFile& file,
                       const HostPaths& machine);  // podman gets to know nothing of our environment

struct Shard {
  unsigned index = 1, count = 1;
  // "2/8". Error: usage.
  static Result<Shard> parse(const std::string& text);
};

// Keeps the cells whose label holds `only`, then of those every count-th: the same file gives the same shards
// everywhere, each cell is in exactly one of them, and their sizes differ by one at most.
void select_cells(Grid& grid, const std::string& only, const Shard& shard);

// The driver's word: a path, its * and ? made into the one file that they name; a word of the driver store that has
// such a driver. Error: missing when there is none, usage for several, or where the store is damaged.
Result<std::string> driver_path(const MatrixDriver& driver, const HostPaths& machine);

// What a program that the file names gets to know of ours: proxies, vgpukit's own variables, and where podman keeps its
// images.
std::map<std::string, std::string> program_environment(const Environment& environment);

// Runs the `fetch` commands of what the grid's cells need and what is not there (cells that the file calls unsupported
// need nothing). `on_command` hears each command line before it runs. Gives how many were run. A command that fails is
// an entry of `problems`; its cells say what they lack. Error: "interrupted" only.
Result<unsigned> fetch_sources(const Grid& grid, const HostPaths& machine, const Environment& environment,
                               const std::function<void(const std::string& command)>& on_command,
                               std::vector<std::string>& problems);

// Unpacks the container images of what the grid's cells need and what is not unpacked. Gives how many were tried: the
// grid has to be made again then, and knows what could not be done. Error: "interrupted" only.
Result<unsigned> unpack_images(const Grid& grid, ImageRoots& images,
                               const std::function<void(const std::string& text)>& on_step);

}  // namespace vgpukit::matrix
