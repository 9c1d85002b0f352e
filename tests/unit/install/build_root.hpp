// A root in which drivers are built and installed: install_root.hpp with headers for 6.1 and 6.12, and a make that
// compiles nothing. It makes a module if the sources are patched, and prints a compiler error otherwise.
#pragma once

#include <gmock/gmock.h>

#include "build/fake_driver.hpp"
#include "install/install_root.hpp"
#include "module/elf_builder.hpp"
#include "recipe/parse_recipe.hpp"

namespace vgpukit::test {

inline constexpr const char* make_script = R"(#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in
    -C) cd "$2" || exit 1; shift ;;
    M=*) cd "${1#M=}" || exit 1; probe=yes ;;
    SYSOUT=*) read -r release <"${1#SYSOUT=}/include/config/kernel.release" ;;
  esac
  [ ! -e include/config/kernel.release ] || read -r release <include/config/kernel.release
  shift
done
if [ "$probe" ]; then
  echo "savedcmd_probe.o := gcc-12 -c -o probe.o probe.c" >.probe.o.cmd
  : >probe.o
  printf 'license=GPL\0vermagic=%s SMP mod_unload \0' "$release" >probe.ko
  exit
fi
while read -r line; do
  case $line in *old_call*)
    echo "nvidia/nv.c:2:27: error: implicit declaration of function 'old_call'" >&2
    echo "make: *** [Makefile:5: modules] Error 1" >&2
    exit 2 ;;
  esac
done <nvidia/nv.c
echo "  CC [M]  nvidia/nv.o"
cp /prebuilt/$release/nvidia.ko nvidia.ko
echo "  LD [M]  nvidia.ko"
)";

class BuildRoot : public InstallRoot {
 protected:
  static constexpr const char* id = "6.99-old-call-removed";

  void SetUp() override {
    InstallRoot::SetUp();
    if (IsSkipped()) return;
    host_.cache = folder_ / "cache";
    put("/bin/make", make_script, 0755);
    put("/bin/ld", "#!/bin/sh\n", 0755);
    put("/bin/gcc-12", "#!/bin/sh\necho 'gcc-12 (Debian 12.2.0-14) 12.2.0'\n", 0755);
    put("/bin/vgpukit", "#!/bin/sh\n", 0755);
    put("/bin/depmod",
        "#!/bin/sh\ncd /lib/modules/$1 && for one in updates/dkms/*.ko; do\n"
        "  [ ! -e \"$one\" ] || echo \"$one:\"\ndone >modules.dep\n",
        0755);
    dkms("build) mkdir -p $tree/$version/$release && cp /prebuilt/$release/nvidia.ko $tree/$version/$release/ ;;");
    // What dkms and depmod leave after an uninstallation.
    for (const auto* path :
         {"/var/tmp", "/var/lib/dkms/nvidia", "/lib/modules/6.1/updates/dkms", "/lib/modules/6.12/updates/dkms"})
      fs::create_directories(host_.in_root(path));
    for (const auto* path : {"/lib/modules/6.1/modules.dep", "/lib/modules/6.12/modules.dep"}) put(path, "");
    for (const std::string release : {"6.1", "6.12"}) {
      const auto headers = host_.in_root("/usr/src/linux-headers-" + release);
      put_headers(headers, release);
      test::put(headers / "Module.symvers", "0x12345678\tnew_call\tvmlinux\tEXPORT_SYMBOL\t\n");
      module::ElfBuilder elf;
      elf.section(".modinfo", "license=NVIDIA" + std::string(1, '\0') + "vermagic=" + release + " SMP mod_unload " +
                                  std::string(1, '\0'));
      put("/prebuilt/" + release + "/nvidia.ko", elf.build());
    }
    put_recipe(recipe_text(id));
    auto files = fake_driver();
    files["dkms.conf"] = "PACKAGE_NAME=\"nvidia\"\n";
    driver::testing_driver::put(folder_ / "driver", files);
    auto opened = driver::open_driver(host_, folder_ / "driver");
    ASSERT_TRUE(opened) << opened.error().message();
    driver_ = std::move(*opened);
    choices_.shipped_recipes = false;
    choices_.recipes = {(folder_ / "recipes").string()};
    choices_.modules = driver_.modules;
  }
  void put_recipe(const std::string& text) const { test::put(folder_ / "recipes" / (std::string(id) + ".yaml"), text); }
  // dkms with another `build`.
  void dkms(const std::string& build) {
    std::string script = dkms_script;
    const auto at = script.find("build) ");
    script.replace(at, script.find('\n', at) - at, build);
    put("/bin/dkms", script, 0755);
  }

  driver::Driver driver_;
  install::DkmsChoices choices_;
};

}  // namespace vgpukit::test
