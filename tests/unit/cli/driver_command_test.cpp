// vgpukit driver add|list|info|extract
#include "cli/cli_fixture.hpp"

namespace vgpukit::cli {
namespace {

using driver::testing_driver::general_package;
using driver::testing_driver::make_tarball;
using driver::testing_driver::put;
using driver::testing_driver::vgpu_package;

class DriverCommand : public CommandLine {
 protected:
  std::string package = put(temp / "package", vgpu_package()).string();
};

TEST_F(DriverCommand, AnEmptyStoreSaysHowADriverIsAdded) {
  const auto list = vgpukit({"driver", "list"});
  EXPECT_EQ(list.code, 0);
  EXPECT_THAT(list.out, HasSubstr("is empty; vgpukit driver add FILE"));
  EXPECT_TRUE(json({"driver", "list"})["drivers"].empty());
}

TEST_F(DriverCommand, WhatWasAddedIsListedAndNamedByBranch) {
  const auto added = vgpukit({"driver", "add", package});
  EXPECT_EQ(added.code, 0) << added.err;
  EXPECT_THAT(added.out, StartsWith("NVIDIA 535.247.02 (vgpu-kvm) is in the store: " + (temp / "state").string()));
  EXPECT_THAT(added.out, HasSubstr("\n  vgpukit build 535.247.02\n"));
  const auto list = vgpukit({"driver", "list"});
  EXPECT_THAT(list.out, StartsWith("535.247.02  vgpu-kvm  added "));
  EXPECT_THAT(list.out, HasSubstr(" from " + package));
  const auto document = json({"driver", "list"});
  ASSERT_EQ(document["drivers"].size(), 1U);
  EXPECT_EQ(document["drivers"][0]["version"], "535.247.02");
  EXPECT_EQ(json({"driver", "info", "535.xxx"})["version"], "535.247.02");
}

TEST_F(DriverCommand, AnotherPackageOfTheSameVersionNeedsReplace) {
  ASSERT_EQ(vgpukit({"driver", "add", package}).code, 0);
  EXPECT_EQ(vgpukit({"driver", "add", package}).code, 0) << "the same package again";
  auto files = vgpu_package();
  files["nvidia/nv.c"] = "int another;\n";
  const auto other = put(temp / "other", files).string();
  refused({"driver", "add", other}, {"another package of", "535.247.02", "--replace"});
  EXPECT_EQ(json({"driver", "add", other, "--replace"})["flavour"], "vgpu-kvm");
}

TEST_F(DriverCommand, InfoSaysHowAPackageWasRecognised) {
  const auto info = vgpukit({"driver", "info", package});
  EXPECT_EQ(info.code, 0) << info.err;
  EXPECT_THAT(info.out, StartsWith("NVIDIA 535.247.02 (vgpu-kvm)\n  version from:   Kbuild"));
  EXPECT_THAT(info.out, HasSubstr("nvidia/nv-kernel.o_binary"));
  const auto document = json({"driver", "info", put(temp / "general", general_package()).string()});
  EXPECT_EQ(document["flavour"], "general");
  EXPECT_EQ(document["version"], "535.261.03");
}

TEST_F(DriverCommand, TheReferenceDriverShipsWithVgpukit) {
  const auto document = json({"driver", "info", "reference"});
  EXPECT_EQ(document["flavour"], "vgpu-kvm");
  EXPECT_EQ(document["modules"], (nlohmann::json{"nvidia", "nvidia-vgpu-vfio"}));
}

TEST_F(DriverCommand, BadPackagesAreBadInput) {
  fs::create_directories(temp / "empty");
  refused({"driver", "info", (temp / "empty").string()}, {"conftest.sh"});
  refused({"driver", "add", (temp / "nowhere.run").string()}, {"nowhere.run"});
  refused({"driver", "info", "550.xxx"}, {"550", "vgpukit driver add"});
  test::put(temp / "cut.tar.xz",
            "\xfd"
            "7zXZ and no more");
  refused({"driver", "add", (temp / "cut.tar.xz").string()}, {"cut.tar.xz"});
  EXPECT_TRUE(json({"driver", "list"})["drivers"].empty()) << "nothing half done is left";
}

TEST_F(DriverCommand, ExtractUnpacksATarballIntoANewFolder) {
  const auto tarball = make_tarball(temp / "driver.tar.xz", general_package()).string();
  const auto target = (temp / "unpacked").string();
  const auto done = vgpukit({"driver", "extract", tarball, "--output", target});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "unpacked to " + target + "\n");
  EXPECT_TRUE(fs::exists(temp / "unpacked/modules/nvidia-kernel/conftest.sh"));
  refused({"driver", "extract", tarball, "--output", target}, {"not empty"});
}

}  // namespace
}  // namespace vgpukit::cli
