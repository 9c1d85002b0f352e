#include "driver/identify.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <system_error>

#include "support/atomic_file.hpp"
#include "support/limits.hpp"
#include "support/text.hpp"

namespace vgpukit::driver {

namespace {

// A text file of the package, with its name for reasons: "Kbuild", "../.manifest".
struct PackageText {
  std::string name;
  fs::path path;
  std::string text;
};

std::optional<PackageText> load(const fs::path& sources, const std::string& name) {
  std::error_code ignored;
  const fs::path path = sources / name;
  // vgpukit quotes what is in these files: a link may lead to one that the package's author cannot read.
  if (!fs::is_regular_file(fs::symlink_status(path, ignored))) return std::nullopt;
  auto text = read_file(path, limits::source_bytes);
  if (!text) return std::nullopt;
  return PackageText{name, path.lexically_normal(), std::move(*text)};
}

// ---- version ----

struct VersionClaim {
  Version version;
  std::string place;  // "Kbuild:75", from the source folder
  std::string where;  // "/x/kernel/Kbuild:75"
};

// The version in a word such as \"535.247.02\" or 535.247.02-1 (a distribution's revision). Nothing for a single number
// and for a placeholder that an installer fills in (__VERSION_STRING, #MODULE_VERSION#).
std::optional<Version> version_in(std::string_view word) {
  while (!word.empty() &&
         (word.front() == '\\' || word.front() == '"' || word.front() == '\'' || is_blank(word.front())))
    word.remove_prefix(1);
  auto version = Version::leading(word);
  if (!version || version->parts.size() < 2) return std::nullopt;
  return version;
}

// The text after `key` and the '=' or blanks that follow it, if the line has the key.
std::optional<std::string_view> value_after(std::string_view line, std::string_view key) {
  const auto at = find_word(line, key);
  if (at == std::string_view::npos) return std::nullopt;
  auto rest = line.substr(at + key.size());
  while (!rest.empty() && (is_blank(rest.front()) || rest.front() == '=' || rest.front() == ':' || rest.front() == '?'))
    rest.remove_prefix(1);
  return rest;
}

struct VersionSource {
  std::string file;
  std::string_view key;  // empty: line 2 is the version
  bool commented_by_hash;
};

// In order of precedence. The modules are compiled with the version of Kbuild.
const std::array<VersionSource, 8>& version_sources() {
  static const std::array<VersionSource, 8> sources = {{
      {"Kbuild", "DNV_VERSION_STRING", true},
      {".manifest", "", false},
      {"../.manifest", "", false},
      {"dkms.conf", "PACKAGE_VERSION", true},
      {"common/inc/nvUnixVersion.h", "NV_VERSION_STRING", false},
      {"nvUnixVersion.h", "NV_VERSION_STRING", false},
      {"../src/common/inc/nvUnixVersion.h", "NV_VERSION_STRING", false},
      {"../version.mk", "NVIDIA_VERSION", true},
  }};
  return sources;
}

struct VersionSearch {
  std::vector<VersionClaim> claims;
  std::vector<std::string> without;  // reasons: "dkms.conf:2 holds __VERSION_STRING"
};

void search_version(const PackageText& file, const VersionSource& source, VersionSearch& found) {
  const auto before = found.claims.size();
  for_each_line(file.text, [&](std::string_view line, int number) {
    std::optional<std::string_view> value;
    if (source.key.empty()) {
      if (number == 2) value = line;
    } else if (!(source.commented_by_hash && is_comment(line))) {
      value = value_after(line, source.key);
    }
    if (!value) return;
    const std::string at = ":" + std::to_string(number);
    if (auto version = version_in(*value)) {
      found.claims.push_back({*version, file.name + at, file.path.string() + at});
    } else if (!value->empty()) {
      found.without.push_back(file.name + at + " holds " + printable(*value));
    }
  });
  if (found.claims.size() == before && found.without.empty()) found.without.push_back(file.name + " has none");
}

// Whether ../ is the package. If this folder has another name, ../ may be any folder of the user.
bool is_part_of_package(const fs::path& sources) {
  const auto name = fs::absolute(sources).lexically_normal().filename();
  return name == "kernel" || name == "kernel-open" || name == "sources";
}

Result<VersionClaim> find_version(const fs::path& sources) {
  const std::string tried = "find the version of the driver in " + sources.string();
  VersionSearch found;
  for (const auto& source : version_sources()) {
    if (source.file.starts_with("../") && !is_part_of_package(sources)) continue;
    if (const auto file = load(sources, source.file)) search_version(*file, source, found);
  }
  if (found.claims.empty()) {
    return Error{ErrorKind::usage, tried,
                 "no file has it" + (found.without.empty() ? "" : ": " + join(found.without, ", ")),
                 "Kbuild should have -DNV_VERSION_STRING=\\\"535.247.02\\\" or similar: unpack the package again"};
  }
  const auto& first = found.claims.front();
  for (const auto& other : found.claims)
    if (other.version != first.version)
      return Error{ErrorKind::usage, tried,
                   "its files have different versions: " + first.where + " has " + first.version.text + ", " +
                       other.where + " has " + other.version.text,
                   "this folder has files of two packages: unpack one of them into an empty folder"};
  return first;
}

// ---- flavour ----

// Whether the line sets the variable. "$GRID_BUILD" and $(GRID_BUILD) only read it.
bool sets_variable(std::string_view line, std::string_view variable) {
  for (auto at = find_word(line, variable); at != std::string_view::npos; at = find_word(line, variable)) {
    const char before = at > 0 ? line[at - 1] : ' ';
    line.remove_prefix(at + variable.size());
    if (before == '$' || before == '{' || before == '(') continue;
    auto rest = line;
    while (!rest.empty() && (is_blank(rest.front()) || rest.front() == ':' || rest.front() == '?'))
      rest.remove_prefix(1);
    if (rest.empty() || rest.front() != '=') continue;
    rest.remove_prefix(1);
    while (!rest.empty() && (is_blank(rest.front()) || rest.front() == '"' || rest.front() == '\''))
      rest.remove_prefix(1);
    if (!rest.empty() && rest.front() != '#') return true;
  }
  return false;
}

// The number of the line that sets `variable`, as a shell or a make variable (VGX_KVM_BUILD=1, in conftest.sh of
// NVIDIA's vgpu-kvm packages) or as a macro (-DNV_VGPU_KVM_BUILD). 0: none.
int line_that_sets(std::string_view text, std::string_view variable, std::string_view macro) {
  int result = 0;
  for_each_line(text, [&](std::string_view line, int number) {
    if (result != 0 || is_comment(line)) return;
    if (find_word(line, macro) != std::string_view::npos) {
      result = number;
      return;
    }
    if (sets_variable(line, variable)) result = number;
  });
  return result;
}

// "conftest.sh:27 sets VGX_KVM_BUILD", or nothing.
std::optional<std::string> setter_of(const std::vector<PackageText>& texts, std::string_view variable,
                                     std::string_view macro) {
  for (const auto& file : texts)
    if (const int line = line_that_sets(file.text, variable, macro))
      return file.name + ":" + std::to_string(line) + " sets " + std::string(variable);
  return std::nullopt;
}

struct License {
  std::string text;
  std::string place;
};

std::optional<License> license_of(const fs::path& sources) {
  for (const char* name : {"nvidia/nv.c", "nvidia/nv-frontend.c"}) {
    const auto file = load(sources, name);
    if (!file) continue;
    std::optional<License> license;
    for_each_line(file->text, [&](std::string_view line, int number) {
      constexpr std::string_view key = "MODULE_LICENSE(\"";
      const auto at = line.find(key);
      if (license || at == std::string_view::npos || contains(line.substr(0, at), "//")) return;
      const auto text = line.substr(at + key.size());
      license = License{std::string(text.substr(0, text.find('"'))), file->name + ":" + std::to_string(number)};
    });
    if (license) return license;
  }
  return std::nullopt;
}

bool is_open(const License& license) {
  return contains(license.text, "GPL");
}

struct FlavourClaim {
  Flavour flavour;
  std::string from;
};

// The purpose of a package takes precedence over the license of its modules: the open modules of a vgpu-kvm package are
// a vGPU host driver. A merged package (vgpu-kvm and grid in one) is built for the host.
FlavourClaim find_flavour(const fs::path& sources) {
  std::vector<PackageText> texts;
  for (const char* name : {"conftest.sh", "Kbuild", "nvidia/nvidia.Kbuild", "Makefile", "dkms.conf"})
    if (auto file = load(sources, name)) texts.push_back(std::move(*file));
  const auto host = setter_of(texts, "VGX_KVM_BUILD", "DNV_VGPU_KVM_BUILD");
  std::error_code ignored;
  if (fs::is_directory(sources / "nvidia-vgpu-vfio", ignored))
    return {Flavour::vgpu_kvm, "nvidia-vgpu-vfio/ is part of the package" + (host ? ", and " + *host : "")};
  if (host) return {Flavour::vgpu_kvm, *host};
  for (const auto& file : package_files(sources))
    if (file.filename() == "is_vgpu_host_package.txt")
      return {Flavour::vgpu_kvm, "is_vgpu_host_package.txt is part of the package"};
  if (auto guest = setter_of(texts, "GRID_BUILD", "DNV_GRID_BUILD")) return {Flavour::grid, *guest};
  const auto license = license_of(sources);
  if (license && is_open(*license)) return {Flavour::open, license->place + " has the license " + license->text};
  return {Flavour::general, "no nvidia-vgpu-vfio/, and nothing sets VGX_KVM_BUILD or GRID_BUILD" +
                                (license ? "; " + license->place + " has the license " + license->text : "")};
}

// ---- modules ----

using Names = std::vector<std::string>;

bool has(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The names of modules in a part of a makefile, such as "$(wildcard nvidia nvidia-uvm)".
Names module_names(std::string_view text) {
  std::string words(text);
  std::replace_if(
      words.begin(), words.end(), [](char c) { return c == '(' || c == ')' || c == ',' || c == '"'; }, ' ');
  auto names = split_words(words);
  std::erase_if(names, [](const std::string& name) { return !name.starts_with("nvidia"); });
  return names;
}

// The lines of a makefile without comments; a line that ends with a backslash goes on.
template <class Callback>
void for_each_make_line(std::optional<PackageText> file, const Callback& callback) {
  if (!file) return;
  auto& text = file->text;
  for (std::size_t at = text.find("\\\n"); at != std::string::npos; at = text.find("\\\n", at))
    text.replace(at, 2, "  ");
  for_each_line(text, [&](std::string_view line, int) {
    if (!is_comment(line)) callback(line);
  });
}

// NVIDIA's Makefile builds each existing folder of a list: NV_KERNEL_MODULES ?= $(wildcard nvidia nvidia-uvm ...).
// Kbuild includes NAME/NAME.Kbuild of each. Somebody who wants fewer modules edits the list, names one in $(filter-out)
// or NV_EXCLUDE_KERNEL_MODULES, or writes the includes out.
Names module_candidates(const fs::path& sources) {
  Names words = {"nvidia", "nvidia-uvm", "nvidia-vgpu-vfio", "nvidia-modeset", "nvidia-drm", "nvidia-peermem"};
  Names excluded, included;
  const auto exclude = [&](std::string_view names) {
    for (auto& name : module_names(names.substr(0, names.find(',')))) excluded.push_back(std::move(name));
  };
  const auto filter_out = [&](std::string_view line) {
    constexpr std::string_view key = "$(filter-out ";
    const auto at = line.find(key);
    if (at != std::string_view::npos && contains(line, "NV_KERNEL_MODULES")) exclude(line.substr(at + key.size()));
    return at != std::string_view::npos;
  };
  bool listed = false;
  for_each_make_line(load(sources, "Makefile"), [&](std::string_view line) {
    const auto equals = line.find('=');
    if (filter_out(line) || equals == std::string_view::npos) return;
    const auto variable = line.substr(0, equals);
    if (find_word(variable, "NV_EXCLUDE_KERNEL_MODULES") != std::string_view::npos) exclude(line.substr(equals));
    if (listed || find_word(variable, "NV_KERNEL_MODULES") == std::string_view::npos) return;
    auto names = module_names(line.substr(equals + 1));
    if (names.empty()) return;
    listed = true;
    words = std::move(names);
  });
  bool all = false;
  for_each_make_line(load(sources, "Kbuild"), [&](std::string_view line) {
    filter_out(line);
    all |= contains(line, "$(NV_KERNEL_MODULES)");
    for (const auto& name : words)
      if (contains(line, "/" + name + ".Kbuild")) included.push_back(name);
  });
  std::erase_if(words, [&](const std::string& name) {
    return has(excluded, name) || (!all && !included.empty() && !has(included, name));
  });
  return words;
}

std::vector<std::string> find_modules(const fs::path& sources) {
  auto modules = module_candidates(sources);
  std::error_code ignored;
  // The names become part of dkms.conf, which dkms runs as a script.
  std::erase_if(modules, [&](const std::string& name) {
    return !std::all_of(name.begin(), name.end(), [](char c) { return is_identifier_character(c) || c == '-'; }) ||
           !fs::is_directory(sources / name, ignored);
  });
  return modules;
}

// The binary objects that a module's Kbuild names: NVIDIA_BINARY_OBJECT := $(src)/nvidia/nv-kernel.o_binary
std::vector<std::string> named_binary_objects(const fs::path& sources, const std::string& module) {
  std::vector<std::string> objects;
  const auto file = load(sources, module + "/" + module + ".Kbuild");
  if (!file) return objects;
  for_each_line(file->text, [&](std::string_view line, int) {
    if (is_comment(line)) return;
    for (const auto& word : split_words(line)) {
      constexpr std::string_view prefix = "$(src)/";
      if (!word.starts_with(prefix) || !word.ends_with(".o_binary")) continue;
      const fs::path object = word.substr(prefix.size());
      // An empty object takes the place of one that the package lacks: that place is in the package.
      const auto clean = object.lexically_normal();
      if (!object.is_absolute() && *clean.begin() != "..") objects.push_back(clean.string());
    }
  });
  return objects;
}

}  // namespace

std::vector<fs::path> package_files(const fs::path& sources) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const char* name : {".manifest", "is_vgpu_host_package.txt"}) {
    const auto is_file = [&](const fs::path& path) { return fs::is_regular_file(fs::symlink_status(path, ignored)); };
    if (is_file(sources / name)) files.push_back(sources / name);
    const auto above = (fs::absolute(sources) / ".." / name).lexically_normal();
    if (is_part_of_package(sources) && is_file(above)) files.push_back(above);
  }
  return files;
}

