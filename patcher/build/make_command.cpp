#include "build/make_command.hpp"

#include <algorithm>

#include "kernel/kernel_notices.hpp"
#include "support/text.hpp"

namespace vgpukit::build {
namespace {

// NVIDIA's Makefiles pass CC (and newer ones LD and OBJDUMP) on the command line of the kernel's make, where they
// override what LLVM=VALUE selects. So they have to be set together with LLVM. VALUE is 1, a suffix ("-18") or a folder
// ("/opt/llvm/bin/").
void add_llvm_tools(const kernel::Kernel& kernel, std::vector<std::string>& argv) {
  const auto llvm =
      std::find_if(argv.begin(), argv.end(), [](const std::string& word) { return word.starts_with("LLVM="); });
  if (llvm == argv.end()) return;
  const std::string value = llvm->substr(5);
  const std::string folder = value.ends_with('/') ? value : std::string();
  const std::string suffix = value.starts_with('-') ? value : std::string();
  const auto named = [&](std::string_view variable) {
    return std::any_of(argv.begin(), argv.end(), [&](const std::string& word) { return word.starts_with(variable); });
  };
  if (!named("CC="))
    argv.push_back("CC=" + (kernel.compiler.command.empty() ? folder + "clang" + suffix : kernel.compiler.command));
  if (!named("LD=")) argv.push_back("LD=" + folder + "ld.lld" + suffix);
  if (!named("OBJDUMP=")) argv.push_back("OBJDUMP=" + folder + "llvm-objdump" + suffix);
}

}  // namespace

Command make_command(const kernel::Kernel& kernel, const BuildRequest& request, const std::string& tree) {
  Command command;
  command.root = kernel.host.root;
  command.argv = {"make", "-j" + std::to_string(std::max(request.jobs, 1U)), "-C", tree, "modules"};
  auto& argv = command.argv;
  if (!request.first_error_only) argv.insert(argv.begin() + 1, "-k");
  argv.push_back("SYSSRC=" + kernel.source.string());
  argv.push_back("SYSOUT=" + kernel.build.string());
  for (const std::string& variable : kernel.make_variables()) argv.push_back(variable);
  add_llvm_tools(kernel, argv);
  if (!request.modules.empty()) argv.push_back("NV_KERNEL_MODULES=" + join(request.modules, " "));
  if (!request.debug_info) {
    // Variables on the command line override the kernel's auto.conf in every sub-make. BTF has to be off as well:
    // pahole makes it from debug information, and without that the build for Debian's 6.12 fails.
    for (const char* option : {"CONFIG_DEBUG_INFO=", "CONFIG_DEBUG_INFO_BTF=", "CONFIG_DEBUG_INFO_BTF_MODULES="})
      argv.emplace_back(option);
  }
  if (request.allow_undefined) argv.emplace_back("KBUILD_MODPOST_WARN=1");
  command.env.merge(kernel::accepted_variables(kernel, request.accepted));
  return command;
}

}  // namespace vgpukit::build
