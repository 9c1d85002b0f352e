// What a user calls a driver: flavour names, and the DRIVER word of the command line.
#include <algorithm>
#include <array>
#include <utility>

#include "driver/driver.hpp"

namespace vgpukit::driver {

namespace {

constexpr std::array<std::pair<Flavour, std::string_view>, 4> kFlavours = {{
    {Flavour::vgpu_kvm, "vgpu-kvm"},
    {Flavour::grid, "grid"},
    {Flavour::general, "general"},
    {Flavour::open, "open"},
}};

bool is_placeholder(std::string_view part) {
  return part == "*" || (!part.empty() && part.find_first_not_of("xX") == part.npos);
}

}  // namespace

std::string_view flavour_name(Flavour flavour) {
  const auto found =
      std::find_if(kFlavours.begin(), kFlavours.end(), [&](const auto& entry) { return entry.first == flavour; });
  return found->second;
}

std::optional<Flavour> flavour_from(std::string_view name) {
  const auto found =
      std::find_if(kFlavours.begin(), kFlavours.end(), [&](const auto& entry) { return entry.second == name; });
  return found == kFlavours.end() ? std::nullopt : std::optional(found->first);
}

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
        "driver list), "
        "or reference";
    return driver;
  }
  TRY_ASSIGN(const auto stored, DriverStore(host).find(name));
  TRY_ASSIGN(auto driver, open_driver(host, stored.folder, prefer_open));
  if (driver.version != stored.version || driver.flavour != stored.flavour)
    return Error{
        ErrorKind::usage, "open the driver " + std::string(word),
        stored.folder.string() + " now holds " + driver.version.text + " (" +
            std::string(flavour_name(driver.flavour)) + ")",
        "somebody changed the store: remove " + stored.folder.parent_path().string() + " and add the driver again"};
  driver.package = stored.package;
  driver.package_folder = stored.package_folder;
  return driver;
}

}  // namespace vgpukit::driver
