#include "driver/driver.hpp"

#include <sys/stat.h>

#include <chrono>

#include "driver/driver_fixtures.hpp"
#include "driver/identify.hpp"

namespace vgpukit::driver {
namespace {

using namespace testing_driver;

using Names = std::vector<std::string>;

class Open : public OpensDrivers {
 protected:
  fs::path place = machine.folder / "NVIDIA-Linux-x86_64-999.99.99-grid";
};

// ---- version ----

TEST_F(Open, TheVersionComesFromKbuildNotFromTheFolder) {
  put(place, general_package("535.261.03"));
  const auto driver = open(place);
  EXPECT_EQ(driver.version.text, "535.261.03");
  EXPECT_EQ(driver.version_from, "Kbuild:3");
  EXPECT_EQ(driver.flavour, Flavour::general);
  EXPECT_EQ(driver.path, place);
  EXPECT_EQ(driver.sources, place);
}

TEST_F(Open, TheVersionCanComeFromTheManifestBesideKernel) {
  auto files = general_package();
  files["Kbuild"] = "ccflags-y += -DX\n";
  put(place / "kernel", files);
  write(place / ".manifest", "NVIDIA Accelerated Graphics Driver for Linux-x86_64\n535.247.02\n \nnvidia\n");
  EXPECT_EQ(open(place).version.text, "535.247.02");
  EXPECT_EQ(open(place / "kernel/").version_from, "../.manifest:2");
}

TEST_F(Open, TheManifestOfAnotherFolderDoesNotCount) {
  put(place / "mine", general_package("535.261.03"));
  write(place / ".manifest", "something\n1.2.3\n");
  EXPECT_EQ(open(place / "mine").version.text, "535.261.03");
}

TEST_F(Open, TheVersionCanComeFromDkmsConf) {
  auto files = general_package();
  files["Kbuild"] = "# -DNV_VERSION_STRING=\\\"1.2.3\\\"\n";
  files["dkms.conf"] = "PACKAGE_NAME=\"nvidia\"\n#PACKAGE_VERSION=\"2.3\"\nPACKAGE_VERSION=\"535.261.03-1~deb12u1\"\n";
  const auto driver = open(put(place, files));
  EXPECT_EQ(driver.version.text, "535.261.03");
  EXPECT_EQ(driver.version_from, "dkms.conf:3");
}

TEST_F(Open, TheVersionCanComeFromTheOpenSources) {
  auto files = open_package();
  files["Kbuild"] = "ccflags-y += -DX\n";
  put(place / "kernel-open", files);
  write(place / "src/common/inc/nvUnixVersion.h",
        "#if 1\n#define NV_VERSION_STRING               \"550.163.01\"\n#endif\n");
  EXPECT_EQ(open(place).version.text, "550.163.01");
  EXPECT_EQ(open(place).version_from, "../src/common/inc/nvUnixVersion.h:2");
}

TEST_F(Open, APlaceholderIsNoVersion) {
  auto files = general_package();
  files["Kbuild"] = "ccflags-y += -DX\n";
  expect_refused(put(place, files), {"no file has it", "dkms.conf:2", "__VERSION_STRING"});
}

TEST_F(Open, TwoVersionsAreRefusedWithBothPlaces) {
  put(place / "kernel", general_package("535.261.03"));
  write(place / ".manifest", "NVIDIA Accelerated Graphics Driver for Linux-x86_64\n535.247.02\n");
  expect_refused(place, {"different versions", (place / "kernel/Kbuild").string() + ":3 has 535.261.03",
                         (place / ".manifest").string() + ":2 has 535.247.02"});
}

// ---- flavour ----

TEST_F(Open, AVgpuFolderMakesAHostDriver) {
  auto files = general_package();
  files["nvidia-vgpu-vfio/nvidia-vgpu-vfio.Kbuild"] = "";
  const auto driver = open(put(place, files));
  EXPECT_EQ(driver.flavour, Flavour::vgpu_kvm);
  EXPECT_EQ(driver.flavour_from, "nvidia-vgpu-vfio/ is part of the package");
}

TEST_F(Open, ConftestMakesAHostDriver) {
  auto files = general_package();
  files["conftest.sh"] += "VGX_KVM_BUILD=1\n";
  const auto driver = open(put(place, files));
  EXPECT_EQ(driver.flavour, Flavour::vgpu_kvm);
  EXPECT_EQ(driver.flavour_from, "conftest.sh:6 sets VGX_KVM_BUILD");
}

TEST_F(Open, KbuildMakesAHostDriver) {
  auto files = general_package();
  files["Kbuild"] += "ccflags-y += -DNV_VGPU_KVM_BUILD\n";
  EXPECT_EQ(open(put(place, files)).flavour, Flavour::vgpu_kvm);
}

TEST_F(Open, TheMarkOfAHostPackageMakesAHostDriver) {
  put(place / "kernel", general_package());
  write(place / "is_vgpu_host_package.txt", "");
  EXPECT_EQ(open(place).flavour, Flavour::vgpu_kvm);
}

struct GridCase {
  const char* file;
  const char* line;
  Flavour flavour;
};
class Grid : public Open, public ::testing::WithParamInterface<GridCase> {};

TEST_P(Grid, IsDecidedBySetting) {
  auto files = general_package();
  files[GetParam().file] += GetParam().line;
  EXPECT_EQ(open(put(place, files)).flavour, GetParam().flavour) << GetParam().line;
}

INSTANTIATE_TEST_SUITE_P(
    Lines, Grid,
    ::testing::Values(GridCase{"conftest.sh", "GRID_BUILD=1\n", Flavour::grid},
                      GridCase{"conftest.sh", "    GRID_BUILD=1\n", Flavour::grid},
                      GridCase{"conftest.sh", "[ \"$GRID_BUILD\" ] || GRID_BUILD=1\n", Flavour::grid},
                      GridCase{"conftest.sh", "# GRID_BUILD=1\n", Flavour::general},
                      GridCase{"conftest.sh", "GRID_BUILD=\n", Flavour::general},
                      GridCase{"conftest.sh", "GRID_BUILD=\"\"\n", Flavour::general},
                      GridCase{"conftest.sh", "MY_GRID_BUILD=1\n", Flavour::general},
                      GridCase{"conftest.sh", "[ $GRID_BUILD = 1 ] && x\n", Flavour::general},
                      GridCase{"dkms.conf", "MAKE[0]=\"'make' GRID_BUILD=1 GRID_BUILD_CSP=1 modules\"\n",
                               Flavour::grid},
                      GridCase{"Kbuild", "export GRID_BUILD := 1\n", Flavour::grid},
                      GridCase{"Kbuild", "ifeq ($(GRID_BUILD),1)\nendif\n", Flavour::general},
                      GridCase{"Kbuild", "ccflags-y += -DNV_GRID_BUILD\n", Flavour::grid}));

TEST_F(Open, AMergedPackageIsAHostDriver) {
  auto files = vgpu_package();
  files["conftest.sh"] += "GRID_BUILD=1\n";
  EXPECT_EQ(open(put(place, files)).flavour, Flavour::vgpu_kvm);
}

TEST_F(Open, TheLicenseMakesAnOpenDriver) {
  const auto driver = open(put(place, open_package()));
  EXPECT_EQ(driver.flavour, Flavour::open);
  EXPECT_EQ(driver.flavour_from, "nvidia/nv.c:1 has the license Dual MIT/GPL");
}

// nvidia-uvm is Dual MIT/GPL in the closed driver as well.
TEST_F(Open, TheLicenseOfAnotherModuleDoesNotMakeAnOpenDriver) {
  auto files = general_package();
  files["nvidia-uvm/uvm.c"] = "MODULE_LICENSE(\"Dual MIT/GPL\");\n";
  EXPECT_EQ(open(put(place, files)).flavour, Flavour::general);
}

TEST_F(Open, OfOpenAndClosedModulesTheWantedOnesAreTaken) {
  put(place / "kernel", general_package("550.163.01"));
  put(place / "kernel-open", open_package("550.163.01"));
  const auto closed = open(place);
  EXPECT_EQ(closed.sources, place / "kernel");
  EXPECT_TRUE(contains(closed.flavour_from, "open modules are in kernel-open/")) << closed.flavour_from;
  const auto opened = open(place, true);
  EXPECT_EQ(opened.sources, place / "kernel-open");
  EXPECT_EQ(opened.flavour, Flavour::open);
}

// ---- modules and binary objects ----

TEST_F(Open, ModulesStandInTheOrderOfTheMakefile) {
  auto files = vgpu_package();
  EXPECT_EQ(open(put(place, files)).modules, (Names{"nvidia", "nvidia-uvm", "nvidia-vgpu-vfio", "nvidia-modeset"}));
  write(place / "Makefile", "NV_KERNEL_MODULES ?= $(wildcard nvidia-modeset nvidia nvidia-new)\n");
  EXPECT_EQ(open(place).modules, (Names{"nvidia-modeset", "nvidia"}));
  fs::remove(place / "Makefile");
  EXPECT_EQ(open(place).modules, (Names{"nvidia", "nvidia-uvm", "nvidia-vgpu-vfio", "nvidia-modeset"}));
}

struct EditedMakefile {
  const char* file;
  const char* text;
};
class Edited : public Open, public ::testing::WithParamInterface<EditedMakefile> {};

// Somebody does not want nvidia-vgpu-vfio, but has left its folder.
TEST_P(Edited, LeavesAModuleOut) {
  auto files = vgpu_package();
  files["Kbuild"] +=
      "$(foreach _module, $(NV_KERNEL_MODULES), \\\n $(eval include $(src)/$(_module)/$(_module).Kbuild))\n";
  ASSERT_EQ(open(put(place, files)).modules, (Names{"nvidia", "nvidia-uvm", "nvidia-vgpu-vfio", "nvidia-modeset"}));
  write(place / GetParam().file, GetParam().text);
  const auto driver = open(place);
  EXPECT_EQ(driver.modules, (Names{"nvidia", "nvidia-uvm", "nvidia-modeset"})) << GetParam().text;
  EXPECT_EQ(driver.flavour, Flavour::vgpu_kvm);
}

INSTANTIATE_TEST_SUITE_P(
    Files, Edited,
    ::testing::Values(
        EditedMakefile{"Makefile", "NV_KERNEL_MODULES ?= $(wildcard nvidia nvidia-uvm nvidia-modeset)\n"},
        EditedMakefile{"Makefile", "NV_KERNEL_MODULES := nvidia nvidia-uvm \\\n  nvidia-modeset\n"},
        EditedMakefile{"Makefile", "# NV_KERNEL_MODULES := nvidia\nNV_EXCLUDE_KERNEL_MODULES ?= nvidia-vgpu-vfio\n"},
        EditedMakefile{"Makefile",
                       "NV_KERNEL_MODULES ?= $(wildcard nvidia nvidia-uvm nvidia-vgpu-vfio nvidia-modeset)\n"
                       "NV_KERNEL_MODULES := $(filter-out nvidia-vgpu-vfio $(NV_EXCLUDE_KERNEL_MODULES), \\\n"
                       "                                  $(NV_KERNEL_MODULES))\n"},
        EditedMakefile{"Kbuild",
                       "ccflags-y += -DNV_VERSION_STRING=\\\"535.247.02\\\"\n"
                       "$(foreach _module, $(filter-out nvidia-vgpu-vfio, $(NV_KERNEL_MODULES)), \\\n"
                       " $(eval include $(src)/$(_module)/$(_module).Kbuild))\n"},
        EditedMakefile{"Kbuild",
                       "ccflags-y += -DNV_VERSION_STRING=\\\"535.247.02\\\"\n"
                       "include $(src)/nvidia/nvidia.Kbuild\ninclude $(src)/nvidia-uvm/nvidia-uvm.Kbuild\n"
                       "#include $(src)/nvidia-vgpu-vfio/nvidia-vgpu-vfio.Kbuild\n"
                       "include $(src)/nvidia-modeset/nvidia-modeset.Kbuild\n"}));

TEST_F(Open, NoModuleAtAllIsRefused) {
  write(place / "Kbuild", "ccflags-y += -DNV_VERSION_STRING=\\\"535.1\\\"\n");
  write(place / "conftest.sh", "");
  expect_refused(place, {"none of the folders nvidia"});
}

TEST_F(Open, BinaryObjectsAreThereOrMissed) {
  auto files = general_package();
  files.erase("nvidia/nv-kernel.o_binary");
  const auto driver = open(put(place, files));
  EXPECT_EQ(driver.binary_objects, (Names{"nvidia-modeset/nv-modeset-kernel.o_binary"}));
  EXPECT_EQ(driver.missing_binary_objects, (Names{"nvidia/nv-kernel.o_binary"}));
}

// The open modules' own Makefile creates a link to its output.
TEST_F(Open, ALinkedBinaryObjectCountsWhenItLeadsSomewhere) {
  auto files = open_package();
  files.erase("nvidia/nv-kernel.o_binary");
  put(place / "kernel-open", files);
  fs::create_symlink("../../src/nv-kernel.o", place / "kernel-open/nvidia/nv-kernel.o_binary");
  EXPECT_EQ(open(place).missing_binary_objects, (Names{"nvidia/nv-kernel.o_binary"}));
  write(place / "src/nv-kernel.o", "binary");
  EXPECT_EQ(open(place).missing_binary_objects, Names{});
}

// ---- content ----

TEST_F(Open, TheContentIsThatOfTheSources) {
  put(place, general_package());
  const auto content = open(place).content;
  EXPECT_EQ(content.size(), 32u);
  for (const char* name :
       {"nvidia/nv.o", "nvidia.ko", "nvidia.mod", "nvidia.mod.c", "Module.symvers", "modules.order", "nv_compiler.h",
        "conftest/functions.h", "conftest4711.c", "conftest4711", ".git/HEAD", ".nvidia.ko.cmd", "nvidia/.nv.o.d"})
    write(place / name, "build output");
  EXPECT_EQ(open(place).content, content);

  const auto changes = [&](const fs::path& path, const std::string& text) {
    const auto old = fs::exists(path) ? read(path) : "";
    write(path, text);
    EXPECT_NE(open(place).content, content) << path;
    fs::remove(path);
    if (!old.empty()) write(path, old);
    EXPECT_EQ(open(place).content, content) << path;
  };
  changes(place / "nvidia/nv.c", "int nw;\n");
  changes(place / "nvidia/new.c", "");
  changes(place / "conftest.sh", general_package()["conftest.sh"] + " ");
  changes(place / "conftests.h", "x");

  fs::rename(place / "nvidia/nv.c", place / "nvidia/nv.cc");  // the same bytes in the same order
  EXPECT_NE(open(place).content, content);
}

// ---- folders without a driver ----

TEST_F(Open, SourcesAreFoundFourLevelsDownAndNoFurther) {
  put(place / "usr/src/nvidia/x", general_package());
  EXPECT_EQ(open(place).sources, place / "usr/src/nvidia/x");
  expect_refused(place / "..", {"no folder with conftest.sh and Kbuild"});
}

TEST_F(Open, TheReasonSaysWhatIsThere) {
  expect_refused(place, {place.string(), "no such file or folder"});
  write(place / "README", "");
  expect_refused(place, {"no folder with conftest.sh and Kbuild", "README"});
  fs::create_directories(machine.folder / "empty");
  expect_refused(machine.folder / "empty", {"it is empty"});
}

TEST_F(Open, AnIncompleteDriverIsNamed) {
  auto files = general_package();
  files.erase("Kbuild");
  put(place / "kernel", files);
  expect_refused(place, {"kernel has conftest.sh, but no Kbuild", "unpack it again"});
}

// amdgpu's package for dkms has no Kbuild; other drivers have one, or a conftest.sh of their own.
TEST_F(Open, ADriverOfAnotherVendorIsRefused) {
  Files files = {{"Makefile", "obj-m += amdgpu.o\n"},
                 {"dkms.conf", "PACKAGE_NAME=\"amdgpu\"\nPACKAGE_VERSION=\"6.10.5-2109964\"\n"},
                 {"amd/amdgpu/amdgpu_drv.c", "int amdgpu;\n"}};
  expect_refused(put(place, files), {"no folder with conftest.sh and Kbuild", "it has Makefile, amd, dkms.conf"});
  files["Kbuild"] = "obj-m += i915.o\n";
  expect_refused(put(place, files), {"no folder with conftest.sh and Kbuild", "it has Kbuild, Makefile, amd, dkms"});
  files["conftest.sh"] = "#!/bin/sh\n";
  expect_refused(put(place, files), {"it has none of the folders nvidia", "name NVIDIA's driver"});
}

TEST_F(Open, AnInstallerInTheFolderIsNamed) {
  const auto run = place / "NVIDIA-Linux-x86_64-535.247.02-vgpu-kvm.run";
  write(run, "#! /bin/sh\n# makeself\nskip=1200\n");
  expect_refused(place, {run.string(), "name that file"});
}

TEST_F(Open, SeveralDriversAreNamed) {
  put(place / "src/nvidia-535", general_package());
  put(place / "src/nvidia-470", general_package("470.256.02"));
  expect_refused(place, {"more than one driver", (place / "src/nvidia-470").string(),
                         (place / "src/nvidia-535").string(), "name one of them"});
}

TEST_F(Open, APipeIsRefused) {
  fs::create_directories(place);
  ASSERT_EQ(::mkfifo((place / "pipe").c_str(), 0600), 0);
  expect_refused(place / "pipe", {"neither a folder nor a file"});
}

TEST(Flavours, HaveNamesBothWays) {
  for (const auto flavour : {Flavour::vgpu_kvm, Flavour::grid, Flavour::general, Flavour::open})
    EXPECT_EQ(flavour_from(flavour_name(flavour)), flavour);
  EXPECT_EQ(flavour_name(Flavour::vgpu_kvm), "vgpu-kvm");
  EXPECT_EQ(flavour_from("vgpu"), std::nullopt);
}

// ---- packages that were made to do harm ----

TEST_F(Open, ALinkOutOfThePackageShowsNothing) {
  auto files = general_package();
  files.erase("nvidia/nv-kernel.o_binary");
  put(place / "package", files);
  write(place / "secret", "password");
  fs::create_symlink("../../secret", place / "package/nvidia/nv-kernel.o_binary");
  expect_refused(place / "package", {"it is a link to a file outside of the package"});
  fs::remove(place / "package/nvidia/nv-kernel.o_binary");
  fs::create_symlink(place / "secret", place / "package/is_vgpu_host_package.txt");
  EXPECT_TRUE(package_files(place / "package").empty());
}

TEST_F(Open, ABinaryObjectIsInThePackage) {
  auto files = general_package();
  files["nvidia/nvidia.Kbuild"] += "X := $(src)//tmp/x.o_binary $(src)/../up.o_binary $(src)/a/../../up.o_binary\n";
  EXPECT_EQ(open(put(place, files)).missing_binary_objects, Names{});
}

TEST_F(Open, ASourceFileHasALimit) {
  put(place, general_package());
  fs::resize_file(place / "nvidia/nv.c", 3ULL << 30);
  expect_refused(place, {"it is larger than 8 MiB"});
}

TEST_F(Open, ABinaryObjectHasALimit) {
  put(place, general_package());
  fs::resize_file(place / "nvidia/nv-kernel.o_binary", 3ULL << 30);
  expect_refused(place, {"it is larger than 512 MiB"});
}

TEST_F(Open, OnlyTheBytesTellTwoPackagesApart) {
  put(place / "a", general_package());
  auto files = general_package();
  files["nvidia/nv-kernel.o_binary"] = "BINARY";
  put(place / "b", files);
  const auto object = [&](const char* package) { return place / package / "nvidia/nv-kernel.o_binary"; };
  fs::last_write_time(object("b"), fs::last_write_time(object("a")));
  fs::copy(place / "a", place / "c", fs::copy_options::recursive);
  EXPECT_NE(open(place / "a").content, open(place / "b").content);
  EXPECT_EQ(open(place / "a").content, open(place / "c").content);
}

// Its owner may exchange a file while it is compiled: what comes out must not count as built from the original.
TEST_F(Open, AFolderThatOthersCanChangeIsNoCopyOfAPackage) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  for (const auto* part : {"a", "b", "c"}) put(place / part, general_package());
  ASSERT_EQ(::chown((place / "b").c_str(), 65534, 65534), 0);
  ASSERT_EQ(::chown((place / "c/nvidia/nv.c").c_str(), 65534, 65534), 0);
  EXPECT_NE(open(place / "a").content, open(place / "b").content);
  EXPECT_NE(open(place / "a").content, open(place / "c").content);
  EXPECT_EQ(open(place / "b").content, open(place / "b").content);
}

// dkms runs dkms.conf as a shell script.
TEST_F(Open, AModuleHasAPlainName) {
  auto files = general_package();
  files["Makefile"] = "NV_KERNEL_MODULES ?= $(wildcard nvidia nvidia`id` nvidia/../x nvidia$IFS)\n";
  put(place, files);
  for (const auto* name : {"nvidia`id`", "x", "nvidia$IFS"}) fs::create_directories(place / name);
  EXPECT_EQ(open(place).modules, Names{"nvidia"});
}

}  // namespace
}  // namespace vgpukit::driver
