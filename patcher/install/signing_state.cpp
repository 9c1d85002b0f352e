#include "install/signing_state.hpp"

#include "install/install_scope.hpp"
#include "kernel/modules_folder.hpp"
#include "module/module_file.hpp"
#include "module/signing.hpp"

namespace vgpukit::install {

std::string_view enrolment_name(const std::optional<module::Enrolment>& enrolment) {
  if (!enrolment) return "";
  switch (*enrolment) {
    case module::Enrolment::enrolled:
      return "yes";
    case module::Enrolment::pending:
      return "pending";
    case module::Enrolment::missing:
      return "no";
    case module::Enrolment::unknown:
      break;
  }
  return "unknown";
}

Result<SigningState> signing_state(const HostPaths& host) {
  SigningState state;
  const auto boot = module::secure_boot(host);
  state.secure_boot = boot.on;
  state.enforced = boot.enforced;
  TRY_ASSIGN(const auto key, module::signing_key(host));
  if (key) {
    state.key = key->key;
    state.from = key->from;
    state.certificate = key->certificate;
  }
  if (!boot.on) return state;
  for (const auto& release : kernel::releases_of(host))
    for (const auto& there : kernel::installed_module_files(host, release, nvidia_module_names()))
      if (const auto module = module::read_module(there.file); module && !module->is_signed)
        state.unsigned_modules.push_back(there.path.string());
  if (!key) {
    // dkms from 3.0 on makes a key at its first build; earlier versions never make one.
    state.steps = {
        "openssl req -new -x509 -nodes -days 36500 -newkey rsa:2048 -subj '/CN=Module signing key' -keyout "
        "/var/lib/dkms/mok.key -outform DER -out /var/lib/dkms/mok.pub",
        "vgpukit install DRIVER, again"};
    return state;
  }
  state.enrolled = module::enrolment_of(host, key->certificate);
  if (state.enrolled == module::Enrolment::pending)
    state.steps = {"reboot; in the blue screen: Enroll MOK, Continue, Yes, the password of mokutil --import, Reboot"};
  else if (state.enrolled != module::Enrolment::enrolled)
    state.steps = module::enrolment_steps(host, key->certificate);
  return state;
}

}  // namespace vgpukit::install
