// vgpukit kernel list|facts
#include "cli/cli_fixture.hpp"

namespace vgpukit::cli {
namespace {

class KernelCommand : public CommandLine {
 protected:
  std::vector<std::string> in_root(std::vector<std::string> words) const {
    words.insert(words.begin(), {"--root", root().string()});
    return words;
  }
};

TEST_F(KernelCommand, AnEmptyRootHasNoKernel) {
  fs::create_directories(root());
  const auto list = vgpukit(in_root({"kernel", "list"}));
  EXPECT_EQ(list.code, 0);
  EXPECT_EQ(list.out, "no kernel and no kernel headers in " + root().string() + "\n");
}

TEST_F(KernelCommand, ListsWhatEachKernelLacks) {
  test::put(root() / "etc/os-release", "ID=debian\n");
  test::put_headers(root() / "usr/src/linux-headers-6.12.0-1-amd64", "6.12.0-1-amd64");
  test::put_headers(root() / "usr/src/linux-headers-6.1.0-9-amd64", "6.1.0-9-amd64");
  fs::remove(root() / "usr/src/linux-headers-6.1.0-9-amd64/Module.symvers");
  test::put(root() / "lib/modules/5.10.0-1-amd64/modules.dep", "");
  const auto list = vgpukit(in_root({"kernel", "list"}));
  EXPECT_EQ(list.code, 0);
  const auto lines = lines_of(list.out);
  ASSERT_EQ(lines.size(), 3U) << list.out;
  EXPECT_THAT(lines[0], StartsWith("5.10.0-1-amd64  no headers: apt install linux-headers-5.10.0-1-amd64"));
  EXPECT_THAT(lines[1], StartsWith("6.1.0-9-amd64 "));
  EXPECT_THAT(lines[1], HasSubstr("lacks the list of exported symbols (Module.symvers)"));
  EXPECT_EQ(lines[2], "6.12.0-1-amd64  ready to build for");

  const auto document = json(in_root({"kernel", "list"}));
  ASSERT_EQ(document["kernels"].size(), 3U);
  EXPECT_EQ(document["kernels"][0]["release"], "5.10.0-1-amd64");
  EXPECT_EQ(document["kernels"][0]["modules"], true);
  EXPECT_EQ(document["kernels"][0]["headers"], false);
  EXPECT_EQ(document["kernels"][2]["problem"], "");
  EXPECT_EQ(document["kernels"][2]["running"], false);
}

TEST_F(KernelCommand, FactsNeedAKernelOfThisRoot) {
  test::put_headers(root() / "usr/src/linux-headers-6.12.0-1-amd64", "6.12.0-1-amd64");
  refused(in_root({"kernel", "facts", "--kernel", "6.12.0-2-amd64"}), {"6.12.0-2-amd64", "there are: 6.12.0-1-amd64"});
  refused(in_root({"kernel", "facts", "--kernel", "running"}), {"no kernel runs in " + root().string()});
  refused(in_root({"kernel", "facts", "--ask", "colour x"}), {"\"colour\" is not a kind of question"});
}

TEST_F(KernelCommand, AMissingCompilerIsNamedWithItsPackage) {
  test::put(root() / "etc/os-release", "ID=debian\n");
  test::put_headers(root() / "usr/src/linux-headers-6.12.0-1-amd64", "6.12.0-1-amd64");
  const auto facts = vgpukit(in_root({"kernel", "facts", "--ask", "config CONFIG_X86"}));
  EXPECT_EQ(facts.code, 3);
  EXPECT_THAT(facts.err, HasSubstr("built with gcc-12 (Debian 12.2.0-14) 12.2.0, which is not installed"));
  EXPECT_THAT(facts.err, HasSubstr("apt install gcc-12"));
  EXPECT_EQ(json(in_root({"kernel", "facts", "--ask", "config CONFIG_X86"}), 3)["result"], "missing");
}

TEST_F(KernelCommand, AnswersComeWithTheirEvidence) {
  if (!make_root()) GTEST_SKIP() << "this user cannot enter a root folder";
  const auto facts = vgpukit(in_root({"kernel", "facts", "--ask", "config CONFIG_X86", "--ask", "symbol no_such_call",
                                      "--ask", "symbol-is-gpl new_call"}));
  EXPECT_EQ(facts.code, 0) << facts.err;
  EXPECT_THAT(facts.out, StartsWith("6.99.0-fake (6.99.0), gcc-12 (Debian 12.2.0-14) 12.2.0\n"));
  EXPECT_THAT(facts.out, HasSubstr("config CONFIG_X86       yes  include/config/auto.conf: CONFIG_X86=y"));
  EXPECT_THAT(facts.out, HasSubstr("Module.symvers has no no_such_call"));
  EXPECT_THAT(facts.out, HasSubstr("Module.symvers:2: EXPORT_SYMBOL_GPL, vmlinux"));

  const auto document = json(in_root({"kernel", "facts", "--ask", "symbol printk", "--assume", "symbol printk=no"}));
  EXPECT_EQ(document["kernel"]["release"], "6.99.0-fake");
  ASSERT_EQ(document["facts"].size(), 1U);
  EXPECT_EQ(document["facts"][0]["answer"], false);
  EXPECT_EQ(document["facts"][0]["assumed"], true);
}

}  // namespace
}  // namespace vgpukit::cli
