// vgpukit kernel list|facts
#include "cli/cli_fixture.hpp"

namespace vgpukit::cli {
namespace {

class KernelCommand : public CommandLine {
 protected:
  static std::string replaced(std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
  }
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
  EXPECT_THAT(lines[0], StartsWith("5.10.0-1-amd64  its headers are not installed; install its headers: apt "
                                   "install linux-headers-5.10.0-1-amd64"));
  EXPECT_THAT(lines[1], StartsWith("6.1.0-9-amd64 "));
  EXPECT_THAT(lines[1], HasSubstr("lacks the list of exported symbols (Module.symvers)"));
  EXPECT_THAT(lines[2], HasSubstr("built with gcc-12 (Debian 12.2.0-14) 12.2.0, which is not installed; "
                                  "apt install gcc-12"));

  const auto document = json(in_root({"kernel", "list"}));
  ASSERT_EQ(document["kernels"].size(), 3U);
  EXPECT_EQ(document["kernels"][0]["release"], "5.10.0-1-amd64");
  EXPECT_EQ(document["kernels"][0]["modules"], true);
  EXPECT_EQ(document["kernels"][0]["headers"], false);
  EXPECT_EQ(document["kernels"][2]["running"], false);
}

TEST_F(KernelCommand, ListsWhatBuildWouldSay) {
  if (!make_root()) GTEST_SKIP() << "this user cannot enter a root folder";
  EXPECT_EQ(vgpukit(in_root({"kernel", "list"})).out, "6.99.0-fake  ready to build for\n");
  const auto headers = root() / "usr/src/linux-headers-6.99.0-fake";
  const auto config = *read_file(headers / "include/config/auto.conf");
  test::put(headers / "include/config/auto.conf", config + "CONFIG_PREEMPT_RT=y\n");
  EXPECT_THAT(vgpukit(in_root({"kernel", "list"})).out, HasSubstr("ready to build for with --accept preempt-rt"));
  EXPECT_EQ(json(in_root({"kernel", "list"}))["kernels"][0]["notices"][0], "preempt-rt");

  // Its programs do not start.
  test::put(headers / "include/config/auto.conf", config);
  test::put(headers / "scripts/basic/fixdep",
            "#!/bin/sh\necho \"fixdep: /lib/libc.so.6: version \\`GLIBC_2.38' not found\" >&2\nexit 1\n", 0755);
  EXPECT_THAT(vgpukit(in_root({"kernel", "list"})).out, HasSubstr("compiled for a newer C library"));
  const auto facts = vgpukit(in_root({"kernel", "facts"}));
  EXPECT_EQ(facts.code, 3);
  EXPECT_THAT(facts.err, HasSubstr("compiled for a newer C library"));

  fs::remove(headers / "scripts/basic/fixdep");
  test::put(root() / "usr/bin/gcc-12", "#!/bin/sh\nkill -SEGV $$\n", 0755);
  const auto crashed = vgpukit(in_root({"kernel", "facts"}));
  EXPECT_EQ(crashed.code, 1);
  EXPECT_THAT(crashed.err, HasSubstr("the compiler gcc-12 crashed (signal 11)"));
  test::put_program(root(), "gcc-12", "gcc-12 (Debian 12.2.0-14) 12.2.0");

  // They are for another architecture.
  test::put(headers / "include/config/auto.conf", replaced(config, "CONFIG_X86", "CONFIG_ARM64"));
  EXPECT_THAT(vgpukit(in_root({"kernel", "list"})).out, HasSubstr("are for arm64, and this machine is "));
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
