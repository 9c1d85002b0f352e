#include "install/dkms.hpp"

#include "kernel/kernel.hpp"
#include "kernel/package_hints.hpp"
#include "support/outside_program.hpp"
#include "support/text.hpp"

namespace vgpukit::install {

namespace {

Command dkms_command(const HostPaths& host, const std::vector<std::string>& words) {
  Command command;
  command.root = host.root;
  command.argv = {"dkms"};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  return command;
}

std::optional<DkmsEntry> parse_line(std::string_view line) {
  const auto colon = line.find(": ");
  if (colon == std::string_view::npos) return std::nullopt;
  std::vector<std::string> names;
  for (const auto word : words_of(line.substr(0, colon), ",/")) names.emplace_back(trimmed(word));
  if (names.size() != 2 && names.size() != 4) return std::nullopt;
  for (const auto& name : names)
    if (name.empty() || contains(name, " ")) return std::nullopt;
  DkmsEntry entry{names[0], names[1], names.size() == 4 ? names[2] : "", names.size() == 4 ? names[3] : "", "", ""};
  const auto rest = trimmed(line.substr(colon + 2));
  const auto end = std::min(rest.find(' '), rest.size());
  entry.state = rest.substr(0, end);
  auto remark = trimmed(rest.substr(end));
  if (remark.starts_with('(') && remark.ends_with(')')) remark = remark.substr(1, remark.size() - 2);
  entry.remark = remark;
  for (const auto* state : {"added", "built", "installed", "installed-weak", "broken"})
    if (entry.state == state) return entry;
  return std::nullopt;
}

}  // namespace

std::vector<DkmsEntry> parse_dkms_status(std::string_view text) {
  std::vector<DkmsEntry> entries;
  each_line(text, [&](std::string_view line) {
    if (auto entry = parse_line(trimmed(line))) entries.push_back(std::move(*entry));
  });
  return entries;
}

std::optional<Version> parse_dkms_version(std::string_view text) {
  const auto name = text.find("dkms");
  if (name == std::string_view::npos) return std::nullopt;
  const auto digit = text.find_first_of("0123456789\n", name);
  return digit == std::string_view::npos ? std::nullopt : Version::leading(text.substr(digit));
}

Result<Dkms> Dkms::open(const HostPaths& host, OnLine on_line) {
  if (!find_program("dkms", host.root))
    return Error{ErrorKind::missing, "register the driver with dkms", "dkms is not installed in " + host.root.string(),
                 kernel::install_tool_hint(host, "dkms")};
  TRY_ASSIGN(const auto said, run(dkms_command(host, {"--version"})));
  auto version = parse_dkms_version(said.out);
  if (!said.ok() || !version)
    return Error{ErrorKind::missing, "use dkms of " + host.root.string(),
                 "it does not print its version: " + said.out + said.err, "install a dkms from 2.8 on"};
  return Dkms(host, std::move(*version), std::move(on_line));
}

Result<std::vector<DkmsEntry>> Dkms::status(const std::string& module) const {
  TRY_ASSIGN(const auto said,
             run(dkms_command(host_, module.empty() ? std::vector<std::string>{"status"}
                                                    : std::vector<std::string>{"status", "-m", module})));
  if (!said.ok())
    return Error{
        ErrorKind::failed, "read dkms's entries for " + module,
        "dkms status ended with " + std::to_string(said.status) + ": " + (said.err.empty() ? said.out : said.err),
        "read " + host_.in_root("/var/lib/dkms/" + module).string()};
  return parse_dkms_status(said.out);
}

Status Dkms::run_dkms(const std::vector<std::string>& words, const std::string& tried, const std::string& log) const {
  auto command = dkms_command(host_, words);
  command.argv.insert(command.argv.begin(), under_.begin(), under_.end());
  command.on_line = [&](std::string_view line, bool) {
    if (on_line_) on_line_(line);
  };
  return run_outside({.command = command, .name = "dkms", .tried = tried, .next = log.empty() ? "" : "read " + log});
}

Status Dkms::add(const std::string& module, const std::string& version) const {
  return run_dkms({"add", "-m", module, "-v", version}, "add " + module + " " + version + " to dkms", "");
}

Status Dkms::build(const std::string& module, const std::string& version, const std::string& release,
                   bool again) const {
  const auto log = host_.in_root("/var/lib/dkms/" + module + "/" + version + "/build/make.log");
  std::vector<std::string> words = {"build", "-m", module, "-v", version, "-k", release};
  if (again) words.emplace_back("--force");
  return run_dkms(words, "build " + module + " " + version + " for " + release + " with dkms", log.string());
}

Status Dkms::install(const std::string& module, const std::string& version, const std::string& release) const {
  return run_dkms({"install", "-m", module, "-v", version, "-k", release, "--force"},
                  "install the modules of " + module + " " + version + " for " + release + " with dkms", "");
}

Status Dkms::remove(const std::string& module, const std::string& version) const {
  TRY_ASSIGN(const auto entries, status(module));
  for (const auto& entry : entries)
    if (entry.version == version)
      return run_dkms({"remove", "-m", module, "-v", version, "--all"},
                      "remove " + module + " " + version + " from dkms", "");
  return {};
}

}  // namespace vgpukit::install
