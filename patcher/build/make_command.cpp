#include "build/make_command.hpp"

#include <algorithm>

#include "kernel/kernel_notices.hpp"
#include "support/text.hpp"

namespace vgpukit::build {

std::vector<kernel::MakeVariable> make_variables(const kernel::Kernel& kernel, const BuildRequest& request) {
  std::vector<kernel::MakeVariable> variables;
  for (auto& text : kernel.make_variables())
    variables.push_back({std::move(text), "the kernel was built with " + kernel.compiler.text});
  if (!request.modules.empty())
    variables.push_back({"NV_KERNEL_MODULES=" + join(request.modules, " "), "only these modules are wanted"});
  for (auto& variable : kernel::debug_info_variables(kernel, request.debug_info))
    variables.push_back(std::move(variable));
  if (request.allow_undefined)
    variables.push_back({"KBUILD_MODPOST_WARN=1", "the package lacks a binary object that defines symbols"});
  return variables;
}

std::string explain_make_variables(const kernel::Kernel& kernel, const BuildRequest& request) {
  std::string text;
  const auto variables = make_variables(kernel, request);
  for (std::size_t i = 0; i < variables.size();) {
    const auto& reason = variables[i].reason;
    text += "beyond plain make:";
    for (; i < variables.size() && variables[i].reason == reason; ++i) text += " " + variables[i].text;
    text += " (" + reason + ")\n";
  }
  if (request.debug_info.kind == kernel::DebugInfo::Kind::as_configured && !request.debug_info.why.empty())
    text += "debug information as the kernel's configuration says (without it: " + request.debug_info.why + ")\n";
  return text;
}

Command make_command(const kernel::Kernel& kernel, const BuildRequest& request, const std::string& tree) {
  Command command;
  command.root = kernel.host.root;
  command.confined = true;
  command.writable = {tree};
  command.argv = {"make", "-j" + std::to_string(std::max(request.jobs, 1U)), "-C", tree, "modules"};
  auto& argv = command.argv;
  if (!request.first_error_only) argv.insert(argv.begin() + 1, "-k");
  argv.push_back("SYSSRC=" + kernel.source.string());
  argv.push_back("SYSOUT=" + kernel.build.string());
  for (auto& variable : make_variables(kernel, request)) argv.push_back(std::move(variable.text));
  command.env.merge(kernel::accepted_variables(kernel, request.accepted));
  return command;
}

}  // namespace vgpukit::build
