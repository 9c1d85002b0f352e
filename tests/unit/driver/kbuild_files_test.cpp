#include "driver/kbuild_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/scratch.hpp"

namespace vgpukit::driver {
namespace {

using testing::ElementsAre;

class KbuildFiles : public testing::Test {
 protected:
  void SetUp() override {
    scratch.write("nvidia/nvidia.Kbuild",
                  "NV_CONFTEST_FUNCTION_COMPILE_TESTS += follow_pfn\n"
                  "NV_CONFTEST_TYPE_COMPILE_TESTS += follow_pfn # twice\n"
                  "NVIDIA_OBJECTS = $(patsubst %.c,%.o,$(NVIDIA_SOURCES))\n"
                  "\tNV_SOURCES += recipe.c\n");
    scratch.write("nvidia/nvidia-sources.Kbuild",
                  "NVIDIA_SOURCES ?=\nNVIDIA_SOURCES += nvidia/nv.c\nNVIDIA_SOURCES += nvidia/os.c nvidia/os.c\n");
    scratch.write("nvidia-drm/nvidia-drm.Kbuild",
                  "NVIDIA_DRM_SOURCES := nvidia-drm/a.c \\\n nvidia-drm/b.c\nNV_CONFTEST_TYPE_COMPILE_TESTS += drm\n");
    scratch.write("common/inc/nv.h", "");
    scratch.write("Kbuild", "NV_HEADER_PRESENCE_TESTS = \\\n  linux/mdev.h \\\n  drm/drmP.h\n");
  }
  Scratch scratch;
};

TEST_F(KbuildFiles, FoldersWithAKbuildOfTheirNameAreModules) {
  EXPECT_THAT(modules_of_tree(scratch.path()), ElementsAre("nvidia", "nvidia-drm"));
  EXPECT_TRUE(modules_of_tree(scratch.path() / "gone").empty());
}

TEST_F(KbuildFiles, CountsEachSourceAndTestOnce) {
  const auto work = read_kbuild_summary(scratch.path(), {});
  EXPECT_EQ(work.sources.size(), 4U);
  EXPECT_EQ(work.tests, 4U);
  EXPECT_EQ(work.silent_tests, 2U) << "this Kbuild tests headers without saying so";
}

TEST_F(KbuildFiles, OnlyTheModulesThatAreAskedFor) {
  const auto work = read_kbuild_summary(scratch.path(), {"nvidia"});
  EXPECT_EQ(work.sources.size(), 2U);
  EXPECT_EQ(work.tests, 3U);
}

TEST_F(KbuildFiles, HeaderTestsThatAreAnnouncedAreNotSilent) {
  scratch.write("Kbuild", "NV_HEADER_PRESENCE_TESTS = linux/mdev.h\n\t@echo \" CONFTEST: $(1)\"\n");
  EXPECT_EQ(read_kbuild_summary(scratch.path(), {}).silent_tests, 0U);
}

}  // namespace
}  // namespace vgpukit::driver
