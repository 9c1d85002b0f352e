#include "module/missing_dependencies.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "module/elf_builder.hpp"
#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::module {
namespace {

using test::TempFolder;
using testing::HasSubstr;

// nvidia-drm imports symbols from vmlinux, drm, drm_kms_helper and nvidia.
struct Fixture {
  TempFolder temp;
  kernel::Symvers symvers = kernel::Symvers::parse(
                                "0x0\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n"
                                "0x0\tdrm_open\tdrivers/gpu/drm/drm\tEXPORT_SYMBOL\t\n"
                                "0x0\tdrm_helper\tdrivers/gpu/drm/drm_kms_helper\tEXPORT_SYMBOL\t\n"
                                "0x0\tnv_get\tnvidia\tEXPORT_SYMBOL\t\n",
                                "Module.symvers")
                                .value();
  kernel::Kernel kernel;
  std::vector<ModuleFile> modules;
  Fixture() {
    kernel.host.root = temp.path();
    kernel.release = "6.1.0-cloud";
    ModuleFile drm;
    drm.name = "nvidia_drm";
    for (const char* name : {"printk", "drm_open", "drm_helper", "nv_get"})
      drm.imports.push_back({name, false, std::nullopt});
    ModuleFile nvidia;
    nvidia.name = "nvidia";
    modules = {nvidia, drm};
  }
  // Installs what a kernel package has: modules and the list of built-in ones; then runs depmod.
  void install(const std::vector<std::string>& files, const std::string& builtin) {
    const auto folder = temp / "lib/modules/6.1.0-cloud";
    using namespace std::string_literals;
    for (const auto& file : files) {
      ElfBuilder elf;
      elf.section(".modinfo", "license=GPL\0"s);
      ASSERT_TRUE(write_file(folder / file, elf.build()));
    }
    ASSERT_TRUE(write_file(folder / "modules.builtin", builtin));
    ASSERT_TRUE(write_file(folder / "modules.builtin.modinfo", ""));
    ASSERT_TRUE(write_file(folder / "modules.order", ""));
    Command depmod;
    const auto sbin = find_program("depmod") ? "depmod" : "/sbin/depmod";
    depmod.argv = {sbin, "-b", temp.path().string(), "6.1.0-cloud"};
    const auto outcome = run(depmod);
    ASSERT_TRUE(outcome) << outcome.error().message();
    ASSERT_TRUE(outcome->ok()) << outcome->err;
  }
};

TEST(MissingDependencies, NamesAModuleThatTheKernelPackageLacks) {
  Fixture fixture;
  fixture.install({"kernel/drivers/gpu/drm/drm.ko"}, "");
  const auto verdicts = missing_dependencies(fixture.modules, fixture.symvers, fixture.kernel);
  ASSERT_EQ(verdicts.size(), 1u);
  EXPECT_FALSE(verdicts[0].refuses);
  EXPECT_EQ(verdicts[0].module, "nvidia_drm");
  EXPECT_THAT(verdicts[0].message, HasSubstr("drm_kms_helper (for drm_helper)"));
}

TEST(MissingDependencies, NoneIfAllAreInstalledOrBuiltIn) {
  Fixture fixture;
  fixture.install({"kernel/drivers/gpu/drm/drm.ko"}, "kernel/drivers/gpu/drm/drm_kms_helper.ko\n");
  EXPECT_TRUE(missing_dependencies(fixture.modules, fixture.symvers, fixture.kernel).empty());
}

TEST(MissingDependencies, NoneForHeadersWithoutTheirKernel) {
  Fixture fixture;
  EXPECT_TRUE(missing_dependencies(fixture.modules, fixture.symvers, fixture.kernel).empty());
}

}  // namespace
}  // namespace vgpukit::module
