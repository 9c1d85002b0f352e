#include "kernel/kernel.hpp"

#include <gtest/gtest.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel/compiler.hpp"
#include "kernel/fake_kernel.hpp"
#include "kernel/headers_layout.hpp"
#include "kernel/package_hints.hpp"

namespace vgpukit::kernel {
namespace {

// A little root folder: /etc/os-release, kernels, and programs that are shell scripts.
class RootTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(root_ / "usr/lib");
    fs::create_symlink("usr/lib", root_ / "lib");  // as everywhere today
    os("debian");
    host_ = HostPaths::of_this_machine(root_.path()).value();
    host_.cache = cache_.path();
  }
  void os(const std::string& id, const std::string& like = "") {
    test::put(root_ / "etc/os-release", "NAME=x\nID=" + id + "\nID_LIKE=\"" + like + "\"\n");
  }
  void headers(const std::string& inside, const std::string& release, const std::string& config = "") {
    test::put_headers(root_ / inside, release, config);
  }
  void link(const std::string& target, const fs::path& inside) {
    fs::create_directories((root_ / inside).parent_path());
    fs::create_symlink(target, root_ / inside);
  }
  void program(const std::string& name, const std::string& says = "") { test::put_program(root_.path(), name, says); }
  bool tools() { return test::put_build_tools(root_.path()); }
  std::string error_of(std::string_view release, ErrorKind code) {
    const auto kernel = open_kernel(host_, release);
    EXPECT_FALSE(kernel) << release;
    if (kernel) return "";
    EXPECT_EQ(kernel.error().kind, code) << kernel.error().message();
    return kernel.error().message();
  }

  test::TempFolder root_;
  test::TempFolder cache_;
  HostPaths host_;
};

#define NEEDS_TOOLS() \
  if (!tools()) GTEST_SKIP() << "this user cannot enter another root folder here"
#define EXPECT_HAS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST_F(RootTest, OpensSplitHeaders) {
  NEEDS_TOOLS();
  // Debian: the flavour's Makefile includes the common one; kernel.release holds the upstream version.
  headers("usr/src/linux-headers-6.1.0-50-amd64", "6.1.0-50-amd64");
  test::put(root_ / "usr/src/linux-headers-6.1.0-50-amd64/include/config/kernel.release", "6.1.176\n");
  test::put(root_ / "usr/src/linux-headers-6.1.0-50-amd64/Makefile",
            "include /usr/src/linux-headers-6.1.0-50-common/Makefile\n");
  test::put(
      root_ / "usr/src/linux-headers-6.1.0-50-amd64/include/generated/uapi/linux/version.h",
      "#define LINUX_VERSION_CODE 393648\n#define LINUX_VERSION_MAJOR 6\n#define LINUX_VERSION_PATCHLEVEL 1\n#define "
      "LINUX_VERSION_SUBLEVEL 176\n");
  fs::remove_all(root_ / "usr/src/linux-headers-6.1.0-50-amd64/include/linux");
  test::put(root_ / "usr/src/linux-headers-6.1.0-50-common/include/linux/module.h", "");
  test::put(root_ / "usr/src/linux-headers-6.1.0-50-common/Makefile", "VERSION = 6\n");
  link("../../../src/linux-headers-6.1.0-50-amd64", "usr/lib/modules/6.1.0-50-amd64/build");
  const auto kernel = open_kernel(host_, "6.1.0-50-amd64");
  ASSERT_TRUE(kernel) << kernel.error().message();
  EXPECT_EQ(kernel->build, "/usr/src/linux-headers-6.1.0-50-amd64");
  EXPECT_EQ(kernel->source, "/usr/src/linux-headers-6.1.0-50-common");
  EXPECT_EQ(kernel->version.text, "6.1.176");
  EXPECT_EQ(kernel->compiler.command, "gcc-12");
  EXPECT_EQ(kernel->compiler.found.text, "12.2.0");
  EXPECT_TRUE(kernel->compiler.exact);
  EXPECT_EQ(kernel->make_variables(), std::vector<std::string>{"CC=gcc-12"});
  EXPECT_EQ(kernel->symvers_here(), root_ / "usr/src/linux-headers-6.1.0-50-amd64/Module.symvers");
  EXPECT_TRUE(kernel->has("CONFIG_X86"));
}

