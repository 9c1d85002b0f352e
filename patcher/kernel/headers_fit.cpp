#include "kernel/headers_fit.hpp"

#include <sys/utsname.h>

#include <array>

#include "kernel/package_hints.hpp"
#include "kernel/probe_errors.hpp"
#include "support/interrupt.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::kernel {

namespace {

struct Architecture {
  const char* machine;  // uname -m
  const char* option;
  const char* name;  // as in arch/
};
constexpr std::array<Architecture, 6> architectures = {{{"x86_64", "CONFIG_X86", "x86"},
                                                        {"aarch64", "CONFIG_ARM64", "arm64"},
                                                        {"ppc64le", "CONFIG_PPC", "powerpc"},
                                                        {"riscv64", "CONFIG_RISCV", "riscv"},
                                                        {"loongarch64", "CONFIG_LOONGARCH", "loongarch"},
                                                        {"s390x", "CONFIG_S390", "s390"}}};

}  // namespace

Status check_headers_fit(const Kernel& kernel) {
  const std::string tried = "build for the kernel " + kernel.release;
  utsname names{};
  const std::string machine = ::uname(&names) == 0 ? names.machine : "";
  std::string ours;
  std::string theirs;
  for (const auto& each : architectures) {
    if (machine == each.machine) ours = each.option;
    if (kernel.has(each.option)) theirs = each.name;
  }
  if (!ours.empty() && !theirs.empty() && !kernel.has(ours))
    return Error{ErrorKind::missing, tried,
                 "its headers in " + kernel.build.string() + " are for " + theirs + ", and this machine is " + machine,
                 "install headers for this architecture: " + install_headers_hint(kernel.host, kernel.release)};

  const auto fixdep = kernel.build / "scripts/basic/fixdep";  // every compile of a module runs it
  if (!kernel.host.resolve(fixdep)) return {};
  Command command;
  command.argv = {fixdep.string()};
  command.root = kernel.host.root;
  command.confined = true;
  command.deadline = std::chrono::seconds(20);
  const auto outcome = run(command);  // without arguments it prints its usage and ends with 1
  if (!outcome && Interrupt::caught() != 0) return outcome.error();
  const std::string said = outcome ? outcome->err : fixdep.string() + ": " + outcome.error().why;
  if (!contains(said, "GLIBC_") && !contains(said, "Exec format error")) return {};
  auto error = probe_error(kernel, said);
  error.tried = tried;
  return error;
}

}  // namespace vgpukit::kernel
