#include "matrix/grid.hpp"

#include <glob.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "driver/driver_store.hpp"
#include "kernel/kernel.hpp"
#include "support/interrupt.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::matrix {

namespace {

bool is_there(const fs::path& path) {
  std::error_code bad;
  return fs::exists(path, bad);
}

// Whether `word` is the release or its first components: 6.1.0-56-amd64 matches 6.1 and 6.1.0, 6.12 does not match 6.1.
bool names_release(const std::string& word, const std::string& release) {
  if (word.starts_with('*')) return release.ends_with(std::string_view(word).substr(1));
  return release.starts_with(word) && (release.size() == word.size() ||
                                       std::string_view(".-+").find(release[word.size()]) != std::string_view::npos);
}

// The kernels of each root, listed once: a file may name hundreds of kernels of one root.
using KernelLists = std::map<fs::path, std::vector<kernel::KernelEntry>>;
const std::vector<kernel::KernelEntry>& kernels_of(KernelLists& lists, const HostPaths& host) {
  const auto [found, fresh] = lists.try_emplace(host.root);
  if (fresh) found->second = kernel::list_kernels(host);
  return found->second;
}

// The newest kernel with headers whose release matches `word`; of several flavours the one with the shortest name.
Result<std::string> find_release(const HostPaths& host, const std::vector<kernel::KernelEntry>& entries,
                                 const std::string& word) {
  const kernel::KernelEntry* best = nullptr;
  std::string there;
  for (const auto& entry : entries) {
    append(there, entry.release);
    if (!names_release(word, entry.release)) continue;
    if (!best || best->headers < entry.headers) {
      best = &entry;
      continue;
    }
    if (best->headers > entry.headers) continue;
    const bool same = Version::leading(best->release) == Version::leading(entry.release);
    if (!same || entry.release.size() <= best->release.size()) best = &entry;  // the list is sorted from old to new
  }
  if (best) return best->release;
  return Error{ErrorKind::missing, "find the kernel " + word + " in " + host.root.string(),
               there.empty() ? "there is no kernel and no kernel headers" : "it has " + there,
               there.empty() ? "install kernel headers there" : "name one of these, or install the headers of " + word};
}

std::vector<Column> columns_of(const MatrixKernel& entry, const HostPaths& machine, KernelLists& lists,
                               ImageRoots& images) {
  Column column{entry.name, &entry, machine, "", std::nullopt, "", "", false};
  const bool in_image = !entry.container.empty();
  bool absent = !entry.source.absent.empty();
  const auto lacking = [&](Error problem) {
    if (!column.image.empty()) problem = image_error(std::move(problem), column.host.root, entry.container);
    if (!entry.source.optional.empty() && absent)
      column.skipped = entry.source.optional + " (cannot " + problem.tried + ": " + problem.why + ")";
    column.problem = std::move(problem);
    return std::vector<Column>{column};
  };
  if (absent)
    return lacking(
        {ErrorKind::missing, std::string("find the ") + (in_image ? "container image" : "root") + " of " + entry.name,
         entry.source.absent, std::string("set it, or name the ") + (in_image ? "image" : "folder") + " in the file"});
  fs::path root = entry.root;
  if (in_image) {
    const auto& image = images.find(entry.container);
    absent = image.absent;
    if (image.problem) return lacking(*image.problem);
    column.image = image.id;
    column.packed = !image.unpacked;
    if (column.packed) {
      column.problem = Error{ErrorKind::missing, "list the kernels of the container image " + entry.container,
                             "its kernels are not known before the first run unpacks it", "vgpukit matrix run"};
      return {column};
    }
    root = image.root;
  } else {
    absent = !is_there(root);
  }
  auto host = HostPaths::of_this_machine(root);
  if (!host) {
    host.error().kind = ErrorKind::missing;
    return lacking(std::move(host.error()));
  }
  column.host.root = host->root;
  if (entry.word == "all") {
    std::vector<Column> all;
    for (const auto& kernel : kernels_of(lists, column.host)) {
      if (!kernel.headers) continue;
      column.release = kernel.release;
      column.name = (entry.name == "all" ? "" : entry.name + "-") + kernel.release;
      all.push_back(column);
    }
    if (!all.empty()) return all;
    return lacking({ErrorKind::missing, "find kernels in " + column.host.root.string(), "none of them has headers",
                    "install kernel headers there"});
  }
  if (entry.word == "running" || entry.word == "newest") {
    const auto kernels = kernel::select_kernels(column.host, {entry.word}, /*any_compiler=*/true);
    if (!kernels) return lacking(kernels.error());
    column.release = kernels->front().release;
    return {column};
  }
  auto release = find_release(column.host, kernels_of(lists, column.host), entry.word);
  if (!release) {
    absent = true;  // archives remove old kernels, so a kernel may be optional, too
    return lacking(std::move(release.error()));
  }
  column.release = *release;
  return {column};
}

}  // namespace