TEST_F(RootTest, OpensHeadersWithoutAModulesFolderAndWithAbsoluteLinks) {
  NEEDS_TOOLS();
  headers("usr/src/linux-headers-6.12.1-x", "6.12.1-x");
  headers("usr/src/kernels/6.8.5-301.fc40.x86_64", "6.8.5-301.fc40.x86_64");
  link("/usr/src/kernels/6.8.5-301.fc40.x86_64", "lib/modules/6.8.5-301.fc40.x86_64/build");
  EXPECT_EQ(open_kernel(host_, "6.12.1-x").value().build, "/usr/src/linux-headers-6.12.1-x");
  EXPECT_EQ(open_kernel(host_, "6.12.1-x").value().version.text, "6.12.1");
  EXPECT_EQ(open_kernel(host_, "6.8.5-301.fc40.x86_64").value().build, "/usr/src/kernels/6.8.5-301.fc40.x86_64");
}

TEST_F(RootTest, WhatIsMissingIsNamedWithItsPackage) {
  NEEDS_TOOLS();
  fs::create_directories(root_ / "lib/modules/6.1.0-1-amd64/kernel");
  EXPECT_HAS(error_of("6.1.0-1-amd64", ErrorKind::missing), "its headers are not installed");
  EXPECT_HAS(error_of("6.1.0-1-amd64", ErrorKind::missing), "apt install linux-headers-6.1.0-1-amd64");

  link("/usr/src/gone", "lib/modules/6.1.0-2-amd64/build");
  EXPECT_HAS(error_of("6.1.0-2-amd64", ErrorKind::missing),
             "/lib/modules/6.1.0-2-amd64/build points to /usr/src/gone, which does not exist");

  const std::pair<const char*, const char*> parts[] = {{"Module.symvers", "Module.symvers"},
                                                       {"include/config/auto.conf", "auto.conf"},
                                                       {"include/generated/autoconf.h", "generated headers"},
                                                       {"include/linux/module.h", "include/linux"},
                                                       {"Makefile", "Makefile"}};
  for (const auto& [part, says] : parts) {
    headers("usr/src/linux-headers-6.1.0-3-amd64", "6.1.0-3-amd64");
    fs::remove(root_ / "usr/src/linux-headers-6.1.0-3-amd64" / part);
    EXPECT_HAS(error_of("6.1.0-3-amd64", ErrorKind::missing), says);
  }

  headers("usr/src/linux-headers-6.1.0-4-amd64", "6.1.0-4-amd64");
  link("/usr/src/linux-headers-6.1.0-4-amd64", "lib/modules/6.1.0-5-amd64/build");
  EXPECT_HAS(error_of("6.1.0-5-amd64", ErrorKind::missing), "belongs to another kernel");
}

TEST_F(RootTest, AReleaseThatNobodyKnowsIsBadUsage) {
  EXPECT_HAS(error_of("6.1.0-9-amd64", ErrorKind::usage),
             "no kernel headers are installed: apt install linux-headers-6.1.0-9-amd64");
  headers("usr/src/linux-headers-6.1.0-10-amd64", "6.1.0-10-amd64");
  headers("usr/src/linux-headers-5.10.0-1-amd64", "5.10.0-1-amd64");
  EXPECT_HAS(error_of("6.1.0-9-amd64", ErrorKind::usage), "there are: 6.1.0-10-amd64, 5.10.0-1-amd64");
  fs::create_directories(root_ / "lib/modules/6.1.0-1-amd64/kernel");
  EXPECT_HAS(error_of("6.1.0-1-amd64", ErrorKind::missing), "or build for 6.1.0-10-amd64 with --kernel newest");
  for (const char* bad : {"", ".", "..", "../../etc", "a/b"})
    EXPECT_HAS(error_of(bad, ErrorKind::usage), "not a release");
}

// The owner of another root chooses the names: in a spec file %(...) is a command, in a PKGBUILD a quote ends a word.
TEST_F(RootTest, AReleaseThatWouldBeACommandElsewhereIsNone) {
  for (const char* bad : {"6.1-%(id)", "6.1-'", "6.1-$(id)", "6.1-\nx", "6.1 x", "-6.1", "6.1-\033[2J", "6.1;x"}) {
    headers("usr/src/linux-headers-x", bad);
    fs::create_directories(root_ / "lib/modules" / bad / "kernel");
    EXPECT_HAS(error_of(bad, ErrorKind::usage), "not a release");
    EXPECT_TRUE(list_kernels(host_).empty()) << bad;
  }
}

