#include "support/distribution.hpp"

#include <algorithm>
#include <string_view>

#include "support/atomic_file.hpp"

namespace vgpukit {

namespace {

std::string value_of(std::string_view text, std::string_view key) {
  for (std::size_t pos = 0; pos < text.size();) {
    const auto newline = std::min(text.find('\n', pos), text.size());
    auto line = text.substr(pos, newline - pos);
    pos = newline + 1;
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != '=') continue;
    line.remove_prefix(key.size() + 1);
    if (line.size() >= 2 && (line.front() == '"' || line.front() == '\'') && line.back() == line.front())
      line = line.substr(1, line.size() - 2);
    return std::string(line);
  }
  return {};
}

Distribution::Family family_in(const std::string& ids) {
  using Family = Distribution::Family;
  const auto is = [&](std::string_view id) { return ids.find(" " + std::string(id) + " ") != std::string::npos; };
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
  distribution.family = family_in(" " + distribution.id + " " + value_of(text, "ID_LIKE") + " ");
  return distribution;
}

}  // namespace vgpukit
