#include "module/signing.hpp"

#include <unistd.h>

#include <algorithm>
#include <vector>

#include "kernel/package_hints.hpp"
#include "support/atomic_file.hpp"
#include "support/configuration.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::module {

namespace {

// The last NAME=value or NAME="value" of a file that dkms sources. Empty if the value needs a shell.
std::string assigned(std::string_view text, const std::string& name) {
  std::string value;
  each_line(text, [&](std::string_view line) {
    line = trimmed(line);
    if (!line.starts_with(name + "=")) return;
    line.remove_prefix(name.size() + 1);
    value = line.substr(0, line.find(" #"));
    std::erase_if(value, [](char c) { return c == '"' || c == '\'' || is_blank(c); });
    if (contains(value, "$")) value.clear();
  });
  return value;
}

std::optional<SigningKey> framework_key(const HostPaths& host) {
  std::vector<fs::path> files;
  std::error_code bad;
  const auto folder = host.in_root("/etc/dkms/framework.conf.d");
  for (auto entry = fs::directory_iterator(folder, bad); !bad && entry != fs::directory_iterator();
       entry.increment(bad))
    if (entry->path().extension() == ".conf") files.push_back(entry->path());
  std::sort(files.begin(), files.end());
  files.insert(files.begin(), host.in_root("/etc/dkms/framework.conf"));
  SigningKey key{"", "", "dkms, as " + host.inside(files.front()).string() + " says"};
  for (const auto& file : files) {
    const auto text = read_file(file);
    if (!text) continue;
    if (auto value = assigned(*text, "mok_signing_key"); !value.empty()) key.key = value;
    if (auto value = assigned(*text, "mok_certificate"); !value.empty()) key.certificate = value;
  }
  if (key.key.empty() || key.certificate.empty()) return std::nullopt;
  return key;
}

bool exists(const HostPaths& host, const SigningKey& key) {
  std::error_code bad;
  return (key.key.starts_with("pkcs11:") || fs::exists(host.in_root(key.key), bad)) &&
         fs::exists(host.in_root(key.certificate), bad);
}

}  // namespace

Result<std::optional<SigningKey>> signing_key(const HostPaths& host) {
  TRY_ASSIGN(const auto configuration, configuration_of_root(host));
  if (const auto& signing = configuration.signing) {
    const SigningKey key{signing->key, signing->certificate, "the configuration"};
    if (!exists(host, key))
      return Error{ErrorKind::usage, "sign modules with " + key.key,
                   "the configuration names this key and the certificate " + key.certificate +
                       ", and one of them does not exist",
                   "correct signing: in the configuration file"};
    return std::optional<SigningKey>(key);
  }
  if (auto key = framework_key(host); key && exists(host, *key)) return std::optional<SigningKey>(std::move(key));
  for (const SigningKey& key :
       {SigningKey{"/var/lib/shim-signed/mok/MOK.priv", "/var/lib/shim-signed/mok/MOK.der", "Ubuntu"},
        SigningKey{"/var/lib/dkms/mok.key", "/var/lib/dkms/mok.pub", "dkms"}})
    if (exists(host, key)) return std::optional<SigningKey>(key);
  return std::optional<SigningKey>();
}

Status sign_module(const kernel::Kernel& kernel, const SigningKey& key, const fs::path& module) {
  const auto& host = kernel.host;
  const auto tried = "sign " + module.filename().string() + " for " + kernel.release;
  if (!key.key.starts_with("pkcs11:") && ::access(host.in_root(key.key).c_str(), R_OK) != 0)
    return Error{ErrorKind::missing, tried, "the key " + key.key + " cannot be read by this user",
                 "run vgpukit as root"};
  const auto tool = host.resolve(kernel.build / "scripts/sign-file");
  if (!tool)
    return Error{ErrorKind::missing, tried, "the kernel's headers have no scripts/sign-file",
                 kernel::install_headers_hint(host, kernel.release)};
  const auto hash = kernel.config.find("CONFIG_MODULE_SIG_HASH");
  Command command;
  command.root = host.root;
  command.argv = {host.inside(*tool).string(), hash == kernel.config.end() ? "sha512" : hash->second, key.key,
                  key.certificate, host.inside(module).string()};
  TRY_ASSIGN(const auto said, run(command));
  if (said.ok()) return {};
  return Error{ErrorKind::failed, tried,
               "sign-file ended with " + std::to_string(said.status) + ": " + said.err + said.out,
               "is " + key.key + " the key of " + key.certificate + "?"};
}

}  // namespace vgpukit::module
