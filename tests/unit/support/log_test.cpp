#include "support/log.hpp"

#include <gtest/gtest.h>

namespace vgpukit {
namespace {

std::string printed(int verbosity, log::Color color) {
  testing::internal::CaptureStderr();
  log::setup(verbosity, color);
  log::error("broken {}");  // braces are text, not a format
  log::warning("odd");
  log::info("doing");
  log::debug("because");
  log::trace("argv");
  return testing::internal::GetCapturedStderr();
}

TEST(Log, SaysWhatTheLevelAsksFor) {
  EXPECT_EQ(printed(0, log::Color::never), "error: broken {}\nwarning: odd\ndoing\n");
  EXPECT_EQ(printed(-1, log::Color::never), "error: broken {}\nwarning: odd\n");
  EXPECT_EQ(printed(-5, log::Color::never), "error: broken {}\n");
  EXPECT_EQ(printed(1, log::Color::never), "error: broken {}\nwarning: odd\ndoing\ndebug: because\n");
  EXPECT_EQ(printed(2, log::Color::never), "error: broken {}\nwarning: odd\ndoing\ndebug: because\ndebug: argv\n");
}

TEST(Log, ColourOnlyWhereItIsWanted) {
  EXPECT_NE(printed(0, log::Color::always).find("\033["), std::string::npos);
  EXPECT_EQ(printed(0, log::Color::automatic).find("\033["), std::string::npos) << "stderr is no terminal here";
}

}  // namespace
}  // namespace vgpukit
