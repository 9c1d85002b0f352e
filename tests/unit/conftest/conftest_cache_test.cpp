#include "conftest/conftest_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/scratch.hpp"

namespace vgpukit::conftest {
namespace {

namespace files = std::filesystem;

class ConftestCacheTest : public testing::Test {
 protected:
  ConftestCacheTest() { host.cache = scratch.path() / "cache"; }
  files::path only_file() {
    for (const auto& entry : files::directory_iterator(host.cache / "conftest")) return entry.path();
    return {};
  }
  Scratch scratch;
  HostPaths host;
  const ConftestVerdict no{false, {{"linux/mm.h", 3, false, "unknown type name"}}};
};

TEST_F(ConftestCacheTest, RemembersUnderItsKeyOnly) {
  VerdictCache first(host, "key");
  first.add("int x;", no);
  first.save();
  const VerdictCache second(host, "key");
  ASSERT_TRUE(second.find("int x;"));
  EXPECT_FALSE(second.find("int x;")->compiled);
  EXPECT_EQ(second.find("int x;")->errors.at(0).message, "unknown type name");
  EXPECT_FALSE(second.find("int y;"));
  EXPECT_FALSE(VerdictCache(host, "another key").find("int x;"));
}

TEST_F(ConftestCacheTest, TwoWritersKeepEachOthersAnswers) {
  VerdictCache one(host, "key");
  VerdictCache two(host, "key");
  one.add("int x;", no);
  two.add("int y;", {true, {}});
  one.save();
  two.save();
  const VerdictCache both(host, "key");
  EXPECT_TRUE(both.find("int x;"));
  EXPECT_TRUE(both.find("int y;"));
}

TEST_F(ConftestCacheTest, ADamagedFileIsNoFile) {
  VerdictCache first(host, "key");
  first.add("int x;", no);
  first.save();
  const auto file = only_file();
  const std::string whole = scratch.read(files::relative(file, scratch.path()));
  for (const std::string& bad : {whole.substr(0, whole.size() - 1), whole.substr(0, 10), std::string(), "\n" + whole,
                                 std::string("{}\n{}"), std::string(whole).replace(whole.find("false"), 5, "true ")}) {
    scratch.write(files::relative(file, scratch.path()), bad);
    EXPECT_FALSE(VerdictCache(host, "key").find("int x;")) << bad;
  }
  scratch.write(files::relative(file, scratch.path()), whole);
  EXPECT_TRUE(VerdictCache(host, "key").find("int x;"));
}

TEST_F(ConftestCacheTest, ACacheThatCannotBeWrittenIsOnlySlower) {
  host.cache = scratch.write("file", "") / "cache";
  VerdictCache cache(host, "key");
  cache.add("int x;", no);
  cache.save();
  EXPECT_TRUE(cache.find("int x;"));
  save_answers(host, "key", {});
  EXPECT_FALSE(load_answers(host, "key"));
}

TEST_F(ConftestCacheTest, AllAnswersOfABuild) {
  save_answers(host, "key", {{{"headers.h", "#define X\n"}}, {{"t", "NV_T", "t();", true, no}}, 7, {}});
  const auto known = load_answers(host, "key");
  ASSERT_TRUE(known);
  EXPECT_EQ(known->files.at(0).second, "#define X\n");
  EXPECT_EQ(known->tests, 7U);
  EXPECT_TRUE(known->checks.at(0).inverted);
  EXPECT_FALSE(load_answers(host, "other"));
}

}  // namespace
}  // namespace vgpukit::conftest
