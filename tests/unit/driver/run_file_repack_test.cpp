// A repacked installer passes its own --check and differs from the old one only in the changes.
#include "driver/run_file_repack.hpp"

#include "driver/driver_store.hpp"
#include "driver/manifest.hpp"
#include "driver/run_file.hpp"
#include "driver/run_file_fixtures.hpp"
#include "driver/run_file_zip.hpp"
#include "support/process.hpp"

namespace vgpukit::driver {
namespace run_file_repack_test {

using namespace testing_driver;

// ---- .manifest ----

const std::string kManifest =
    "NVIDIA\n535.1\nx\nnvidia\nx\nx\nkernel\nx\n"
    "kernel/Kbuild 0644 KERNEL_MODULE_SRC INHERIT_PATH_DEPTH:1 MODULE:resman\n"
    "kernel/nvidia/nv.c 0644 KERNEL_MODULE_SRC INHERIT_PATH_DEPTH:1 MODULE:resman\n"
    "kernel/nvidia-vgpu-vfio/a.c 0644 KERNEL_MODULE_SRC INHERIT_PATH_DEPTH:1 MODULE:vgpu\n"
    "kernel/dkms.conf 0644 DKMS_CONF INHERIT_PATH_DEPTH:1 MODULE:resman\n"
    "libx.so 0755 VGX_LIB MODULE:vgpu\n";

TEST(Manifest, ItsKernelFilesAreThoseOfDkms) {
  EXPECT_EQ(Manifest(kManifest).kernel_files(),
            (std::vector<std::string>{"kernel/Kbuild", "kernel/nvidia/nv.c", "kernel/nvidia-vgpu-vfio/a.c",
                                      "kernel/dkms.conf"}));
  EXPECT_TRUE(Manifest("kernel/Kbuild 0644 KERNEL_MODULE_SRC\n").kernel_files().empty())
      << "the first eight lines are no entries";
}

TEST(Manifest, ANewFileIsLikeItsNeighbour) {
  Manifest manifest(kManifest);
  manifest.add_source("kernel/nvidia-vgpu-vfio/b.c");
  manifest.add_source("kernel/nvidia/nv.c");  // there already
  auto wanted = kManifest;
  const std::string before = "kernel/dkms.conf";
  wanted.insert(wanted.find(before),
                "kernel/nvidia-vgpu-vfio/b.c 0644 KERNEL_MODULE_SRC INHERIT_PATH_DEPTH:1 MODULE:vgpu\n");
  EXPECT_EQ(manifest.text(), wanted);
}

TEST(Manifest, AnEntryCanStandAtTheEnd) {
  auto cut = kManifest.substr(0, kManifest.find("kernel/nvidia-vgpu"));
  for (const bool newline : {true, false}) {
    Manifest manifest(newline ? cut : cut.substr(0, cut.size() - 1));
    manifest.add_source("kernel/nvidia/new.c");
    EXPECT_EQ(manifest.text(), cut + "kernel/nvidia/new.c 0644 KERNEL_MODULE_SRC INHERIT_PATH_DEPTH:1 MODULE:resman\n");
  }
  Manifest none("a\nb\n");
  none.add_source("kernel/x.c");
  EXPECT_EQ(none.text(), "a\nb\nkernel/x.c 0644 KERNEL_MODULE_SRC INHERIT_PATH_DEPTH:1\n");
}

TEST(Manifest, ARemovedFileGoes) {
  Manifest manifest(kManifest);
  manifest.remove("kernel/nvidia/nv.c");
  manifest.remove("kernel/nvidia/nv");
  auto wanted = kManifest;
  const std::string line = "kernel/nvidia/nv.c 0644 KERNEL_MODULE_SRC INHERIT_PATH_DEPTH:1 MODULE:resman\n";
  wanted.erase(wanted.find(line), line.size());
  EXPECT_EQ(manifest.text(), wanted);
}

TEST(Manifest, AllEntriesOfARemovedFileGo) {
  Manifest manifest(kManifest + "kernel/nvidia/nv.c 0644 KERNEL_MODULE_SRC\n");
  manifest.remove("kernel/nvidia/nv.c");
  EXPECT_FALSE(manifest.has("kernel/nvidia/nv.c"));
  EXPECT_TRUE(manifest.text().ends_with("libx.so 0755 VGX_LIB MODULE:vgpu\n"));
}

TEST(Manifest, ANeighbourMayBeIndented) {
  Manifest manifest(kManifest + "  kernel/a/b/x.c 0600 KERNEL_MODULE_SRC\n");
  manifest.add_source("kernel/a/b/y.c");
  EXPECT_TRUE(manifest.text().ends_with("\nkernel/a/b/y.c 0600 KERNEL_MODULE_SRC\n")) << manifest.text();
}

// ---- the installer ----

class Repack : public ::testing::Test {
 protected:
  Driver open(const fs::path& path) {
    auto driver = open_driver(machine.host, path);
    if (!driver) {
      ADD_FAILURE() << driver.error().message();
      return {};
    }
    return std::move(*driver);
  }

