#include "driver/source_folders.hpp"

#include <algorithm>
#include <system_error>

#include "driver/identify.hpp"
#include "support/text.hpp"

namespace vgpukit::driver {

namespace {

constexpr int kLevelsDown = 4;
constexpr std::size_t kMaxFolders = 10'000;  // so that a search of / ends

struct Search {
  std::vector<fs::path> sources;
  std::string incomplete;  // "kernel/ has conftest.sh, but no Kbuild"
  std::string run_file;
  std::vector<std::string> top;  // what the named folder holds
  std::size_t visited = 0;
  bool stopped = false;
};

std::string relative_text(const fs::path& path, const fs::path& folder) {
  const auto relative = path.lexically_relative(folder);
  return printable(relative == "." || relative.empty() ? "it" : relative.string());
}

// Searches one folder and adds the folders in it to `below`.
void search_folder(const fs::path& here, const fs::path& folder, Search& search, std::vector<fs::path>& below,
                   std::error_code& error) {
  bool conftest = false;
  bool kbuild = false;
  for (fs::directory_iterator entry(here, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    const std::string name = entry->path().filename().string();
    if (here == folder && !name.starts_with('.')) search.top.push_back(name);
    if (entry->is_directory(ignored)) {
      if (!entry->is_symlink(ignored) && !name.starts_with('.')) below.push_back(entry->path());
      continue;
    }
    conftest |= name == "conftest.sh";
    kbuild |= name == "Kbuild";
    if (name.ends_with(".run") && search.run_file.empty()) search.run_file = entry->path().string();
  }
  if (conftest && kbuild) search.sources.push_back(here);
  if (conftest && !kbuild && search.incomplete.empty())
    search.incomplete = relative_text(here, folder) + " has conftest.sh, but no Kbuild";
  std::error_code ignored;
  if (kbuild && !conftest && search.incomplete.empty() && fs::is_directory(here / "nvidia", ignored))
    search.incomplete = relative_text(here, folder) + " has Kbuild and nvidia/, but no conftest.sh";
}

Error not_found(const fs::path& named, Search& search) {
  Error error{ErrorKind::usage, "open the driver " + named.string(), "",
              "name a folder with the kernel module sources, or a package's file (.run, .zip, a tarball)"};
  error.why = "it has no folder with conftest.sh and Kbuild";
  if (search.stopped) error.why += " among the first " + std::to_string(kMaxFolders) + " folders";
  if (!search.incomplete.empty()) {
    error.why += "; " + search.incomplete;
    error.next = "the package is incomplete: unpack it again";
    return error;
  }
  if (!search.run_file.empty()) {
    error.why += "; it has the installer " + printable(search.run_file);
    error.next = "name that file";
    return error;
  }
  std::sort(search.top.begin(), search.top.end());
  constexpr std::size_t shown = 6;
  const auto all = search.top.size();
  search.top.resize(std::min(shown, all));
  error.why += all == 0 ? ": it is empty"
                        : "; it has " + join(search.top, ", ", [](const std::string& name) { return printable(name); });
  if (all > shown) error.why += " and " + std::to_string(all - shown) + " more";
  return error;
}

}  // namespace

Result<std::vector<fs::path>> find_source_folders(const fs::path& folder, const fs::path& named) {
  Search search;
  std::vector<fs::path> level = {folder};
  for (int down = 0; down <= kLevelsDown && !level.empty() && search.sources.empty(); ++down) {
    std::vector<fs::path> below;
    for (const auto& here : level) {
      if (++search.visited > kMaxFolders) {
        search.stopped = true;
        break;
      }
      std::error_code error;
      search_folder(here, folder, search, below, error);
      if (error && here == folder)
        return Error{ErrorKind::usage, "open the driver " + named.string(), error.message(), ""};
    }
    if (search.stopped) break;
    level = std::move(below);
  }
  if (search.sources.empty()) return not_found(named, search);
  std::sort(search.sources.begin(), search.sources.end());
  return search.sources;
}

Result<SourceChoice> choose_source_folder(const std::vector<fs::path>& folders, bool prefer_open,
                                          const fs::path& named) {
  if (folders.size() == 1) return SourceChoice{folders.front(), {}};
  if (folders.size() == 2 && folders[0].parent_path() == folders[1].parent_path()) {
    const bool first_open = has_open_license(folders[0]);
    if (first_open != has_open_license(folders[1])) {
      const bool take_first = first_open == prefer_open;
      return take_first ? SourceChoice{folders[0], folders[1]} : SourceChoice{folders[1], folders[0]};
    }
  }
  const auto names = join(folders, ", ", [](const fs::path& folder) { return printable(folder.string()); });
  return Error{ErrorKind::usage, "open the driver " + named.string(), "it has more than one driver: " + names,
               "name one of them"};
}

}  // namespace vgpukit::driver
