#include "driver/driver_store.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "driver/identify.hpp"
#include "driver/run_file_zip.hpp"
#include "driver/source_files.hpp"
#include "driver/unpack_target.hpp"
#include "support/atomic_file.hpp"
#include "support/json_file.hpp"
#include "support/text.hpp"

namespace vgpukit::driver {

namespace {

using nlohmann::json;

constexpr const char* kPackageFile = "package.run";

struct Package {
  StoredDriver driver;
  std::string content;  // Driver::content
};

std::string title(const Version& version, Flavour flavour) {
  return version.text + " (" + std::string(flavour_name(flavour)) + ")";
}

Result<Package> read_package(const fs::path& folder) {
  const auto damaged = [&](const std::string& why) {
    return Error{ErrorKind::usage, "read the driver store's folder " + folder.string(), why,
                 "remove that folder and add the driver again: vgpukit driver add FILE"};
  };
  const fs::path file = folder / "package.json";
  const auto text = read_file(file);
  if (!text) return damaged("package.json cannot be read: " + text.error().why);
  const auto data = parse_json(*text);
  if (!data.is_object()) return damaged("package.json is damaged");
  const auto word = [&](const char* key) {
    const auto found = data.find(key);
    return found != data.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto version = Version::parse(word("version"));
  const auto flavour = flavour_from(word("flavour"));
  if (!version) return damaged("package.json has no valid \"version\"");
  if (!flavour) return damaged("package.json has no valid \"flavour\"");
  std::error_code ignored;
  if (!fs::is_directory(folder / "sources", ignored)) return damaged("its sources/ folder is gone");
  StoredDriver driver{*version,       *flavour, folder / "sources",    word("added"),
                      word("origin"), {},       word("package_folder")};
  if (fs::is_regular_file(folder / kPackageFile, ignored)) driver.package.file = folder / kPackageFile;
  return Package{std::move(driver), word("content")};
}

// JSON must be UTF-8; a path need not be.
Status write_package_json(const fs::path& folder, const StoredDriver& driver, const std::string& content) {
  const json data = {
      {"version", driver.version.text}, {"flavour", flavour_name(driver.flavour)}, {"added", driver.added},
      {"origin", driver.origin},        {"package_folder", driver.package_folder}, {"content", content}};
  return write_file(folder / "package.json", json_text(data, 2) + "\n");
}

// The package was added as a folder, and now comes as the installer with the same sources.
Status add_installer(const fs::path& folder, Package& stored, const Driver& driver, const OnPackage& on_progress) {
  std::error_code error;
  const fs::path part = folder / ".package.run";  // may be left from a killed process
  fs::remove(part, error);
  TRY(copy_package(driver.package, part, on_progress));
  stored.driver.package_folder = driver.package_folder;
  TRY(write_package_json(folder, stored.driver, stored.content));
  fs::rename(part, folder / kPackageFile, error);
  if (error) return Error{ErrorKind::missing, "write " + (folder / kPackageFile).string(), error.message(), ""};
  stored.driver.package.file = folder / kPackageFile;
  return {};
}

bool newer_first(const StoredDriver& a, const StoredDriver& b) {
  if (a.version != b.version) return b.version < a.version;
  return a.flavour < b.flavour;  // vgpu_kvm is the first of them
}

bool matches(const StoredDriver& driver, const DriverName& name) {
  const auto wanted = Version::parse(name.text);
  if (!wanted) return false;
  if (name.kind == DriverName::Kind::version) return driver.version == *wanted;
  const auto& have = driver.version.parts;
  return have.size() >= wanted->parts.size() && std::equal(wanted->parts.begin(), wanted->parts.end(), have.begin());
}

bool is_placeholder(std::string_view part) {
  return part == "*" || (!part.empty() && part.find_first_not_of("xX") == part.npos);
}

}  // namespace

DriverName DriverName::parse(std::string_view word) {
  if (word == "reference") return {Kind::reference, std::string(word)};
  // 535.xxx and 535.xxx.xx, as NVIDIA's documents write it.
  std::string_view numbers = word;
  bool placeholder = false;
  for (auto dot = numbers.rfind('.'); dot != numbers.npos && is_placeholder(numbers.substr(dot + 1));
       dot = numbers.rfind('.')) {
    numbers = numbers.substr(0, dot);
    placeholder = true;
  }
  const auto version = Version::parse(numbers);
  if (!version) return {Kind::path, std::string(word)};
  if (placeholder || version->parts.size() == 1) return {Kind::branch, std::string(numbers)};
  return {Kind::version, std::string(numbers)};
}

Result<StoredDriver> DriverStore::add(const Driver& driver, bool replace, const OnPackage& on_progress) {
  const fs::path place = folder_ / (driver.version.text + "-" + std::string(flavour_name(driver.flavour)));
  TRY_ASSIGN(const auto files, list_sources(driver.sources));
  TRY_ASSIGN(const auto content, hash_sources(driver.sources, files));

  TRY_ASSIGN(const auto lock, FileLock::acquire(folder_ / ".lock", [] {}));
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(place, ignored)) && !replace) {
    TRY_ASSIGN(auto stored, read_package(place));
    if (stored.content == content && driver.package && !stored.driver.package)
      TRY(add_installer(place, stored, driver, on_progress));
    if (stored.content == content) return stored.driver;
    return Error{ErrorKind::usage, "add the driver " + driver.path.string(),
                 "the store already has another package of " + title(driver.version, driver.flavour) + ", added " +
                     stored.driver.added + " from " + printable(stored.driver.origin),
                 "use --replace to put this one in its place"};
  }

