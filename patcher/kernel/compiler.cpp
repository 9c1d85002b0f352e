#include "kernel/compiler.hpp"

#include <algorithm>

#include "kernel/package_hints.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::kernel {

namespace {

// 120200 -> 12.2.0 (scripts/cc-version.sh)
std::optional<Version> decoded(const KernelConfig& config, std::string_view option) {
  const auto found = config.find(option);
  if (found == config.end()) return std::nullopt;
  const auto number = Version::parse(found->second);
  if (!number || number->parts.size() != 1 || number->parts[0] == 0) return std::nullopt;
  const unsigned code = number->parts[0];
  return Version::parse(std::to_string(code / 10000) + "." + std::to_string(code / 100 % 100) + "." +
                        std::to_string(code % 100));
}

unsigned major(const Version& version) {
  return version.parts.empty() ? 0 : version.parts[0];
}

// The names under which this compiler may be installed, best first. The name that the kernel was built with is first:
// Kbuild warns when the first word of --version is not the one of the configuration.
std::vector<std::string> names_of(const Compiler& wanted) {
  const std::string family = wanted.kind == Compiler::Kind::clang ? "clang" : "gcc";
  const std::string version = std::to_string(major(wanted.version));
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  const std::string first = wanted.text.substr(0, wanted.text.find(' '));
  if (contains(first, family) && !contains(first, "/")) add(first);
  add(family + "-" + version);  // Debian, Arch's gcc14 is gcc-14 too
  add(family);
  add("x86_64-linux-gnu-" + family + "-" + version);
  return names;
}

struct Installed {
  std::string command;
  Version version;
  std::string identity;
};

Result<std::optional<Installed>> ask(const HostPaths& host, const std::string& name) {
  if (!find_program(name, host.root)) return std::optional<Installed>();
  Command command;
  command.argv = {name, "--version"};
  command.root = host.root;
  command.env["LC_ALL"] = "C";
  command.deadline = std::chrono::seconds(20);
  // An error here (the root cannot be entered) is not a missing compiler.
  TRY_ASSIGN(const auto outcome, run(command));
  if (outcome.status > 128)
    return Error{ErrorKind::failed, "ask " + name + " for its version",
                 "the compiler " + name + " crashed (signal " + std::to_string(outcome.status - 128) + ")",
                 "install it again, and check that enough memory is free"};
  if (!outcome.ok()) return std::optional<Installed>();
  std::string line = outcome.out.substr(0, outcome.out.find('\n'));
  auto version = version_in(line);
  if (!version) return std::optional<Installed>();
  return std::optional(Installed{name, *std::move(version), std::move(line)});
}

}  // namespace

std::optional<Version> version_in(std::string_view line) {
  // clang: after the word "version". gcc: the first version after what the distribution put into parentheses.
  if (const auto word = line.find("version "); word != std::string_view::npos)
    return Version::leading(line.substr(word + 8));
  int depth = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '(') ++depth;
    if (line[i] == ')') --depth;
    if (depth != 0 || i == 0 || line[i - 1] != ' ') continue;
    auto version = Version::leading(line.substr(i));
    if (version && version->parts.size() >= 2) return version;
  }
  return std::nullopt;
}

Result<Compiler> compiler_of(const KernelConfig& config) {
  Compiler compiler;
  if (const auto text = config.find("CONFIG_CC_VERSION_TEXT"); text != config.end()) compiler.text = text->second;
  auto gcc = decoded(config, "CONFIG_GCC_VERSION");
  auto clang = decoded(config, "CONFIG_CLANG_VERSION");
  const bool is_clang = config.contains("CONFIG_CC_IS_CLANG") || (!gcc && clang);
  compiler.kind = is_clang ? Compiler::Kind::clang : Compiler::Kind::gcc;
  auto version = is_clang ? clang : gcc;
  if (!version) version = version_in(compiler.text);
  if (!version)
    return Error{ErrorKind::missing, "find out which compiler built this kernel",
                 "its configuration has no CONFIG_CC_VERSION_TEXT", "install the headers that belong to the kernel"};
  compiler.version = *std::move(version);
  if (compiler.text.empty()) compiler.text = std::string(is_clang ? "clang version " : "gcc ") + compiler.version.text;
  return compiler;
}

Result<Compiler> find_compiler(const HostPaths& host, const KernelConfig& config, bool any_version) {
  TRY_ASSIGN(auto wanted, compiler_of(config));
  std::string others;  // the compilers that are here, but not the kernel's
  std::optional<Installed> other;
  for (const auto& name : names_of(wanted)) {
    TRY_ASSIGN(auto installed, ask(host, name));
    if (!installed) continue;
    // A program called gcc may be clang: compare the kind, too.
    const bool is_clang = contains(installed->identity, "clang");
    const bool same_kind = is_clang == (wanted.kind == Compiler::Kind::clang);
    if (!same_kind || major(installed->version) != major(wanted.version)) {
      if (!contains(others, installed->identity)) append(others, installed->identity);
      if (same_kind && !other) other = std::move(installed);
      continue;
    }
    wanted.command = installed->command;
    wanted.found = installed->version;
    wanted.identity = installed->identity;
    wanted.exact = true;
    return wanted;
  }
  if (other && any_version) {
    wanted.command = other->command;
    wanted.found = other->version;
    wanted.identity = other->identity;
    return wanted;
  }
  std::string why = "this kernel was built with " + wanted.text + ", which is not installed";
  if (!others.empty())
    why += "; there is only " + others +
           ", and a module from another compiler may be refused by the kernel or, worse, accepted";
  return Error{ErrorKind::missing, "find the kernel's compiler", std::move(why),
               install_compiler_hint(host, wanted) +
                   (other ? "\n  or build with " + other->identity + ": --accept other-compiler" : "")};
}

}  // namespace vgpukit::kernel
