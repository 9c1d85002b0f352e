// A hook in a root with dkms: what dkms has built before is for a kernel that was replaced under the same release name.
#include "install/build_root.hpp"
#include "install/hook_run.hpp"

namespace vgpukit::install {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class HookBuildTest : public test::BuildRoot {
 protected:
  const std::string installed_ = "/lib/modules/6.1/updates/dkms/nvidia.ko";

  void SetUp() override {
    BuildRoot::SetUp();
    if (IsSkipped()) return;
    ASSERT_TRUE(write_dkms_tree(host_.in_root(dkms_source_folder(driver_.version.text)), driver_, choices_, "/bin/x"));
    put("/var/lib/vgpukit/install/installed.json",
        R"({"version": "535.261.03", "modules": ["nvidia"], "kernels": {}})");
    fs::create_directory_symlink("/usr/src/linux-headers-6.1", host_.in_root("/lib/modules/6.1/build"));
    put(installed_, module_that_calls("new_call"));
    EXPECT_EQ(hook().result, HookKernel::Result::ready);
    put("/usr/src/linux-headers-6.1/Module.symvers", "0x12345678\tnewer_call\tvmlinux\tEXPORT_SYMBOL\t\n");
    put("/prebuilt/6.1/nvidia.ko", module_that_calls("newer_call"));
  }
  static std::string module_that_calls(const std::string& function) {
    module::ElfBuilder elf;
    elf.section(".modinfo",
                "license=NVIDIA" + std::string(1, '\0') + "vermagic=6.1 SMP mod_unload " + std::string(1, '\0'));
    elf.symbol(function);
    return elf.build();
  }
  HookKernel hook() {
    HookRequest request;
    request.releases = {"6.1"};
    const auto outcome = run_hook(host_, request);
    EXPECT_TRUE(outcome) << outcome.error().message();
    return outcome ? outcome->kernels.at(0) : HookKernel();
  }
  std::string text(const std::string& path) const { return read_file(host_.in_root(path)).value(); }
};

TEST_F(HookBuildTest, AKernelThatWasReplacedUnderTheSameReleaseGetsNewModules) {
  // As dkms 3: without --force it says that the module is built already.
  dkms(
      "build) case $again in yes) mkdir -p $tree/$version/$release && cp /prebuilt/$release/nvidia.ko "
      "$tree/$version/$release/ ;; *) exit 3 ;; esac ;;");
  auto script = text("/bin/dkms");
  script.replace(script.find("while "), 0, "case \"$*\" in *--force) again=yes ;; esac\n");
  put("/bin/dkms", script, 0755);
  const auto kernel = hook();
  EXPECT_EQ(kernel.result, HookKernel::Result::built) << kernel.why;
  EXPECT_TRUE(text(installed_) == text("/prebuilt/6.1/nvidia.ko"));
}

TEST_F(HookBuildTest, OfADkmsThatBuildsNothingTwiceTheWayOutIsSaid) {
  dkms("build) exit 3 ;;");
  auto script = text("/bin/dkms");
  script.replace(script.find("dkms-3.0.10"), 11, "'dkms: 2.8.4'");
  put("/bin/dkms", script, 0755);
  put("/var/lib/dkms/nvidia/535.261.03/6.1/nvidia.ko", text(installed_));
  const auto kernel = hook();
  EXPECT_EQ(kernel.result, HookKernel::Result::failed);
  EXPECT_EQ(kernel.why, "nvidia: Unknown symbol new_call (err -2)");
  EXPECT_THAT(kernel.next,
              AllOf(HasSubstr("dkms remove -m nvidia -v 535.261.03 -k 6.1"), HasSubstr("vgpukit hook run 6.1")));
  EXPECT_TRUE(text(installed_) == module_that_calls("new_call"));
}

}  // namespace
}  // namespace vgpukit::install
