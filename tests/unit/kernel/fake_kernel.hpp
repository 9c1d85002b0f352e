// A kernel small enough for a test: headers of a few lines, and a Makefile that builds a "module" with the compiler of
// this machine and leaves the files behind that Kbuild would leave.
#pragma once

#include <string>

#include "kernel/facts.hpp"
#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::test {

inline void put(const fs::path& path, std::string_view text, unsigned mode = 0644) {
  const auto status = write_file(path, text, mode);
  if (!status) throw std::runtime_error(status.error().message());
}

// The parts of a headers folder that open_kernel looks at.
inline void put_headers(const fs::path& build, const std::string& release, const std::string& config = "") {
  put(build / "Makefile", "# a kernel's Makefile\n");
  put(build / "include/config/auto.conf", config.empty()
                                              ? "CONFIG_X86=y\n"
                                                "CONFIG_CC_VERSION_TEXT=\"gcc-12 (Debian 12.2.0-14) 12.2.0\"\n"
                                                "CONFIG_GCC_VERSION=120200\n"
                                              : config);
  put(build / "include/generated/autoconf.h", "#define CONFIG_X86 1\n");
  put(build / "include/generated/utsrelease.h", "#define UTS_RELEASE \"" + release + "\"\n");
  put(build / "include/config/kernel.release", release + "\n");
  put(build / "include/linux/module.h",
      "#define EXPORT_SYMBOL_GPL(x)\n#define MODULE_LICENSE(x)\n#define MODULE_DESCRIPTION(x)\ntypedef unsigned long "
      "size_t;\n");
  put(build / "Module.symvers", "0x12345678\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n");
  fs::create_directories(build / "scripts");
}

inline void copy_into(const fs::path& root, const fs::path& from, const fs::path& inside) {
  const fs::path to = root / inside.relative_path();
  fs::create_directories(to.parent_path());
  fs::copy_file(from, to, fs::copy_options::overwrite_existing);
}

// A shell and its libraries, so that scripts run inside the root.
inline void put_shell(const fs::path& root) {
  Command ldd;
  ldd.argv = {"ldd", find_program("sh").value().string()};
  const auto text = run(ldd).value().out;
  for (std::size_t at = 0; (at = text.find('/', at)) != std::string::npos;) {
    const auto end = text.find_first_of(" \n", at);
    copy_into(root, text.substr(at, end - at), text.substr(at, end - at));
    at = end;
  }
  copy_into(root, find_program("sh").value(), "/bin/sh");
}

inline void put_program(const fs::path& root, const std::string& name, const std::string& says = "") {
  put(root / ("usr/bin/" + name), "#!/bin/sh\necho '" + says + "'\n", 0755);
}

// What it takes to build in a root for kernels built with gcc 12. False where this user cannot enter a root.
inline bool put_build_tools(const fs::path& root) {
  put_shell(root);
  put_program(root, "make");
  put_program(root, "ld");
  put_program(root, "gcc-12", "gcc-12 (Debian 12.2.0-14) 12.2.0");
  Command command;
  command.argv = {"gcc-12"};
  command.root = root;
  return static_cast<bool>(run(command));
}

// A kernel whose facts can be asked for real. `cache` and the headers live below `folder`.
inline kernel::Kernel fake_kernel(const TempFolder& folder) {
  const fs::path build = folder / "build";
  put_headers(build, "6.99.0-fake");
  put(build / "include/linux/thing.h",
      "#include <linux/module.h>\n"
      "struct thing { int a; };\nstruct opaque;\nunion both { int a; };\nenum colour { RED };\n"
      "typedef int number_t;\nextern int variable;\nextern int function(int a, int b);\n"
      "static inline int inlined(int a) { return a; }\n#define MACRO 1\n#define CALL(x) ((x)->no_such_member)\n");
  put(build / "include/linux/device.h", "");
  put(build / "include/linux/fs.h", "");
  put(build / "include/linux/mm.h", "");
  put(build / "include/linux/uuid.h", "");
  put(build / "include/linux/needs_size.h", "extern size_t needs_size(void);\n");
  put(build / "include/linux/broken.h", "struct broken { int a }\nextern int from_broken;\n");
  put(build / "include/linux/lacks.h", "#include <linux/not_there.h>\nextern int from_lacks;\n");
  put(build / "Makefile",
      "modules:\n"
      "\techo x >> $(dir $(abspath $(lastword $(MAKEFILE_LIST))))/../built\n"
      "\tgcc -nostdinc -I./include -c -o $(M)/probe.o $(M)/probe.c\n"
      "\tprintf '%s\\n' \"savedcmd_probe.o := gcc -Wp,-MMD,$(M)/.probe.o.d -nostdinc -I./include -D__KERNEL__ "
      "-Werror=implicit-function-declaration -DKBUILD_MODNAME='\\\"probe\\\"' -c -o $(M)/probe.o $(M)/probe.c ; "
      "./objtool\" > "
      "$(M)/.probe.o.cmd\n"
      "\tprintf 'license=GPL\\0vermagic=6.99.0-fake SMP mod_unload \\0' > $(M)/probe.ko\n");
  kernel::Kernel kernel;
  kernel.host.root = "/";
  kernel.host.cache = folder / "cache";
  kernel.release = "6.99.0-fake";
  kernel.version = *Version::parse("6.99.0");
  kernel.build = build;
  kernel.source = build;
  kernel.config = {{"CONFIG_X86", "y"}, {"CONFIG_MODVERSIONS", "y"}, {"CONFIG_DRM", "m"}, {"CONFIG_HZ", "250"}};
  kernel.compiler.command = "gcc";
  kernel.compiler.identity = "gcc (Debian 12.2.0-14) 12.2.0";
  kernel.compiler.version = kernel.compiler.found = *Version::parse("12.2.0");
  return kernel;
}

// How often the trivial module was built.
inline std::size_t builds_of(const TempFolder& folder) {
  const auto text = read_file(folder / "built");
  return text ? text->size() / 2 : 0;
}

inline bool can_build() {
  return find_program("make") && find_program("gcc");
}

}  // namespace vgpukit::test