std::map<std::string, std::string> program_environment(const Environment& environment) {
  std::map<std::string, std::string> all;
  for (const char* name :
       {"http_proxy", "https_proxy", "no_proxy", "VGPUKIT_CI_CACHE", "VGPUKIT_CACHE", "VGPUKIT_STATE",
        // podman(1), containers-storage.conf(5): a podman in `fetch` has to use the same image store
        "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF",
        "CONTAINERS_REGISTRIES_CONF", "STORAGE_DRIVER", "STORAGE_OPTS", "CONTAINER_HOST", "REGISTRY_AUTH_FILE"})
    if (const auto value = environment(name)) all[name] = *value;
  return all;
}

Result<Grid> make_grid(const MatrixFile& file, const HostPaths& machine) {
  ImageRoots images(machine, {});
  return make_grid(file, machine, images);
}

Result<Grid> make_grid(const MatrixFile& file, const HostPaths& machine, ImageRoots& images) {
  Grid grid;
  grid.file = &file;
  KernelLists lists;
  for (const auto& kernel : file.kernels) {
    for (auto& column : columns_of(kernel, machine, lists, images)) {
      const auto same = std::find_if(grid.columns.begin(), grid.columns.end(),
                                     [&](const Column& other) { return other.name == column.name; });
      if (same == grid.columns.end()) {
        grid.columns.push_back(std::move(column));
      } else if (same->host.root != column.host.root || same->release != column.release) {
        return Error{ErrorKind::usage, "name the kernels of " + file.path.string(),
                     column.name + " would be the name of a kernel in " + same->host.root.string() +
                         " and of a kernel in " + column.host.root.string(),
                     "give one of the two entries another name", kernel.where};
      }
    }
  }
  for (std::size_t row = 0; row < file.drivers.size(); ++row)
    for (std::size_t column = 0; column < grid.columns.size(); ++column) grid.cells.push_back({row, column});
  return grid;
}

Result<Shard> Shard::parse(const std::string& text) {
  Shard shard;
  const char* const end = text.data() + text.size();
  const auto [slash, bad_index] = std::from_chars(text.data(), end, shard.index);
  const bool has_slash = bad_index == std::errc() && slash != end && *slash == '/';
  const auto [rest, bad_count] = has_slash ? std::from_chars(slash + 1, end, shard.count)
                                           : std::from_chars_result{end, std::errc::invalid_argument};
  if (bad_count != std::errc() || rest != end || shard.index < 1 || shard.index > shard.count)
    return Error{ErrorKind::usage, "take '" + text + "' as a shard", "it is not I/N with I from 1 to N",
                 "such as --shard 2/8"};
  return shard;
}

void select_cells(Grid& grid, const std::string& only, const Shard& shard) {
  std::vector<Cell> selected;
  std::size_t number = 0;
  for (const auto& cell : grid.cells) {
    if (!contains(grid.label(cell), only)) continue;
    if (number++ % shard.count == shard.index - 1) selected.push_back(cell);
  }
  grid.cells = std::move(selected);
}

