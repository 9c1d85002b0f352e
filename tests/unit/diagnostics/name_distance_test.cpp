#include "diagnostics/name_distance.hpp"

#include <gtest/gtest.h>

namespace vgpukit::diagnostics {
namespace {

TEST(Nearness, ComparesWordsAndLetters) {
  EXPECT_GT(nearness("del_timer_sync", "timer_delete_sync"), 0.8);
  EXPECT_GT(nearness("in_irq", "in_hardirq"), 0.7);
  EXPECT_GT(nearness("strncpy", "strscpy"), 0.8);
  EXPECT_LT(nearness("DRM_DEBUG", "DT_DEBUG"), 0.8);
  EXPECT_LT(nearness("VMA_LOCK_OFFSET", "VGA_CRTC_OFFSET"), 0.6);
  EXPECT_EQ(nearness("drm_err", "DRM_ERR"), 1);
  EXPECT_EQ(nearness("", "x"), 0);
  EXPECT_EQ(nearness("___", "_"), nearness("_", "___"));
}

}  // namespace
}  // namespace vgpukit::diagnostics
