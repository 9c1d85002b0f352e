#include "transform/glob.hpp"

#include <gtest/gtest.h>

#include <string>

namespace vgpukit::transform {
namespace {

TEST(Glob, Matches) {
  EXPECT_TRUE(glob_matches("nvidia/*.c", "nvidia/nv.c"));
  EXPECT_FALSE(glob_matches("nvidia/*.c", "nvidia/deep/nv.c"));
  EXPECT_FALSE(glob_matches("*.c", "nvidia/nv.c"));
  EXPECT_TRUE(glob_matches("**/*.c", "nv.c"));
  EXPECT_TRUE(glob_matches("**/*.c", "a/b/nv.c"));
  EXPECT_TRUE(glob_matches("a/**/nv.c", "a/nv.c"));
  EXPECT_TRUE(glob_matches("a/**/nv.c", "a/b/c/nv.c"));
  EXPECT_FALSE(glob_matches("a/**/nv.c", "ab/nv.c"));
  EXPECT_FALSE(glob_matches("**/nv.c", "a/xnv.c"));
  EXPECT_TRUE(glob_matches("nvidia/**", "nvidia/a/b"));
  EXPECT_TRUE(glob_matches("nv?.c", "nv1.c"));
  EXPECT_FALSE(glob_matches("nv?c", "nv/c"));
  EXPECT_FALSE(glob_matches("nv?.c", "nv.c"));
  EXPECT_TRUE(glob_matches("nvidia/{nv,os-mlock}.{c,h}", "nvidia/os-mlock.h"));
  EXPECT_FALSE(glob_matches("nvidia/{nv,os-mlock}.{c,h}", "nvidia/os.c"));
  EXPECT_TRUE(glob_matches("{,**/}Kbuild", "Kbuild"));
  EXPECT_TRUE(glob_matches("{a{b,c},d}", "ac"));
  EXPECT_TRUE(glob_matches("a{b", "a{b"));
  EXPECT_TRUE(glob_matches("./Kbuild", "Kbuild"));
  EXPECT_TRUE(glob_matches("Kbuild", "Kbuild"));
  EXPECT_FALSE(glob_matches("", "Kbuild"));
  EXPECT_TRUE(glob_matches("a.c", "a.c"));
  EXPECT_FALSE(glob_matches("a.c", "abc"));
}

TEST(Glob, HasNoSlowPatterns) {
  std::string pattern, path(200, 'a');
  for (int i = 0; i < 60; ++i) pattern += "*a";
  EXPECT_FALSE(glob_matches(pattern + "b", path));
  std::string many;
  for (int i = 0; i < 40; ++i) many += "{a,b}";
  EXPECT_FALSE(glob_matches(many, "c"));
}

}  // namespace
}  // namespace vgpukit::transform