Result<std::string> driver_path(const MatrixDriver& driver, const HostPaths& machine) {
  const std::string tried = "find the driver " + driver.name;
  if (!driver.source.absent.empty())
    return Error{ErrorKind::missing, tried, driver.source.absent, "set it, or name the driver in the file"};
  if (const auto name = driver::DriverName::parse(driver.word); name.kind != driver::DriverName::Kind::path) {
    if (name.kind == driver::DriverName::Kind::reference) return driver.word;
    const driver::DriverStore store(machine);
    TRY(store.list());  // a damaged store is an error of its own: fetching does not help
    auto stored = store.find(name);
    if (stored) return driver.word;
    stored.error().kind = ErrorKind::missing;
    stored.error().where = driver.where;
    return stored.error();
  }
  if (is_there(driver.word)) return driver.word;
  glob_t found{};
  const int code = ::glob(driver.word.c_str(), 0, nullptr, &found);
  std::vector<std::string> paths;
  if (code == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (paths.size() == 1) return paths.front();
  if (paths.empty())
    return Error{ErrorKind::missing, tried, "there is no " + driver.word,
                 "fetch it, or correct the path in the matrix file", driver.where};
  return Error{
      ErrorKind::usage, tried,
      driver.word + " names " + std::to_string(paths.size()) + " files, the first are " + paths[0] + " and " + paths[1],
      "write a longer path in the matrix file, so that it names one file", driver.where};
}

Result<unsigned> fetch_sources(const Grid& grid, const HostPaths& machine, const Environment& environment,
                               const std::function<void(const std::string& command)>& on_command,
                               std::vector<std::string>& problems) {
  std::vector<std::vector<std::string>> commands;  // each once; roots first, because fetching a driver may need them
  const auto want = [&](const Source& source) {
    if (source.absent.empty() && !source.fetch.empty() &&
        std::find(commands.begin(), commands.end(), source.fetch) == commands.end())
      commands.push_back(source.fetch);
  };
  std::set<std::size_t> rows;
  for (const auto& cell : grid.cells) {
    const auto& column = grid.column(cell);
    if (!grid.file->why_unsupported(grid.driver(cell).name, column.entry->name).empty()) continue;
    rows.insert(cell.row);
    if (column.problem && !column.packed) want(column.entry->source);
  }
  for (const auto row : rows) {
    const auto& driver = grid.file->drivers[row];
    const auto path = driver_path(driver, machine);
    if (!path && path.error().kind == ErrorKind::missing) want(driver.source);
  }
  for (const auto& argv : commands) {
    const auto words = join(argv, " ", shell_word);
    on_command(words);
    Command command;
    command.argv = argv;
    command.cwd = grid.file->path.parent_path();
    command.env = program_environment(environment);
    const auto outcome = run(command);
    if (Interrupt::caught() != 0)
      return outcome ? Error{ErrorKind::interrupted, "run " + argv.front(), "interrupted", ""} : outcome.error();
    if (!outcome) {
      problems.push_back(words + ": " + outcome.error().why);
    } else if (!outcome->ok()) {
      const auto last = outcome->last_error_line();
      problems.push_back(words + " ended with status " + std::to_string(outcome->status) +
                         (last.empty() ? "" : ": " + last));
    }
  }
  return static_cast<unsigned>(commands.size());
}

Result<unsigned> unpack_images(const Grid& grid, ImageRoots& images,
                               const std::function<void(const std::string& text)>& on_step) {
  std::set<std::string> tried;
  for (const auto& cell : grid.cells) {
    const auto& column = grid.column(cell);
    if (!column.packed || !grid.file->why_unsupported(grid.driver(cell).name, column.entry->name).empty()) continue;
    if (tried.insert(column.entry->container).second) TRY(images.unpack(column.entry->container, on_step));
  }
  return static_cast<unsigned>(tried.size());
}

}  // namespace vgpukit::matrix
