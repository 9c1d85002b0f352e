// Builds a trivial module with Kbuild and reads from it how this kernel compiles modules. Internal to kernel/.
#pragma once

#include "kernel/facts.hpp"

namespace vgpukit::kernel {

// `fingerprint`: see CompilerWrapper. Error: failed, with the compiler's message, when the module does not build;
// missing when there is no folder to build it in.
Result<ProbeBuild> build_probe(const Kernel& kernel, const std::string& fingerprint);

// The words of the first command in a .NAME.o.cmd file, split as the shell splits them.
// Error: failed when the file has no command or its quotes do not match.
Result<std::vector<std::string>> command_words(std::string_view cmd_file);

// The words for compiling another file: without -c, -o, input and dependency files; include paths are made absolute
// from `directory`.
std::vector<std::string> compile_words(const std::vector<std::string>& words, const std::filesystem::path& directory);

}  // namespace vgpukit::kernel
