#include "support/configuration.hpp"

#include "support/atomic_file.hpp"
#include "support/yaml_reader.hpp"

namespace vgpukit {

namespace {

Result<Configuration::Signing> read_signing(const YamlReader& yaml, const YamlNode& node) {
  TRY(yaml.check_keys(node, "signing", {"key", "certificate"}, {"key", "certificate"}));
  Configuration::Signing signing;
  TRY_ASSIGN(signing.key, yaml.text(node["key"], "the key"));
  TRY_ASSIGN(signing.certificate, yaml.text(node["certificate"], "the certificate"));
  if (!signing.key.starts_with('/') && !signing.key.starts_with("pkcs11:"))
    return yaml.expected(node["key"], "an absolute path or pkcs11:...");
  if (!signing.certificate.starts_with('/')) return yaml.expected(node["certificate"], "an absolute path");
  return signing;
}

}  // namespace

Result<Configuration> read_configuration(const fs::path& file) {
  Configuration configuration;
  std::error_code bad;
  if (file.empty() || !fs::exists(file, bad)) return configuration;
  TRY_ASSIGN(const auto text, read_file(file));
  const YamlReader yaml(file.string());
  TRY_ASSIGN(const auto parsed, yaml.parse_or_empty(text));
  if (!parsed) return configuration;
  const auto& root = *parsed;
  TRY(yaml.check_keys(root, "the configuration", {"accept", "signing"}, {}));
  if (root["accept"]) {
    TRY_ASSIGN(configuration.accept, yaml.texts(root["accept"], "accept"));
  }
  if (root["signing"]) {
    TRY_ASSIGN(configuration.signing, read_signing(yaml, root["signing"]));
  }
  return configuration;
}

Result<Configuration> configuration_of_root(const HostPaths& host) {
  return read_configuration(host.is_host() ? host.config : host.in_root("/etc/vgpukit/config.yaml"));
}

}  // namespace vgpukit