bool has_open_license(const fs::path& sources) {
  const auto license = license_of(sources);
  return license && is_open(*license);
}

Result<Driver> identify(const fs::path& sources, const std::vector<SourceFile>& files) {
  Driver driver;
  driver.sources = sources;
  driver.modules = find_modules(sources);
  if (driver.modules.empty())
    return Error{
        ErrorKind::usage, "find the modules of the driver in " + sources.string(),
        "it has none of the folders nvidia, nvidia-uvm, nvidia-vgpu-vfio, nvidia-modeset, nvidia-drm, nvidia-peermem",
        "name NVIDIA's driver; if it is that, unpack the package again"};
  TRY_ASSIGN(auto version, find_version(sources));
  driver.version = version.version;
  driver.version_from = version.place;
  auto flavour = find_flavour(sources);
  driver.flavour = flavour.flavour;
  driver.flavour_from = std::move(flavour.from);
  for (const auto& file : files)
    if (file.binary_object) driver.binary_objects.push_back(file.path);
  for (const auto& module : driver.modules)
    for (auto& object : named_binary_objects(sources, module))
      if (std::find(driver.binary_objects.begin(), driver.binary_objects.end(), object) == driver.binary_objects.end())
        driver.missing_binary_objects.push_back(std::move(object));
  return driver;
}

}  // namespace vgpukit::driver