TEST_F(RootTest, TheCompilerOfTheKernelIsFoundOrNamed) {
  NEEDS_TOOLS();
  headers("usr/src/linux-headers-6.12-x", "6.12-x",
          "CONFIG_X86=y\nCONFIG_CC_VERSION_TEXT=x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) "
          "14.2.0\nCONFIG_GCC_VERSION=140200\n");
  auto why = error_of("6.12-x", ErrorKind::missing);
  EXPECT_HAS(why, "built with x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0, which is not installed");
  EXPECT_HAS(why, "apt install gcc-14");
  // Another version is not good enough, and the message says that it was seen.
  program("gcc", "gcc (Debian 12.2.0-14) 12.2.0");
  why = error_of("6.12-x", ErrorKind::missing);
  EXPECT_HAS(why, "there is only gcc (Debian 12.2.0-14) 12.2.0");
  EXPECT_HAS(why, "worse, accepted");
  // Under another name it is found.
  program("gcc", "gcc (GCC) 14.1.1 20240522");
  const auto kernel = open_kernel(host_, "6.12-x");
  ASSERT_TRUE(kernel) << kernel.error().message();
  EXPECT_EQ(kernel->compiler.command, "gcc");
  EXPECT_EQ(kernel->compiler.found.text, "14.1.1");
  // The name that the kernel was built with comes first.
  program("x86_64-linux-gnu-gcc-14", "x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) 14.2.0");
  EXPECT_EQ(open_kernel(host_, "6.12-x").value().compiler.command, "x86_64-linux-gnu-gcc-14");
}

TEST_F(RootTest, ClangBuiltKernelsWantClangAndItsLinker) {
  NEEDS_TOOLS();
  headers("usr/src/linux-headers-6.12-clang", "6.12-clang",
          "CONFIG_X86=y\nCONFIG_CC_IS_CLANG=y\nCONFIG_LD_IS_LLD=y\nCONFIG_GCC_VERSION=0\nCONFIG_CLANG_VERSION=180108\n"
          "CONFIG_CC_VERSION_TEXT=\"Debian clang version 18.1.8 (9)\"\n");
  EXPECT_HAS(error_of("6.12-clang", ErrorKind::missing), "apt install clang-18 lld-18 llvm-18");
  program("clang-18", "Debian clang version 18.1.8 (9)");
  EXPECT_HAS(error_of("6.12-clang", ErrorKind::missing), "linked by ld.lld-18, which is not installed");
  program("ld.lld-18");
  const auto kernel = open_kernel(host_, "6.12-clang");
  ASSERT_TRUE(kernel) << kernel.error().message();
  EXPECT_EQ(kernel->compiler.kind, Compiler::Kind::clang);
  EXPECT_EQ(kernel->make_variables(), (std::vector<std::string>{"CC=clang-18", "IGNORE_CC_MISMATCH=1", "LLVM=-18",
                                                                "LD=ld.lld-18", "OBJDUMP=llvm-objdump-18"}));
  Kernel plain = *kernel;
  plain.compiler.command = "clang";
  EXPECT_EQ(plain.make_variables(), (std::vector<std::string>{"CC=clang", "IGNORE_CC_MISMATCH=1", "LLVM=1", "LD=ld.lld",
                                                              "OBJDUMP=llvm-objdump"}));
  plain.config.erase("CONFIG_LD_IS_LLD");
  EXPECT_EQ(plain.make_variables(), (std::vector<std::string>{"CC=clang", "IGNORE_CC_MISMATCH=1"}));
}

TEST_F(RootTest, ToolsThatABuildNeedsAreNamed) {
  NEEDS_TOOLS();
  headers("usr/src/linux-headers-6.1-x", "6.1-x");
  fs::remove(root_ / "usr/bin/ld");
  EXPECT_HAS(error_of("6.1-x", ErrorKind::missing), "apt install binutils");
  fs::remove(root_ / "usr/bin/make");
  EXPECT_HAS(error_of("6.1-x", ErrorKind::missing), "apt install make");
}

TEST_F(RootTest, ListsOldestFirstAndSaysWhatIsWrong) {
  headers("usr/src/linux-headers-6.1.0-10-amd64", "6.1.0-10-amd64");
  headers("usr/src/linux-headers-6.1.0-9-amd64", "6.1.0-9-amd64");
  headers("usr/src/linux-headers-6.12.1-amd64", "6.12.1-amd64");
  fs::remove(root_ / "usr/src/linux-headers-6.12.1-amd64/Module.symvers");
  test::put(root_ / "lib/modules/5.10.0-1-amd64/modules.dep", "");
  const auto list = list_kernels(host_);
  ASSERT_EQ(list.size(), 4U);
  EXPECT_EQ(list[0].release, "5.10.0-1-amd64");
  EXPECT_TRUE(list[0].modules);
  EXPECT_FALSE(list[0].headers);
  EXPECT_HAS(list[0].problem, "apt install linux-headers-5.10.0-1-amd64");
  EXPECT_EQ(list[1].release, "6.1.0-9-amd64");
  EXPECT_EQ(list[2].release, "6.1.0-10-amd64");
  EXPECT_TRUE(list[2].headers);
  EXPECT_EQ(list[2].problem, "");
  EXPECT_EQ(list[3].release, "6.12.1-amd64");
  EXPECT_HAS(list[3].problem, "Module.symvers");
  for (const auto& entry : list) EXPECT_FALSE(entry.running) << "no kernel runs in another root";
}

