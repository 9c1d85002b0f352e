#include "build/build_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::build {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class WatchTest : public testing::Test {
 protected:
  static driver::KbuildSummary work() {
    driver::KbuildSummary list;
    list.sources = {"a.c", "b.c", "c.c"};
    list.tests = 7;
    list.silent_tests = 2;
    return list;
  }
  double now = 0;
  std::vector<std::string> seen;
  BuildWatch watch{"/var/tmp/tree", work(), 2, [this] { return now; },
                   [this](const BuildProgress& progress) {
                     static constexpr const char* names[] = {"conftest", "compile", "link"};
                     seen.push_back(std::string(names[static_cast<int>(progress.phase)]) + " " +
                                    std::to_string(progress.done) + "/" + std::to_string(progress.total) + " " +
                                    progress.current);
                   }};
};

TEST_F(WatchTest, FollowsABuildFromTestsToModules) {
  watch.line(" CONFTEST: cc_sanity_check");
  watch.line(" CONFTEST: follow_pfn");
  watch.line("  CONFTEST: linux/mdev.h");
  watch.line(" CONFTEST functions.h:");
  now = 4;
  watch.line("  CC [M]  /var/tmp/tree/nvidia/nv.o");
  now = 5;
  watch.line("  CC [M]  nvidia-drm/../nvidia/os.o");
  watch.line("  LD [M]  /var/tmp/tree/nvidia.o");
  watch.line("  MODPOST Module.symvers");
  watch.line("  CC [M]  nvidia.mod.o");
  watch.line("  CC [M]  .module-common.o");
  watch.line("  LD [M]  nvidia.ko");
  watch.line("  LD [M]  /var/tmp/tree/nvidia-drm.ko");
  EXPECT_THAT(
      seen, ElementsAre("conftest 0/5 follow_pfn", "conftest 1/5 linux/mdev.h", "compile 0/3 nvidia/nv.c",
                        "compile 1/3 nvidia/os.c", "link 0/2 modpost", "link 0/2 nvidia.ko", "link 1/2 nvidia-drm.ko"));
  EXPECT_EQ(watch.tests(), 4U) << "two were announced, two are silent";
  EXPECT_DOUBLE_EQ(watch.conftest_seconds(9), 4);
  EXPECT_THAT(watch.compiled(), ElementsAre("nvidia"));
}

TEST_F(WatchTest, ABuildThatEndsInConftestSpentAllItsTimeThere) {
  watch.line(" CONFTEST: cc_sanity_check");
  EXPECT_DOUBLE_EQ(watch.conftest_seconds(3), 3);
  EXPECT_EQ(watch.tests(), 0U);
  EXPECT_THAT(seen, IsEmpty());
}

TEST_F(WatchTest, AListThatWasCountedWrongDoesNotShowTwelveOfTen) {
  for (const char* name : {"a", "b", "c", "d", "e"}) watch.line(std::string("  CC [M]  nvidia/") + name + ".o");
  EXPECT_EQ(seen.back(), "compile 4/5 nvidia/e.c");
}

TEST_F(WatchTest, RemembersTheLastLine) {
  watch.line("a line of a tool");
  watch.line("make[1]: Leaving directory '/x'");
  EXPECT_EQ(watch.last_line(), "a line of a tool");
}

}  // namespace
}  // namespace vgpukit::build
