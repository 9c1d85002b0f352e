#include "support/distribution.hpp"

#include <string_view>

#include "support/atomic_file.hpp"
#include "support/text.hpp"

namespace vgpukit {

namespace {

std::string value_of(std::string_view text, std::string_view key) {
  for (const auto& line : lines_of(text)) {
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != '=') continue;
    const auto value = line.substr(key.size() + 1);
    const bool quoted =
        value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
    return quoted ? value.substr(1, value.size() - 2) : value;
  }
  return {};
}

Distribution::Family family_in(const std::string& ids) {
  using Family = Distribution::Family;
  const auto words = words_of(ids);
  const auto is = [&](std::string_view id) { return std::find(words.begin(), words.end(), id) != words.end(); };
  if (is("debian") || is("ubuntu")) return Family::debian;
  if (is("arch") || is("archarm") || is("manjaro")) return Family::arch;
  if (is("fedora") || is("rhel") || is("centos")) return Family::fedora;
  if (is("suse") || is("opensuse") || is("opensuse-tumbleweed") || is("opensuse-leap") || is("sles"))
    return Family::suse;
  if (is("alpine")) return Family::alpine;
  return Family::other;
}

}  // namespace

Distribution distribution_of(const HostPaths& host) {
  const auto path = host.resolve("/etc/os-release");
  const auto read = path ? read_file(*path) : Result<std::string>(std::string());
  const std::string text = read ? *read : std::string();
  Distribution distribution;
  distribution.id = value_of(text, "ID");
  distribution.name = value_of(text, "PRETTY_NAME");
  distribution.family = family_in(distribution.id + " " + value_of(text, "ID_LIKE"));
  return distribution;
}

}  // namespace vgpukit
