// Building one trivial module through Kbuild, and reading from it how this kernel compiles modules. Internal to
// kernel/.
#pragma once

#include "kernel/facts.hpp"

namespace vgpukit::kernel {

// Error: failed with the compiler's words when the module does not build; missing when there is no place to build it
// in. `fingerprint`: see CompilerStandIn.
Result<ProbeBuild> build_probe(const Kernel& kernel, const std::string& fingerprint);

// The words of the first command in a .NAME.o.cmd file: what make would hand to the shell, split as the shell would.
// Error: failed when the file has no such command or its quotes do not match.
Result<std::vector<std::string>> command_words(std::string_view cmd_file);

// The words that matter for compiling something else: no -c, -o, input or dependency files; include paths made absolute
// from `directory`.
std::vector<std::string> compile_words(const std::vector<std::string>& words, const std::filesystem::path& directory);

}  // namespace vgpukit::kernel
