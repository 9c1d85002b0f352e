#include "module/secure_boot.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/sysfs.hpp"
#include "support/text.hpp"

namespace vgpukit::module {

namespace {

constexpr const char* shim_vendor = "605dab50-e046-4300-abb6-3dd810dd8b23";
// EFI_CERT_X509_GUID a5c059a1-94e4-4aa7-87b5-ab155c2bf072, as in memory.
constexpr std::string_view x509_type("\xa1\x59\xc0\xa5\xe4\x94\xa7\x4a\x87\xb5\xab\x15\x5c\x2b\xf0\x72", 16);

// The value of a variable, without the four bytes of attributes in front of it.
std::optional<std::string> variable(const HostPaths& host, const std::string& name, const char* vendor) {
  auto text = read_file(host.in_root("/sys/firmware/efi/efivars/" + name + "-" + vendor));
  if (!text || text->size() < 4) return std::nullopt;
  return text->substr(4);
}

bool is_one(const std::optional<std::string>& value) {
  return value && !value->empty() && value->front() == 1;
}

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return value;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r' || c == ' ') continue;
    if (c == '=') break;
    const auto value = std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xffU);
  }
  return bytes;
}

// Reads mokutil's output, because the meaning of its exit status changed between versions.
Enrolment ask_mokutil(const HostPaths& host, const std::string& certificate) {
  if (!find_program("mokutil", host.root)) return Enrolment::unknown;
  Command command;
  command.root = host.root;
  command.argv = {"mokutil", "--test-key", certificate};
  const auto said = run(command);
  if (!said) return Enrolment::unknown;
  const auto words = said->out + said->err;
  if (contains(words, "not enrolled")) return Enrolment::missing;
  if (contains(words, "enrollment request")) return Enrolment::pending;
  return contains(words, "already enrolled") ? Enrolment::enrolled : Enrolment::unknown;
}

}  // namespace

SecureBoot secure_boot(const HostPaths& host) {
  SecureBoot state;
  std::error_code bad;
  state.efi = fs::exists(host.in_root("/sys/firmware/efi"), bad);
  // Four bytes of attributes, then 0 or 1.
  const auto said = Sysfs(host).read_bytes(secure_boot_variable);
  if (said.error == 0 && said.text.size() > 4)
    state.firmware = said.text[4] == 1;
  else if (said.error != ENOENT)
    state.problem = said.error == 0 ? "it is cut off" : std::strerror(said.error);
  state.on = state.firmware.value_or(false) && !is_one(variable(host, "MokSBStateRT", shim_vendor));
  const auto lockdown = read_file(host.in_root("/sys/kernel/security/lockdown"));
  const auto enforce = read_file(host.in_root("/sys/module/module/parameters/sig_enforce"));
  state.enforced = (lockdown && contains(*lockdown, "[") && !contains(*lockdown, "[none]")) ||
                   (enforce && enforce->starts_with('Y'));
  return state;
}

Result<std::string> certificate_der(const fs::path& file) {
  TRY_ASSIGN(auto text, read_file(file));
  constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
  if (const auto at = text.find(begin); at != std::string::npos) {
    const auto start = at + begin.size();
    if (auto der = from_base64(std::string_view(text).substr(start, text.find("-----END", start) - start));
        der && !der->empty())
      return std::move(*der);
  } else if (text.size() > 4 && text[0] == '\x30' && text[1] == '\x82') {  // a SEQUENCE with a length of two bytes
    return text;
  }
  return Error{ErrorKind::usage, "read the certificate " + file.string(), "it is neither DER nor PEM", ""};
}

bool contains_certificate(std::string_view lists, std::string_view der) {
  constexpr std::size_t header = 28;  // type, size of the list, size of its header, size of each signature
  while (lists.size() >= header) {
    const std::size_t whole = number_at(lists, 16);
    const std::size_t extra = number_at(lists, 20);
    const std::size_t each = number_at(lists, 24);
    if (whole < header || whole > lists.size() || extra > whole - header || each < 16) return false;
    if (lists.starts_with(x509_type))
      for (auto at = header + extra; at + each <= whole; at += each)
        if (lists.substr(at + 16, each - 16) == der) return true;  // after the owner, 16 bytes
    lists.remove_prefix(whole);
  }
  return false;
}

Enrolment enrolment_of(const HostPaths& host, const std::string& certificate) {
  const auto der = certificate_der(host.in_root(certificate));
  if (!der) return Enrolment::unknown;
  // mokutil reads DER only.
  if (const auto text = read_file(host.in_root(certificate)); text && *text == *der)
    if (const auto said = ask_mokutil(host, certificate); said != Enrolment::unknown) return said;
  auto list = variable(host, "MokListRT", shim_vendor);
  if (const auto whole = read_file(host.in_root("/sys/firmware/efi/mok-variables/MokListRT")))
    list = *whole;  // without attributes, and complete; the variable may be cut off
  if (list && contains_certificate(*list, *der)) return Enrolment::enrolled;
  if (const auto wanted = variable(host, "MokNew", shim_vendor); wanted && contains_certificate(*wanted, *der))
    return Enrolment::pending;
  return list ? Enrolment::missing : Enrolment::unknown;
}

std::vector<std::string> enrolment_steps(const HostPaths& host, const std::string& certificate) {
  std::vector<std::string> steps;
  auto der = certificate;
  const auto text = read_file(host.in_root(certificate));
  const auto bytes = certificate_der(host.in_root(certificate));
  if (text && bytes && *text != *bytes) {
    der = fs::path(certificate).replace_extension("der").string();
    steps.push_back("openssl x509 -in " + certificate + " -outform DER -out " + der);
  }
  if (!find_program("mokutil", host.root)) steps.push_back("install mokutil");
  steps.push_back("mokutil --import " + der + "     (it asks for a password, which is needed once, at the next step)");
  steps.push_back("reboot; in the blue screen: Enroll MOK, Continue, Yes, that password, Reboot");
  steps.push_back("mokutil --test-key " + der + "     (says: already enrolled)");
  return steps;
}

}  // namespace vgpukit::module