  int run_program(const std::vector<std::string>& argv) {
    Command command;
    command.argv = argv;
    const auto outcome = run(command);
    EXPECT_TRUE(outcome);
    return outcome ? outcome->status : -1;
  }

  Files unpacked(const fs::path& run, const std::string& name) {
    const auto folder = machine.folder / name;
    const auto done = unpack_package({run, {}}, folder);
    EXPECT_TRUE(done) << done.error().message();
    Files files;
    for (const auto& path : listing(folder))
      if (fs::is_regular_file(folder / path)) files[path] = read(folder / path);
    return files;
  }

  // Only the edits are different.
  void expect_repacked(const fs::path& from, const fs::path& to) {
    auto before = unpacked(from, "before-" + to.filename().string());
    auto after = unpacked(to, "after-" + to.filename().string());
    EXPECT_EQ(after["kernel/nvidia/nv.c"], "int changed;\n");
    EXPECT_EQ(after["kernel/nvidia/new.c"], "int added;\n");
    EXPECT_FALSE(after.contains("kernel/nvidia-uvm/nvidia-uvm.Kbuild"));
    const auto named = Manifest(after[".manifest"]).kernel_files();
    EXPECT_EQ(std::count(named.begin(), named.end(), "kernel/nvidia/new.c"), 1);
    EXPECT_EQ(std::count(named.begin(), named.end(), "kernel/nvidia-uvm/nvidia-uvm.Kbuild"), 0);
    EXPECT_EQ(std::count(named.begin(), named.end(), "kernel/nvidia/nv.c"), 1);
    for (const char* changed :
         {"kernel/nvidia/nv.c", "kernel/nvidia/new.c", "kernel/nvidia-uvm/nvidia-uvm.Kbuild", ".manifest"}) {
      before.erase(changed);
      after.erase(changed);
    }
    EXPECT_EQ(before, after);
    const auto opened = open(to);  // .manifest names all kernel files
    EXPECT_EQ(opened.version.text, "535.247.02");
    EXPECT_EQ(read(opened.sources / "nvidia/new.c"), "int added;\n");
  }

