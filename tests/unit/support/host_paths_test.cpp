#include "support/host_paths.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit {
namespace {

class ScopedEnv {
 public:
  ScopedEnv(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) before_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ScopedEnv(const ScopedEnv&) = delete;
  ScopedEnv& operator=(const ScopedEnv&) = delete;
  ~ScopedEnv() {
    if (before_)
      ::setenv(name_, before_->c_str(), 1);
    else
      ::unsetenv(name_);
  }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(HostPaths, TheHostItself) {
  const auto host = HostPaths::of_this_machine("/").value();
  EXPECT_TRUE(host.is_host());
  EXPECT_EQ(host.in_root("/lib/modules"), "/lib/modules");
  EXPECT_EQ(host.inside("/lib/modules"), "/lib/modules");
  EXPECT_EQ(host.work(), host.cache / "work");
  EXPECT_TRUE(host.cache.is_absolute());
  EXPECT_EQ(host.resolve("/proc/self/root/").value(), "/");
}

TEST(HostPaths, AnotherRoot) {
  const test::TempFolder root;
  const auto host = HostPaths::of_this_machine(root.path().string() + "/./").value();
  EXPECT_FALSE(host.is_host());
  EXPECT_EQ(host.root, root.path());
  EXPECT_EQ(host.in_root("/lib/modules"), root / "lib/modules");
  EXPECT_EQ(host.in_root("lib/modules"), root / "lib/modules");
  EXPECT_EQ(host.inside(root / "lib/modules"), "/lib/modules");
  EXPECT_EQ(host.inside(root.path()), "/");
  EXPECT_EQ(host.work(), root / "tmp") << "a root without /var/tmp";
  fs::create_directories(root / "var/tmp");
  EXPECT_EQ(host.work(), root / "var/tmp");
  EXPECT_NE(host.cache.string().rfind(root.path().string(), 0), 0U) << "the cache stays on this machine";
}

TEST(HostPaths, LinksStayInTheRoot) {
  const test::TempFolder root;
  const auto host = HostPaths::of_this_machine(root.path()).value();
  ASSERT_TRUE(write_file(root / "usr/lib/modules/6.1/file", "x"));
  fs::create_symlink("usr/lib", root / "lib");
  fs::create_symlink("/usr/lib/modules/6.1", root / "absolute");
  fs::create_symlink("../../../../../../usr", root / "climbs");
  fs::create_symlink("loop", root / "loop");
  fs::create_symlink("/absent", root / "dangling");
  EXPECT_EQ(host.resolve("/lib/modules/6.1/file"), root / "usr/lib/modules/6.1/file");
  EXPECT_EQ(host.resolve("/absolute/file"), root / "usr/lib/modules/6.1/file");
  EXPECT_EQ(host.resolve("/climbs/lib"), root / "usr/lib");
  EXPECT_EQ(host.resolve("/absolute/../6.1/file"), root / "usr/lib/modules/6.1/file");
  EXPECT_EQ(host.resolve("/"), root.path());
  EXPECT_EQ(host.resolve("/loop"), std::nullopt);
  EXPECT_EQ(host.resolve("/dangling"), std::nullopt);
  EXPECT_EQ(host.resolve("/absent"), std::nullopt);
}

TEST(HostPaths, ReachFollowsTheFoldersOfAPathThatNeedNotExist) {
  const test::TempFolder root;
  const auto host = HostPaths::of_this_machine(root.path()).value();
  fs::create_directories(root / "elsewhere/lib");
  fs::create_symlink("/elsewhere/lib", root / "lib");
  EXPECT_EQ(host.reach("/lib/modules/6.1/x.ko"), root / "elsewhere/lib/modules/6.1/x.ko");
  EXPECT_EQ(host.reach("/lib"), root / "lib") << "the last name is not followed";
  EXPECT_EQ(host.reach("/etc/../srv/x"), root / "srv/x");
  EXPECT_EQ(HostPaths::of_this_machine("/")->reach("/lib/modules/no-such-release"), "/lib/modules/no-such-release");
}

TEST(HostPaths, ARootThatIsNoFolderIsBadUsage) {
  const test::TempFolder root;
  ASSERT_TRUE(write_file(root / "file", "x"));
  for (const auto& bad : {root / "absent", root / "file"}) {
    const auto host = HostPaths::of_this_machine(bad);
    ASSERT_FALSE(host) << bad;
    EXPECT_EQ(host.error().kind, ErrorKind::usage);
    EXPECT_NE(host.error().message().find(bad.string()), std::string::npos);
  }
}

TEST(HostPaths, TheEnvironmentNamesOtherPlaces) {
  const ScopedEnv cache("VGPUKIT_CACHE", "/somewhere/cache/");
  const ScopedEnv state("VGPUKIT_STATE", "/somewhere/state");
  const ScopedEnv config("VGPUKIT_CONFIG", "relative.yaml");
  const auto host = HostPaths::of_this_machine("/").value();
  EXPECT_EQ(host.cache.lexically_relative("/somewhere/cache"), ".");
  EXPECT_EQ(host.state, "/somewhere/state");
  EXPECT_NE(host.config, "relative.yaml") << "a relative name would depend on the folder that we are in";
}

TEST(NeedRoot, AnOrdinaryUserMayChangeOnlyARootFolderOfTheirOwn) {
  const test::TempFolder folder;
  fs::permissions(folder.path(), fs::perms::all);
  const auto before = ::geteuid();
  const bool dropped = before != 0 || ::seteuid(65534) == 0;
  const auto machine = need_root(HostPaths{}, "load the driver", "run it with sudo; load --dry-run needs no root");
  const auto own = need_root(HostPaths{folder.path(), {}, {}, {}}, "load the driver");
  ASSERT_TRUE(before != 0 || ::seteuid(0) == 0);
  ASSERT_TRUE(dropped);
  EXPECT_TRUE(own);
  ASSERT_FALSE(machine);
  EXPECT_EQ(machine.error().kind, ErrorKind::denied);
  EXPECT_NE(machine.error().message().find("load --dry-run needs no root"), std::string::npos);
}

TEST(ShippedData, ComesFromWhereTheEnvironmentSays) {
  const test::TempFolder folder;
  const ScopedEnv data("VGPUKIT_DATA", folder.path().string());
  const auto none = shipped_data();
  ASSERT_FALSE(none) << "a named folder without recipes must not be skipped silently";
  EXPECT_EQ(none.error().kind, ErrorKind::missing);
  EXPECT_NE(none.error().message().find(folder.path().string()), std::string::npos);
  fs::create_directory(folder / "recipes");
  EXPECT_EQ(shipped_data().value(), folder.path());
}

TEST(ShippedData, ABinaryInABuildFolderUsesItsSourceTree) {
  if (!fs::is_directory(fs::path(VGPUKIT_SOURCE_DIR) / "recipes")) GTEST_SKIP() << "the source tree has no recipes yet";
  ::unsetenv("VGPUKIT_DATA");
  EXPECT_EQ(shipped_data().value(), VGPUKIT_SOURCE_DIR);
}

}  // namespace
}  // namespace vgpukit
