#include "passthrough/libvirt_hooks.hpp"

#include <algorithm>
#include <cctype>

#include "support/atomic_file.hpp"
#include "support/hash.hpp"

namespace vgpukit::passthrough {

namespace {

constexpr const char* mark = "# Written by vgpukit passthrough hooks install; its text is ";

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

// The checksum in the second line shows whether the rest was edited.
std::string script(const std::string& body) {
  return "#!/bin/sh\n" + std::string(mark) + hash_of(body) + "\n" + body;
}

bool is_ours(const std::string& text) {
  return text.starts_with("#!/bin/sh\n" + std::string(mark));
}

bool unchanged(const std::string& text) {
  const auto line = text.find('\n', 10);
  return is_ours(text) && line != std::string::npos && script(text.substr(line + 1)) == text;
}

Status may_replace(const fs::path& path, const std::string& tried, bool overwrite) {
  std::error_code bad;
  if (!fs::exists(fs::symlink_status(path, bad)) || overwrite) return {};
  TRY_ASSIGN(const auto text, read_file(path));
  if (unchanged(text)) return {};
  return Error{ErrorKind::usage, tried,
               path.string() + (is_ours(text) ? " was changed since vgpukit wrote it" : " is not vgpukit's"),
               "move the file away, or use --force-overwrite-changes"};
}

}  // namespace

Result<std::string> hook_file(const std::string& domain) {
  // libvirt's rule for the names of domains. libvirt also ignores scripts whose name begins with '.'.
  const bool bad = domain.empty() || domain.front() == '.' || domain.find_first_of("/\n") != std::string::npos ||
                   std::any_of(domain.begin(), domain.end(), [](unsigned char c) { return std::iscntrl(c) != 0; });
  if (bad)
    return Error{ErrorKind::usage, "use '" + domain + "' as the name of a virtual machine",
                 "libvirt does not accept it", "virsh list --all shows the names"};
  return "/etc/libvirt/hooks/qemu.d/vgpukit-" + domain;
}

Result<std::string> install_hook(const HostPaths& host, const std::string& domain, const std::string& card,
                                 bool any_device, const std::string& vgpukit, bool overwrite) {
  TRY_ASSIGN(const auto file, hook_file(domain));
  TRY(may_replace(host.in_root(file), "install the hook for '" + domain + "'", overwrite));
  const auto call = quoted(vgpukit) + " passthrough ";
  const std::string flags = std::string(any_device ? " --any-device" : "") + " --single-gpu </dev/null ;;\n";
  const std::string body =
      "# libvirt passes the machine's name, the operation and the sub-operation. Output goes to libvirt's log.\n"
      "[ \"$1\" = " +
      quoted(domain) +
      " ] || exit 0\n"
      "case \"$2/$3\" in\n"
      "  prepare/begin) exec " +
      call + "bind " + card + flags + "  release/end) exec " + call + "unbind " + card + flags + "esac\n";
  TRY(write_file(host.reach(file), script(body), 0755));
  return file;
}

Result<std::string> remove_hook(const HostPaths& host, const std::string& domain, bool overwrite) {
  TRY_ASSIGN(const auto file, hook_file(domain));
  const auto path = host.in_root(file);
  std::error_code bad;
  const auto tried = "remove the hook of '" + domain + "'";
  if (!fs::exists(path, bad)) return Error{ErrorKind::usage, tried, file + " does not exist", ""};
  TRY(may_replace(path, tried, overwrite));
  fs::remove(host.reach(file), bad);
  if (bad)
    return Error{kind_of(bad.value(), ErrorKind::missing), tried, bad.message(), "run it as root", {}, bad.value()};
  return file;
}

}  // namespace vgpukit::passthrough