TEST_F(RootTest, SelectsByWord) {
  NEEDS_TOOLS();
  const auto none = select_kernels(host_, {"newest"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::missing);
  headers("usr/src/linux-headers-6.1.0-10-amd64", "6.1.0-10-amd64");
  headers("usr/src/linux-headers-6.1.0-9-amd64", "6.1.0-9-amd64");
  test::put(root_ / "lib/modules/6.12.0-1-amd64/modules.dep", "");  // newer, but without headers
  const auto releases = [&](const std::vector<std::string>& specs) {
    auto kernels = select_kernels(host_, specs);
    EXPECT_TRUE(kernels) << kernels.error().message();
    std::string text;
    for (const auto& kernel : *kernels) text += kernel.release + " ";
    return text;
  };
  EXPECT_EQ(releases({"newest"}), "6.1.0-10-amd64 ");
  EXPECT_EQ(releases({"all"}), "6.1.0-9-amd64 6.1.0-10-amd64 ");
  EXPECT_EQ(releases({"newest", "all", "6.1.0-9-amd64"}), "6.1.0-10-amd64 6.1.0-9-amd64 ");
  const auto running = select_kernels(host_, {"running"});
  ASSERT_FALSE(running);
  EXPECT_EQ(running.error().kind, ErrorKind::usage);
  EXPECT_HAS(running.error().message(), "no kernel runs in");
}

TEST_F(RootTest, HintsSpeakTheDistributionsLanguage) {
  EXPECT_HAS(install_headers_hint(host_, "6.1.0-50-amd64"), "apt install linux-headers-6.1.0-50-amd64");
  EXPECT_HAS(install_headers_hint(host_, "6.18.5-mine"), "otherwise the headers from where the kernel is from");
  EXPECT_HAS(install_headers_hint(host_, "6.8.12-4-pve"), "apt install proxmox-headers-6.8.12-4-pve");
  EXPECT_HAS(install_headers_hint(host_, "6.2.16-20-pve"), "apt install pve-headers-6.2.16-20-pve");
  EXPECT_HAS(install_tool_hint(host_, "ld"), "apt install binutils");
  EXPECT_HAS(install_headers_hint(host_, "6.1.0-50-amd64"), "inside " + root_.path().string());
  os("linuxmint", "ubuntu debian");
  EXPECT_HAS(install_headers_hint(host_, "6.8.0-31-generic"), "apt install linux-headers-6.8.0-31-generic");
  os("cachyos", "arch");
  EXPECT_HAS(install_headers_hint(host_, "6.12.1-arch1-1"), "pacman -S linux-headers ");
  EXPECT_HAS(install_headers_hint(host_, "6.6.50-1-lts"), "pacman -S linux-lts-headers");
  test::put(root_ / "lib/modules/6.12.1-2-cachyos/pkgbase", "linux-cachyos-bore\n");
  EXPECT_HAS(install_headers_hint(host_, "6.12.1-2-cachyos"), "pacman -S linux-cachyos-bore-headers");
  os("fedora");
  EXPECT_HAS(install_headers_hint(host_, "6.8.5-301.fc40.x86_64"), "dnf install kernel-devel-6.8.5-301.fc40.x86_64");
  os("opensuse-leap", "suse opensuse");
  EXPECT_HAS(install_headers_hint(host_, "6.4.0-150600.21-default"), "zypper install kernel-default-devel");
  os("haiku");
  EXPECT_HAS(install_headers_hint(host_, "1.2"), "install the kernel headers for 1.2");
  fs::remove(root_ / "etc/os-release");
  EXPECT_HAS(install_tool_hint(host_, "make"), "install make");
}

TEST(OpenKernel, TheRunningKernelWithoutHeadersIsMissingAndNotUnknown) {
  utsname names{};
  ::uname(&names);
  const auto host = HostPaths::of_this_machine("/").value();
  const auto kernel = open_kernel(host, names.release);
  if (kernel) GTEST_SKIP() << "this machine has its headers";
  EXPECT_EQ(kernel.error().kind, ErrorKind::missing) << kernel.error().message();
  EXPECT_HAS(kernel.error().message(), names.release);
  EXPECT_NE(kernel.error().next, "");
}

TEST(CompilerVersion, IsReadFromWhatDistributionsPrint) {
  const std::pair<const char*, const char*> cases[] = {
      {"gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0", "12.2.0"},
      {"gcc (GCC) 15.1.1 20250425", "15.1.1"},
      {"gcc (GCC) 14.0.1 20240411 (Red Hat 14.0.1-0)", "14.0.1"},
      {"gcc (SUSE Linux) 13.2.1 20240206 [revision 67ac78c]", "13.2.1"},
      {"x86_64-linux-gnu-gcc-13 (Ubuntu 13.2.0-23ubuntu4) 13.2.0", "13.2.0"},
      {"Ubuntu clang version 17.0.6 (9ubuntu1)", "17.0.6"},
      {"clang version 18.1.8", "18.1.8"}};
  for (const auto& [text, version] : cases) {
    const auto found = version_in(text);
    ASSERT_TRUE(found) << text;
    EXPECT_EQ(found->text, version) << text;
  }
  EXPECT_FALSE(version_in("tcc"));
}

TEST(CompilerOf, ReadsTheConfiguration) {
  EXPECT_EQ(compiler_of({{"CONFIG_GCC_VERSION", "100201"}}).value().version.text, "10.2.1");
  EXPECT_EQ(compiler_of({{"CONFIG_CC_VERSION_TEXT", "gcc (GCC) 8.5.0"}}).value().version.text, "8.5.0");
  EXPECT_EQ(compiler_of({{"CONFIG_CC_IS_CLANG", "y"}, {"CONFIG_CLANG_VERSION", "190107"}}).value().version.text,
            "19.1.7");
  EXPECT_FALSE(compiler_of({{"CONFIG_X86", "y"}}));
}

TEST(KernelConfig, QuotedAndBareStringsAreTheSame) {
  const auto config = parse_config(
      "# comment\nCONFIG_A=y\nCONFIG_B=\"a \\\"quoted\\\" text\"\nCONFIG_C=bare "
      "text\nCONFIG_D=n\nCONFIG_E=\"\"\nnonsense\n");
  EXPECT_EQ(config.at("CONFIG_A"), "y");
  EXPECT_EQ(config.at("CONFIG_B"), "a \"quoted\" text");
  EXPECT_EQ(config.at("CONFIG_C"), "bare text");
  EXPECT_FALSE(config.contains("CONFIG_D"));
  EXPECT_EQ(config.at("CONFIG_E"), "");
  EXPECT_EQ(config.size(), 4U);
}

TEST_F(RootTest, APatchLevelAbove255IsKnown) {
  // LINUX_VERSION_CODE has one byte for it; before 5.11 only the Makefile has the number.
  headers("b", "5.10.0-46-amd64");
  test::put(root_ / "b/include/generated/uapi/linux/version.h", "#define LINUX_VERSION_CODE 330495\n");
  test::put(root_ / "s/Makefile", "# SPDX\nVERSION = 5\nPATCHLEVEL = 10\nSUBLEVEL = 262\nEXTRAVERSION =\n");
  EXPECT_EQ(version_of(host_, "/b", "/s")->text, "5.10.262");
  EXPECT_EQ(version_of(host_, "/b", "/b")->text, "5.10.255") << "the last resort";
}

TEST_F(RootTest, SuseAndOutputFoldersNameTheirSource) {
  headers("usr/src/linux-6.4-obj/x86_64/default", "6.4-default");
  fs::remove_all(root_ / "usr/src/linux-6.4-obj/x86_64/default/include/linux");
  test::put(root_ / "usr/src/linux-6.4/include/linux/module.h", "");
  for (const char* makefile : {"include /usr/src/linux-6.4/Makefile\n", "include ../../../linux-6.4/Makefile\n",
                               "KERNELSRC := ../../../linux-6.4\n"}) {
    test::put(root_ / "usr/src/linux-6.4-obj/x86_64/default/Makefile", makefile);
    EXPECT_EQ(source_of(host_, "/usr/src/linux-6.4-obj/x86_64/default"), "/usr/src/linux-6.4") << makefile;
  }
  const auto list = list_kernels(host_);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].release, "6.4-default");
  EXPECT_TRUE(list[0].headers);
}

}  // namespace
}  // namespace vgpukit::kernel
