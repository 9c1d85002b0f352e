#include "kernel/headers_layout.hpp"

#include <array>
#include <set>
#include <system_error>

#include "kernel/modules_folder.hpp"
#include "support/atomic_file.hpp"
#include "support/text.hpp"

namespace vgpukit::kernel {

namespace {

std::string read_or_empty(const HostPaths& host, const fs::path& inside) {
  const auto path = host.resolve(inside);
  if (!path) return {};
  auto text = read_file(*path);
  return text ? std::move(*text) : std::string();
}

std::vector<fs::path> names_in(const HostPaths& host, const fs::path& inside) {
  std::vector<fs::path> names;
  for (const auto& entry : entries_of(host.resolve(inside).value_or(fs::path()))) names.push_back(entry.filename());
  return names;
}

// "#define NAME 123" or "NAME = 123"
std::optional<unsigned> defined_number(std::string_view text, std::string_view name) {
  std::optional<unsigned> number;
  each_line(text, [&](std::string_view line) {
    if (number) return;
    if (line.starts_with("#define ")) line.remove_prefix(8);
    if (!line.starts_with(name)) return;
    line.remove_prefix(name.size());
    if (line.empty() || (line[0] != ' ' && line[0] != '=')) return;
    const auto digits = line.find_first_not_of(" =");
    if (digits == std::string_view::npos) return;
    const auto version = Version::leading(line.substr(digits));
    if (version) number = version->parts[0];
  });
  return number;
}

std::optional<Version> version_from(std::string_view text, std::string_view major, std::string_view minor,
                                    std::string_view patch) {
  const auto a = defined_number(text, major);
  const auto b = defined_number(text, minor);
  const auto c = defined_number(text, patch);
  if (!a || !b || !c) return std::nullopt;
  return Version::parse(std::to_string(*a) + "." + std::to_string(*b) + "." + std::to_string(*c));
}

// What uname -r prints. It is in the generated header: Debian's include/config/kernel.release is 6.1.176 for
// 6.1.0-50-amd64.
std::string release_of(const HostPaths& host, const fs::path& build) {
  std::string release;
  each_line(read_or_empty(host, build / "include/generated/utsrelease.h"), [&](std::string_view line) {
    const auto open = line.find('"');
    const auto close = line.rfind('"');
    if (line.starts_with("#define UTS_RELEASE ") && close > open) release = line.substr(open + 1, close - open - 1);
  });
  if (release.empty()) release = trimmed(read_or_empty(host, build / "include/config/kernel.release"));
  return release;
}

bool has_headers(const HostPaths& host, const fs::path& folder) {
  return host.resolve(folder / "include/linux/module.h").has_value();
}

}  // namespace

std::vector<HeadersLayout> find_headers_folders(const HostPaths& host) {
  std::vector<HeadersLayout> folders;
  std::set<fs::path> seen;
  const auto add = [&](const fs::path& inside) {
    const auto real = host.resolve(inside);
    std::error_code ignored;
    if (!real || !fs::is_directory(*real, ignored)) return;
    const fs::path build = host.inside(*real);
    const std::string release = release_of(host, build);
    if (is_release(release) && seen.insert(build).second) folders.push_back({build, release});
  };
  for (const auto& release : releases_of(host)) add(fs::path("/lib/modules") / release / "build");
  for (const auto& name : names_in(host, "/usr/src")) {
    const std::string text = name.string();
    if (text.starts_with("linux-headers-") || text == "linux") add("/usr/src" / name);
    // SUSE: linux-6.4.0-1-obj/x86_64/default
    if (!text.starts_with("linux-") || !contains(text, "-obj")) continue;
    for (const auto& arch : names_in(host, "/usr/src" / name))
      for (const auto& flavour : names_in(host, "/usr/src" / name / arch)) add("/usr/src" / name / arch / flavour);
  }
  // Fedora and its relatives.
  for (const auto& release : names_in(host, "/usr/src/kernels")) add("/usr/src/kernels" / release);
  return folders;
}

std::string what_is_missing(const HostPaths& host, const fs::path& build) {
  struct Part {
    const char* path;
    const char* what;
  };
  static constexpr std::array<Part, 5> parts = {
      {{"Makefile", "the Makefile"},
       {"include/config/auto.conf", "the configuration (include/config/auto.conf)"},
       {"include/generated/autoconf.h", "the generated headers (include/generated/autoconf.h)"},
       {"Module.symvers", "the list of exported symbols (Module.symvers)"},
       {"scripts", "Kbuild itself (scripts)"}}};
  for (const auto& part : parts)
    if (!host.resolve(build / part.path)) return build.string() + " lacks " + part.what;
  if (!source_of(host, build))
    return build.string() +
           " lacks the headers themselves (include/linux), and its Makefile names no folder that has them";
  return {};
}

std::optional<fs::path> source_of(const HostPaths& host, const fs::path& build) {
  std::optional<fs::path> source;
  each_line(read_or_empty(host, build / "Makefile"), [&](std::string_view line) {
    if (source) return;
    // Debian and O= builds: "include /usr/src/linux-headers-6.1.0-50-common/Makefile"
    if (line.starts_with("include ") && line.ends_with("/Makefile")) {
      line = trimmed(line.substr(8, line.size() - 8 - std::string_view("/Makefile").size()));
    } else if (line.starts_with("KERNELSRC")) {  // SUSE
      const auto equals = line.find('=');
      if (equals == std::string_view::npos) return;
      line = trimmed(line.substr(equals + 1));
    } else {
      return;
    }
    const auto real = host.resolve(build / fs::path(line));  // `line` alone when it is absolute
    if (real && has_headers(host, host.inside(*real))) source = host.inside(*real);
  });
  if (source) return source;
  if (has_headers(host, build)) return build;
  return std::nullopt;
}

std::optional<Version> version_of(const HostPaths& host, const fs::path& build, const fs::path& source) {
  const std::string header = read_or_empty(host, build / "include/generated/uapi/linux/version.h");
  if (auto version = version_from(header, "LINUX_VERSION_MAJOR", "LINUX_VERSION_PATCHLEVEL", "LINUX_VERSION_SUBLEVEL"))
    return version;
  // Before 5.11 the header has only the code, and the top Makefile has the numbers.
  const std::string makefile = read_or_empty(host, source / "Makefile");
  if (auto version = version_from(makefile, "VERSION", "PATCHLEVEL", "SUBLEVEL")) return version;
  const auto code = defined_number(header, "LINUX_VERSION_CODE");
  if (!code) return std::nullopt;
  return Version::parse(std::to_string(*code >> 16) + "." + std::to_string((*code >> 8) & 255U) + "." +
                        std::to_string(*code & 255U));
}

KernelConfig parse_config(std::string_view text) {
  KernelConfig config;
  each_line(text, [&](std::string_view line) {
    line = trimmed(line);
    const auto equals = line.find('=');
    if (!line.starts_with("CONFIG_") || equals == std::string_view::npos) return;
    std::string_view value = line.substr(equals + 1);
    std::string plain;
    // Strings are quoted before about 5.18, and not quoted afterwards.
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
      for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] == '\\' && i + 1 < value.size()) ++i;
        plain += value[i];
      }
    } else {
      plain = value;
    }
    if (plain != "n") config.emplace(line.substr(0, equals), std::move(plain));
  });
  return config;
}

Result<KernelConfig> read_config(const fs::path& auto_conf) {
  auto text = read_file(auto_conf);
  if (!text)
    return Error{ErrorKind::missing, "read the kernel's configuration " + auto_conf.string(), text.error().why, ""};
  auto config = parse_config(*text);
  if (config.empty())
    return Error{ErrorKind::missing, "read the kernel's configuration " + auto_conf.string(), "it has no CONFIG_ line",
                 "install the kernel's headers again"};
  return config;
}

std::string arch_folder(const KernelConfig& config) {
  static constexpr std::array<std::pair<const char*, const char*>, 5> known = {{{"CONFIG_X86", "x86"},
                                                                                {"CONFIG_ARM64", "arm64"},
                                                                                {"CONFIG_PPC", "powerpc"},
                                                                                {"CONFIG_RISCV", "riscv"},
                                                                                {"CONFIG_LOONGARCH", "loongarch"}}};
  for (const auto& [option, folder] : known)
    if (config.contains(option)) return folder;
  return "x86";
}

}  // namespace vgpukit::kernel
