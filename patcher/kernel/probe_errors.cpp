#include "kernel/probe_errors.hpp"

#include "kernel/package_hints.hpp"
#include "support/text.hpp"

namespace vgpukit::kernel {

namespace {

// The first line with one of these texts; empty if there is none.
std::string_view line_with(std::string_view output, std::initializer_list<std::string_view> texts) {
  std::string_view found;
  each_line(output, [&](std::string_view line) {
    if (!found.empty()) return;
    for (const auto text : texts)
      if (contains(line, text)) found = trimmed(line);
  });
  return found;
}

// "/bin/sh: 1: bc: not found", "make: bc: No such file or directory": bc.
std::string missing_tool(std::string_view line) {
  for (const std::string_view end : {": not found", ": command not found", ": No such file or directory"}) {
    if (!line.ends_with(end)) continue;
    line.remove_suffix(end.size());
    return std::string(line.substr(line.rfind(' ') == std::string_view::npos ? 0 : line.rfind(' ') + 1));
  }
  return "";
}

std::string here(const Kernel& kernel) {
  return kernel.host.is_host() ? "on this machine" : "in " + kernel.host.root.string();
}

}  // namespace

std::string error_lines(std::string_view output) {
  std::string text;
  int count = 0;
  const auto collect = [&](auto wanted) {
    each_line(output, [&](std::string_view line) {
      if (count == 4 || !wanted(line)) return;
      append(text, line, "; ");
      ++count;
    });
  };
  collect([](std::string_view line) { return contains(line, "rror:") || contains(line, "not found"); });
  if (text.empty()) collect([](std::string_view line) { return contains(line, "***"); });
  return text.empty() ? "it gives no reason" : text;
}

Error probe_error(const Kernel& kernel, std::string_view output) {
  const std::string tried = "build an empty module for " + kernel.release;
  const auto& compiler = kernel.compiler;
  const std::string identity = compiler.identity.empty() ? compiler.command : compiler.identity;
  const auto missing = [&](std::string why, std::string next) {
    return Error{ErrorKind::missing, tried, std::move(why), std::move(next)};
  };
  if (const auto line = line_with(output, {"version `GLIBC_", "version `GLIBCXX_"}); !line.empty())
    return missing("a program of its headers does not start " + here(kernel) +
                       ": it was compiled for a newer C library (" + std::string(line) + ")",
                   "install the headers that this distribution has for the kernel, or build in a root folder of the "
                   "distribution that they are from (--root DIR)");
  if (const auto line = line_with(output, {"Exec format error", "cannot execute binary file"}); !line.empty())
    return missing("a program of its headers is for another architecture, and does not start " + here(kernel) + " (" +
                       std::string(line) + ")",
                   "install headers for this architecture: " + install_headers_hint(kernel.host, kernel.release));
  if (const auto line = line_with(output, {"internal compiler error", "ignal terminated program", "PLEASE submit a bug",
                                           "clang frontend command failed"});
      !line.empty())
    return Error{ErrorKind::failed, tried, "the compiler " + identity + " crashed: " + std::string(line),
                 "build again; if it crashes at the same place, install the compiler again (" +
                     install_compiler_hint(kernel.host, compiler) + "), and check that enough memory is free"};
  if (const auto line =
          line_with(output, {"unrecognized command-line option", "unrecognized command line option", "unknown argument",
                             "unrecognized argument in option", "unsupported option"});
      !line.empty()) {
    const auto name = std::string(compiler.kind == Compiler::Kind::clang ? "clang" : "gcc") + "-" +
                      (compiler.version.parts.empty() ? "" : std::to_string(compiler.version.parts[0]));
    return missing("this compiler does not know an option of that kernel: " + identity + " says \"" +
                       std::string(line) + "\", and the kernel was built with " + compiler.text,
                   "install " + name + ": " + install_compiler_hint(kernel.host, compiler));
  }
  if (const auto line =
          line_with(output, {"incompatible gcc/plugin versions", "cannot load plugin", "fail to initialize plugin"});
      !line.empty())
    return missing("the kernel's gcc plugins were built for another version of gcc than " + identity + " (" +
                       std::string(line) + ")",
                   "install the compiler that built it: " + install_compiler_hint(kernel.host, compiler));
  if (const auto line = line_with(output, {": not found", ": command not found"}); !line.empty())
    if (const auto tool = missing_tool(line); !tool.empty() && !contains(tool, "/"))
      return missing("the kernel's build needs " + tool + ", which is not installed " + here(kernel),
                     install_tool_hint(kernel.host, tool));
  if (const auto line = line_with(output, {"please install"}); !line.empty())
    return missing("the kernel's build says: " + std::string(line), "install what it names " + here(kernel));
  return Error{ErrorKind::failed, tried, error_lines(output),
               "the driver is not involved. Check that the headers in " + kernel.build.string() +
                   " belong to this kernel and are complete; to install them again: " +
                   install_headers_hint(kernel.host, kernel.release)};
}

}  // namespace vgpukit::kernel