  TRY_ASSIGN(auto staged, StagedFolder::beside(place));
  for (const auto& file : files) {
    const auto to = staged.path() / "sources" / file.path;
    TRY(file.binary_object ? copy_binary_object(driver.sources, file.path, to)
                           : clone_beneath(driver.sources, file.path, to));
  }
  for (const auto& file : package_files(driver.sources))
    if (file.parent_path() != driver.sources) TRY(clone_file(file, staged.path() / file.filename()));
  if (driver.package) TRY(copy_package(driver.package, staged.path() / kPackageFile, on_progress));
  StoredDriver stored_driver{
      driver.version,       driver.flavour, {}, utc_now(), fs::absolute(driver.path).lexically_normal().string(), {},
      driver.package_folder};
  TRY(write_package_json(staged.path(), stored_driver, content));
  TRY(staged.commit());
  TRY_ASSIGN(auto stored, read_package(place));
  return stored.driver;
}

Result<std::vector<StoredDriver>> DriverStore::list() const {
  std::vector<StoredDriver> drivers;
  std::error_code error;
  if (!fs::exists(folder_, error)) return drivers;
  for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    // Names with a dot are the lock, and copies that a killed process did not finish.
    if (entry->path().filename().string().starts_with('.') || !entry->is_directory(ignored)) continue;
    TRY_ASSIGN(auto package, read_package(entry->path()));
    drivers.push_back(std::move(package.driver));
  }
  if (error) return Error{ErrorKind::usage, "read the driver store " + folder_.string(), error.message(), ""};
  std::sort(drivers.begin(), drivers.end(), newer_first);
  return drivers;
}

Result<StoredDriver> DriverStore::find(const DriverName& name) const {
  TRY_ASSIGN(const auto drivers, list());
  const auto found =
      std::find_if(drivers.begin(), drivers.end(), [&](const StoredDriver& driver) { return matches(driver, name); });
  if (found != drivers.end()) return *found;
  const std::string why = drivers.empty()
                              ? "the driver store " + folder_.string() + " is empty"
                              : "the driver store has only " + join(drivers, ", ", [](const StoredDriver& driver) {
                                  return title(driver.version, driver.flavour);
                                });
  return Error{ErrorKind::usage, "find the driver " + printable(name.text), why,
               "add it with: vgpukit driver add FILE"};
}

Result<Driver> find_driver(const HostPaths& host, std::string_view word, bool prefer_open,
                           const OnPackage& on_progress) {
  const auto name = DriverName::parse(word);
  if (name.kind == DriverName::Kind::reference) {
    TRY_ASSIGN(const auto data, shipped_data());
    return open_driver(host, data / "kbuild" / "reference-driver", prefer_open);
  }
  if (name.kind == DriverName::Kind::path) {
    std::error_code ignored;
    auto driver = open_driver(host, name.text, prefer_open, on_progress);
    if (driver || fs::exists(name.text, ignored) || word.find('/') != word.npos) return driver;
    driver.error().next =
        "name a package's folder or file (.run, .zip, a tarball), a version or a branch of the driver store (vgpukit "
        "driver list), or reference";
    return driver;
  }
  TRY_ASSIGN(const auto stored, DriverStore(host).find(name));
  TRY_ASSIGN(auto driver, open_driver(host, stored.folder, prefer_open));
  if (driver.version != stored.version || driver.flavour != stored.flavour)
    return Error{ErrorKind::usage, "open the driver " + std::string(word),
                 stored.folder.string() + " was changed: it is now " + title(driver.version, driver.flavour),
                 "remove " + stored.folder.parent_path().string() + " and add the driver again"};
  driver.package = stored.package;
  driver.package_folder = stored.package_folder;
  return driver;
}

}  // namespace vgpukit::driver
