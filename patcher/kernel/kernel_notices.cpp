#include "kernel/kernel_notices.hpp"

namespace vgpukit::kernel {

const std::vector<KernelNotice>& kernel_notices() {
  static const std::vector<KernelNotice> notices = {
      {"other-compiler", "cc_version_check", "IGNORE_CC_MISMATCH",
       "this compiler has another version than the one that built the kernel. Compilers with the same first number "
       "build the same structures; with another one modules may be refused or crash",
       "install the kernel's own compiler"},
      {"preempt-rt", "preempt_rt_sanity_check", "IGNORE_PREEMPT_RT_PRESENCE",
       "this kernel is built with PREEMPT_RT, which NVIDIA neither supports nor tests: hangs and long latencies are "
       "possible",
       "boot a kernel without PREEMPT_RT"},
      {"xen", "xen_sanity_check", "IGNORE_XEN_PRESENCE",
       "this kernel is built for Xen alone (CONFIG_XEN without CONFIG_PARAVIRT), which NVIDIA does not support",
       "boot a kernel of your distribution that is not for Xen"},
  };
  return notices;
}

std::map<std::string, std::string> accepted_variables(const Kernel& kernel, const std::set<std::string>& accepted) {
  std::map<std::string, std::string> variables;
  for (const auto& notice : kernel_notices())
    if (accepted.contains(std::string(notice.name))) variables.emplace(notice.variable, "1");
  if (!kernel.compiler.exact) variables["IGNORE_CC_MISMATCH"] = "1";
  return variables;
}

std::vector<std::string_view> notices_of(const KernelConfig& config) {
  std::vector<std::string_view> names;
  if (config.contains("CONFIG_PREEMPT_RT") || config.contains("CONFIG_PREEMPT_RT_FULL")) names.push_back("preempt-rt");
  if (config.contains("CONFIG_XEN") && !config.contains("CONFIG_PARAVIRT")) names.push_back("xen");
  return names;
}

}  // namespace vgpukit::kernel
