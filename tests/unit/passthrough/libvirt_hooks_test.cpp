#include "passthrough/libvirt_hooks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "passthrough/boot_host.hpp"

namespace vgpukit::passthrough {
namespace {

using test::BootHost;
using testing::HasSubstr;

TEST(LibvirtHooks, AreWrittenForOneMachineAndRemoved) {
  const BootHost host;
  const auto file = install_hook(host.host, "it's win 11", "0000:01:00.0", false, "/usr/bin/vgpukit", false);
  ASSERT_TRUE(file);
  EXPECT_EQ(*file, "/etc/libvirt/hooks/qemu.d/vgpukit-it's win 11");
  const auto text = host.text(*file);
  EXPECT_THAT(text, HasSubstr("[ \"$1\" = 'it'\\''s win 11' ] || exit 0\n"));
  EXPECT_THAT(text, HasSubstr("prepare/begin) exec '/usr/bin/vgpukit' passthrough bind 0000:01:00.0 --single-gpu"));
  EXPECT_EQ(fs::status(host.host.in_root(*file)).permissions(), fs::perms(0755));
  ASSERT_TRUE(install_hook(host.host, "it's win 11", "0000:02:00.0", true, "/usr/bin/vgpukit", false))
      << "vgpukit's own hook is replaced";
  EXPECT_THAT(host.text(*file), HasSubstr("unbind 0000:02:00.0 --any-device --single-gpu </dev/null ;;\nesac"));
  host.tree.file(file->substr(1), host.text(*file) + "logger started\n");
  EXPECT_THAT(remove_hook(host.host, "it's win 11", false).error().message(), HasSubstr("was changed since"));
  ASSERT_TRUE(remove_hook(host.host, "it's win 11", true));
  EXPECT_FALSE(host.has(*file));
  EXPECT_FALSE(remove_hook(host.host, "it's win 11", false));
}

TEST(LibvirtHooks, AHookThatIsNotVgpukitsStays) {
  const BootHost host;
  host.tree.file("etc/libvirt/hooks/qemu.d/vgpukit-win", "#!/bin/bash\n");
  EXPECT_FALSE(install_hook(host.host, "win", "0000:01:00.0", false, "vgpukit", false));
  EXPECT_EQ(host.text("/etc/libvirt/hooks/qemu.d/vgpukit-win"), "#!/bin/bash\n");
  for (const auto* name : {"", "a/b", ".hidden", "two\nlines"})
    EXPECT_FALSE(install_hook(host.host, name, "x", false, "vgpukit", false));
}

}  // namespace
}  // namespace vgpukit::passthrough
