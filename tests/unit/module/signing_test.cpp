#include "module/signing.hpp"

#include <gtest/gtest.h>

#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::module {
namespace {

TEST(SigningKey, OfTheConfigurationThenDkmsThenUbuntu) {
  const test::TempFolder folder;
  HostPaths host;
  host.root = folder.path();
  const auto put = [&](const fs::path& path, const std::string& text) {
    ASSERT_TRUE(write_file(host.in_root(path), text));
  };
  EXPECT_FALSE(*signing_key(host));
  put("/var/lib/dkms/mok.key", "k");
  EXPECT_FALSE(*signing_key(host)) << "without the certificate";
  put("/var/lib/dkms/mok.pub", "c");
  EXPECT_EQ((*signing_key(host))->from, "dkms");
  put("/var/lib/shim-signed/mok/MOK.priv", "k");
  put("/var/lib/shim-signed/mok/MOK.der", "c");
  EXPECT_EQ((*signing_key(host))->from, "Ubuntu");
  put("/etc/dkms/framework.conf", "# mok_signing_key=/no\nmok_signing_key=\"/k\"\nmok_certificate='/c'  # mine\n");
  EXPECT_EQ((*signing_key(host))->from, "Ubuntu") << "the files do not exist";
  put("/k", "k");
  put("/c", "c");
  EXPECT_EQ((*signing_key(host))->certificate, "/c");
  put("/etc/vgpukit/config.yaml", "signing: {key: /k2, certificate: /c}\n");
  ASSERT_FALSE(signing_key(host)) << "a configured key that does not exist is an error";
  put("/k2", "k");
  EXPECT_EQ((*signing_key(host))->key, "/k2");
}

}  // namespace
}  // namespace vgpukit::module