  RunningSystem machine;
  SourceEdits edits = {{"nvidia/nv.c", "int changed;\n"},
                       {"nvidia/new.c", "int added;\n"},
                       {"nvidia-uvm/nvidia-uvm.Kbuild", std::nullopt}};
};

struct Kind {
  const char* name;
  const char* unpack;
};
class RepackKind : public Repack, public ::testing::WithParamInterface<Kind> {};

TEST_P(RepackKind, NvidiasLayoutAcceptsItself) {
  for (const bool old_order : {false, true}) {
    const auto from = machine.folder / (old_order ? "old.run" : "new.run");
    const auto to = machine.folder / (old_order ? "old-patched.run" : "new-patched.run");
    write(from,
          nvidia_run(payload_of(run_package(vgpu_package()), GetParam().name),
                     {.unpack = GetParam().unpack, .decompressor = "a program\nof lines\n\n", .old_order = old_order}));
    ASSERT_EQ(run_program({"sh", from.string(), "--check"}), 0) << "the material is wrong";
    const auto done = repack_run_file(open(from), edits, to);
    ASSERT_TRUE(done) << done.error().message();
    expect_repacked(from, to);
    EXPECT_EQ(run_program({"sh", to.string(), "--check"}), 0);
    EXPECT_EQ(read_run_header(to)->compression, GetParam().name);
    if (!find_program(std::string_view(GetParam().unpack).substr(0, std::string_view(GetParam().unpack).find(' '))))
      continue;
    const auto by_shell = machine.folder / (to.filename().string() + ".d");
    fs::create_directories(by_shell);
    EXPECT_EQ(run_program({"sh", to.string(), "--extract-only", by_shell.string()}), 0);
    EXPECT_EQ(read(by_shell / "kernel/nvidia/new.c"), "int added;\n");
  }
}

INSTANTIATE_TEST_SUITE_P(All, RepackKind,
                         ::testing::Values(Kind{"xz", "xz -d"}, Kind{"zstd", "zstd -d"}, Kind{"gzip", "gzip -cd"},
                                           Kind{"bzip2", "bzip2 -d"}, Kind{"none", "cat"}),
                         [](const auto& kind) { return kind.param.name; });

TEST_F(Repack, MakeselfsLayoutIsCorrected) {
  for (const bool skip_key : {true, false}) {
    const auto from = machine.folder / (skip_key ? "a.run" : "b.run");
    const auto to = machine.folder / (skip_key ? "a2.run" : "b2.run");
    write(from, makeself_run(payload_of(run_package(vgpu_package())), skip_key));
    const auto done = repack_run_file(open(from), edits, to);
    ASSERT_TRUE(done) << done.error().message();
    expect_repacked(from, to);
  }
}

// The --check of Debian's makeself accepts it.
TEST_F(Repack, WhatMakeselfMadeAcceptsItself) {
  if (!find_program("makeself")) GTEST_SKIP() << "makeself is not installed";
  const auto package = machine.folder / "package";
  for (const auto& [name, text] : run_package(vgpu_package())) write(package / name, text);
  fs::permissions(package / "nvidia-installer", fs::perms::owner_all);
  for (const char* sums : {"--sha256", "--nocrc", "--nomd5"}) {
    const auto from = machine.folder / (std::string("from") + sums + ".run");
    const auto to = machine.folder / (std::string("to") + sums + ".run");
    ASSERT_EQ(run_program({"makeself", "--quiet", "--nox11", sums, "--xz", package.string(), from.string(),
                           "NVIDIA driver for Linux-x86_64 535.247.02", "./nvidia-installer"}),
              0);
    const auto done = repack_run_file(open(from), edits, to);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_EQ(run_program({"sh", to.string(), "--check"}), 0) << sums;
    expect_repacked(from, to);
  }
}

TEST_F(Repack, ItCanComeFromAZipAndFromTheStore) {
  const auto path = machine.folder / "portal.zip";
  ArchiveWriter(path, "none", "zip")
      .file("Host_Drivers/x-vgpu-kvm.run", nvidia_run(payload_of(run_package(vgpu_package()))));
  const auto driver = open(path);
  const auto done = repack_run_file(driver, edits, machine.folder / "from-zip.run");
  ASSERT_TRUE(done) << done.error().message();
  ASSERT_TRUE(DriverStore(machine.host).add(driver));
  const auto stored = find_driver(machine.host, "535.247.02");
  ASSERT_TRUE(stored);
  ASSERT_TRUE(repack_run_file(*stored, edits, machine.folder / "from-store.run"));
  EXPECT_EQ(read(machine.folder / "from-zip.run"), read(machine.folder / "from-store.run"));
}

TEST_F(Repack, ItCanBeRepackedAgain) {
  const auto from = machine.folder / "a.run";
  write(from, nvidia_run(payload_of(run_package(vgpu_package()))));
  ASSERT_TRUE(repack_run_file(open(from), edits, machine.folder / "b.run"));
  const auto done =
      repack_run_file(open(machine.folder / "b.run"), {{"nvidia/new.c", "int again;\n"}}, machine.folder / "c.run");
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(run_program({"sh", (machine.folder / "c.run").string(), "--check"}), 0);
  EXPECT_EQ(read(open(machine.folder / "c.run").sources / "nvidia/new.c"), "int again;\n");
}

TEST_F(Repack, WhatIsThereIsNotOverwritten) {
  const auto from = machine.folder / "a.run";
  write(from, nvidia_run(payload_of(run_package(vgpu_package()))));
  write(machine.folder / "b.run", "mine");
  const auto done = repack_run_file(open(from), edits, machine.folder / "b.run");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::usage);
  EXPECT_EQ(read(machine.folder / "b.run"), "mine");
}

TEST_F(Repack, AFolderIsNoInstaller) {
  const auto done = repack_run_file(open(put(machine.folder / "d", vgpu_package())), edits, machine.folder / "b.run");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::usage);
  EXPECT_TRUE(contains(done.error().message(), "is not from an installer")) << done.error().message();
}

TEST_F(Repack, AFullDiskLeavesNothing) {
  const auto from = machine.folder / "out/a.run";
  auto files = run_package(vgpu_package());
  files.emplace_back("user-space", std::string(300'000, 'u'));
  write(from, nvidia_run(payload_of(files, "none"), {.unpack = "cat"}));
  const auto driver = open(from);
  const auto done = [&] {
    const SmallDisk disk;
    return repack_run_file(driver, edits, machine.folder / "out/b.run");
  }();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::no_space) << done.error().message();
  EXPECT_EQ(listing(machine.folder / "out"), std::vector<std::string>{"a.run"});
}

}  // namespace run_file_repack_test
}  // namespace vgpukit::driver
