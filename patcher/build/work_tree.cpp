#include "build/work_tree.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "driver/source_files.hpp"
#include "support/atomic_file.hpp"
#include "support/hash.hpp"
#include "support/json_file.hpp"

namespace vgpukit::build {
namespace {

constexpr const char* record_name = ".vgpukit-objects";
constexpr std::uintmax_t min_free_bytes_to_keep = 2ULL << 30;

struct Record {
  std::string key;
  std::map<std::string, std::string> edits;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Record, key, edits)

// Every user can write to a root's /var/tmp: a folder that another user can write to is not used.
bool is_ours_alone(const fs::path& folder) {
  struct stat info = {};
  return ::lstat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == ::geteuid() &&
         (info.st_mode & 022U) == 0;
}

// Makes the folder, or empties one that is ours alone: in a folder with the sticky bit nobody else can then replace it.
// If something of another user has the name, the folder gets another one.
Status make_empty(fs::path& folder) {
  std::error_code bad;
  fs::create_directories(folder.parent_path(), bad);
  const auto wanted = folder;
  for (int tries = 0; tries < 10; ++tries) {
    // Not removed: its name would be free for a moment.
    if (is_ours_alone(folder)) {
      for (const auto& entry : entries_of(folder)) fs::remove_all(entry, bad);
      if (!bad) return {};
    } else if (::mkdir(folder.c_str(), 0755) == 0) {
      continue;
    } else if (errno != EEXIST) {
      bad = {errno, std::generic_category()};
      break;
    } else {
      fs::remove_all(folder, bad);  // of an earlier vgpukit, with another mode; it fails for one of another user
      if (::mkdir(folder.c_str(), 0755) != 0 || !is_ours_alone(folder)) folder = wanted.string() + "-" + random_word();
    }
  }
  return Error{ErrorKind::missing, "make the folder " + wanted.string() + " to build in",
               bad ? bad.message() : "others make folders of that name", "is it read-only, or another user's?"};
}

std::optional<Record> read_record(const fs::path& folder) {
  if (!is_ours_alone(folder)) return std::nullopt;
  const auto text = read_file(folder / record_name);
  if (!text) return std::nullopt;
  const auto document = parse_json(*text);
  try {
    return document.get<Record>();
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;  // damaged, or of another version
  }
}

std::map<std::string, std::string> hashes_of(const transform::SourceTree& tree) {
  std::map<std::string, std::string> hashes;
  for (const auto& [path, text] : tree.edits()) hashes[path] = text ? hash_of(*text) : "";
  return hashes;
}

// Whether make finds out by file times what depends on the file. All objects depend on makefiles and conftest.sh.
bool only_recompiles(const fs::path& path) {
  return path.extension() == ".c" || path.extension() == ".h";
}

// Writes a file with the mode of the driver's file, if there is one.
Status write_edit(const fs::path& file, const std::string& text, const fs::path& origin) {
  std::error_code bad;
  const auto mode =
      fs::exists(origin, bad) ? static_cast<unsigned>(fs::status(origin, bad).permissions()) & 0777U : 0644U;
  return write_file(file, text, mode);
}

Status write_source(const driver::Driver& driver, const transform::SourceTree& tree, const std::string& path,
                    const fs::path& folder) {
  if (!tree.has(path)) return {};
  const auto edit = tree.edits().find(path);
  if (edit == tree.edits().end()) return clone_beneath(driver.sources, path, folder / path);
  return write_edit(folder / path, *edit->second, driver.sources / path);
}

// The files that differ from those of the earlier build; nothing if that build's objects cannot be used.
std::optional<std::set<std::string>> changed_files(const std::map<std::string, std::string>& before,
                                                   const std::map<std::string, std::string>& now) {
  std::set<std::string> paths;
  for (const auto* one : {&before, &now})
    for (const auto& [path, hash] : *one) {
      const auto a = before.find(path);
      const auto b = now.find(path);
      if (a != before.end() && b != now.end() && a->second == b->second) continue;
      if (!only_recompiles(path)) return std::nullopt;
      paths.insert(path);
    }
  return paths;
}

}  // namespace

bool is_below_link(const fs::path& folder, const fs::path& path) {
  std::error_code bad;
  for (auto above = path.parent_path(); !above.empty(); above = above.parent_path())
    if (fs::is_symlink(fs::symlink_status(folder / above, bad))) return true;
  return false;
}

Status write_edits(const transform::SourceTree::Edits& edits, const fs::path& folder) {
  std::error_code bad;
  for (const auto& [path, text] : edits) {
    if (!text) fs::remove(folder / path, bad);
    if (text) TRY(write_edit(folder / path, *text, folder / path));
  }
  return {};
}

Status write_patched_tree(const driver::Driver& driver, const transform::SourceTree& tree, const fs::path& folder) {
  for (const auto& path : tree.files()) TRY(write_source(driver, tree, path, folder));
  for (const auto& object : driver.binary_objects)
    TRY(driver::copy_binary_object(driver.sources, object, folder / object));
  return {};
}

WorkTree::WorkTree(WorkTree&& other) noexcept
    : folder_(std::move(other.folder_)),
      key_(std::move(other.key_)),
      edits_(std::move(other.edits_)),
      has_objects_(other.has_objects_),
      keep_(std::exchange(other.keep_, true)) {}

WorkTree::~WorkTree() {
  std::error_code ignored;
  if (!keep_) fs::remove_all(folder_, ignored);
}

Result<WorkTree> WorkTree::make(fs::path folder, std::string key, const driver::Driver& driver,
                                const transform::SourceTree& tree) {
  WorkTree made(std::move(folder), std::move(key));
  made.edits_ = hashes_of(tree);
  std::error_code bad;
  const auto before = read_record(made.folder_);
  fs::remove(made.folder_ / record_name, bad);  // keep() writes it again
  auto changed = before && before->key == made.key_ ? changed_files(before->edits, made.edits_) : std::nullopt;
  if (changed && std::any_of(changed->begin(), changed->end(),
                             [&](const auto& path) { return is_below_link(made.folder_, path); }))
    changed.reset();
  if (changed) {
    made.has_objects_ = true;
    for (const auto& path : *changed) {
      fs::remove(made.folder_ / path, bad);
      TRY(write_source(driver, tree, path, made.folder_));
      // Newer than every object, also if it is a copy of the driver's file.
      fs::last_write_time(made.folder_ / path, fs::file_time_type::clock::now(), bad);
    }
    return made;
  }
  TRY(make_empty(made.folder_));
  TRY(write_patched_tree(driver, tree, made.folder_));
  return made;
}

void WorkTree::keep(const fs::path& locks) {
  std::error_code bad;
  const auto space = fs::space(folder_, bad);
  if (bad || space.available < min_free_bytes_to_keep) return;
  for (const auto& entry : fs::directory_iterator(folder_.parent_path(), bad)) {
    std::error_code ignored;
    if (entry.path() == folder_ || !fs::exists(entry.path() / record_name, ignored)) continue;
    const auto lock = FileLock::try_acquire(locks / (entry.path().filename().string() + ".lock"));
    if (lock && lock->held()) fs::remove_all(entry.path(), ignored);
  }
  const nlohmann::json document = Record{key_, edits_};
  keep_ = static_cast<bool>(write_file(folder_ / record_name, json_text(document) + "\n"));
}

}  // namespace vgpukit::build
