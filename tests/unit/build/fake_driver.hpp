// A driver that is built in a moment: its Makefile makes one module with the compiler of this machine, for the kernel
// of kernel/fake_kernel.hpp. Unpatched it does not compile there, because it calls old_call(); recipe_text() has the
// recipe.
#pragma once

#include <string>

#include "driver/driver_fixtures.hpp"
#include "kernel/fake_kernel.hpp"
#include "recipe/recipe_fixture.hpp"

namespace vgpukit::test {

// In .modinfo: what the kernel's loader checks.
inline std::string module_information(const std::string& vermagic) {
  return "#define INFORMATION(name, text) static const char name[] __attribute__((section(\".modinfo\"), used)) = "
         "text\nINFORMATION(license, \"license=NVIDIA\");\nINFORMATION(vermagic, \"vermagic=" +
         vermagic + "\");\n";
}

inline driver::testing_driver::Files fake_driver(const std::string& vermagic = "6.99.0-fake SMP mod_unload ") {
  auto files = driver::testing_driver::general_package();
  std::erase_if(files, [](const auto& file) { return file.first.find('/') != std::string::npos; });
  files["Makefile"] +=
      "\n.PHONY: modules\nmodules:\n"
      "\t@echo '  CC [M]  nvidia/nv.o'\n"
      "\t@gcc -nostdinc -Werror=implicit-function-declaration -c -o nvidia.ko nvidia/nv.c\n"
      "\t@echo '  LD [M]  nvidia.ko'\n";
  files["nvidia/nvidia.Kbuild"] = "NVIDIA_SOURCES = nvidia/nv.c\n";
  files["nvidia/nv.c"] =
      "int new_call(int);\nint nv_init(void) { return old_call(1); }\n" + module_information(vermagic);
  return files;
}

// The kernel of fake_kernel(), whose state is below the folder, too. It has new_call() in place of old_call().
// `exported`: EXPORT_SYMBOL or EXPORT_SYMBOL_GPL.
inline kernel::Kernel kernel_without_old_call(const TempFolder& folder, const std::string& exported = "EXPORT_SYMBOL") {
  auto kernel = fake_kernel(folder);
  kernel.host.state = folder / "state";
  kernel.compiler.exact = true;
  kernel.config.erase("CONFIG_MODVERSIONS");
  put(kernel.build / "Module.symvers", "0x12345678\tnew_call\tvmlinux\t" + exported + "\t\n");
  return kernel;
}

}  // namespace vgpukit::test
