#include "conftest/conftest_ask.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::conftest {
namespace {

using testing::ElementsAre;
using namespace std::string_literals;

const std::string lists = "functions:\na\nb\na\ngeneric:\nmacros:\nsymbols:\ntypes:\nc\nheaders:\nlinux/mm.h\n";

TEST(KbuildAnswer, ReadsWhatTheShellWouldGet) {
  const auto ask =
      read_ask("/bin/sh\0/t/conftest.sh\0ccache gcc-12\0x86_64\0/src\0/out\0compile_tests\0-O2 -DX=\"y\"  -I/a\0"s,
               "PATH=/bin\0A=b=c\0"s, lists);
  ASSERT_TRUE(ask);
  EXPECT_THAT(ask->compiler, ElementsAre("ccache", "gcc-12"));
  EXPECT_EQ(ask->output, "/out");
  EXPECT_THAT(ask->flags, ElementsAre("-O2", "-DX=\"y\"", "-I/a"));
  EXPECT_EQ(ask->environment.at("A"), "b=c");
  EXPECT_THAT(ask->lists.at("functions"), ElementsAre("a", "b"));
  EXPECT_THAT(ask->lists.at("headers"), ElementsAre("linux/mm.h"));
}

TEST(KbuildAnswer, WhatIsNotUnderstoodIsLeftToMake) {
  const auto with = [](const std::string& compiler, const std::string& flags) {
    return "/bin/sh\0/t/conftest.sh\0"s + compiler + "\0x86_64\0/src\0/out\0compile_tests\0"s + flags + "\0"s;
  };
  EXPECT_TRUE(read_ask(with("gcc", "-O2"), "", lists));
  EXPECT_FALSE(read_ask(with("gcc", "-DX=*"), "", lists)) << "the shell would look for files";
  EXPECT_FALSE(read_ask(with("", "-O2"), "", lists));
  EXPECT_FALSE(read_ask("", "", lists));
  EXPECT_FALSE(read_ask(with("gcc", "-O2"), "", "functions:\na\n")) << "cut off";
}

}  // namespace
}  // namespace vgpukit::conftest
