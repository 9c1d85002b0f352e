// Installers are read, and never run.
#include "driver/run_file.hpp"

#include "driver/run_file_fixtures.hpp"
#include "driver/run_file_unpack.hpp"

namespace vgpukit::driver {
namespace run_file_test {

using namespace testing_driver;

TEST_F(RunFile, ADriverIsReadFromIt) {
  const auto run = save(nvidia_run(payload));
  const auto driver = open(run);
  EXPECT_EQ(driver.version.text, "535.247.02");
  EXPECT_EQ(driver.flavour, Flavour::vgpu_kvm);
  EXPECT_EQ(driver.path, run);
  EXPECT_EQ(driver.package.file, run);
  EXPECT_EQ(driver.package_folder, "kernel");
  EXPECT_EQ(read(driver.sources / "nvidia/nv.c"), "int nv;\n");
}

TEST_F(RunFile, OnlyWhatBuildingNeedsIsUnpacked) {
  const auto driver = open(save(nvidia_run(payload)));
  const auto tree = driver.sources.parent_path();
  EXPECT_TRUE(fs::exists(tree / ".manifest"));
  EXPECT_TRUE(fs::exists(tree / "kernel/nvidia/nv-kernel.o_binary"));
  EXPECT_FALSE(fs::exists(tree / "nvidia-installer"));
  EXPECT_FALSE(fs::exists(tree / "libnvidia-vgpu.so.535.247.02"));
}

TEST_F(RunFile, TheSecondTimeTheUnpackedTreeIsFound) {
  const auto run = save(nvidia_run(payload));
  const auto first = open(run).sources;
  const auto time = fs::last_write_time(first);
  EXPECT_EQ(open(run).sources, first);
  EXPECT_EQ(fs::last_write_time(first), time);
}

struct Kind {
  const char* name;
  const char* unpack;
};
class Compression : public RunFile, public ::testing::WithParamInterface<Kind> {};

TEST_P(Compression, IsUnpacked) {
  const auto run =
      save(nvidia_run(payload_of(run_package(vgpu_package()), GetParam().name), {.unpack = GetParam().unpack}));
  const auto header = read_run_header(run);
  ASSERT_TRUE(header) << header.error().message();
  EXPECT_EQ(header->compression, GetParam().name);
  EXPECT_EQ(open(run).version.text, "535.247.02");
}

INSTANTIATE_TEST_SUITE_P(All, Compression,
                         ::testing::Values(Kind{"xz", "xz -d"}, Kind{"zstd", "zstd -d"}, Kind{"gzip", "gzip -cd"},
                                           Kind{"bzip2", "bzip2 -d"}, Kind{"none", "cat"}),
                         [](const auto& kind) { return kind.param.name; });

TEST_F(RunFile, TheOldOrderOfTheHeaderIsRead) {
  const auto run = save(nvidia_run(payload, {.old_order = true}));
  EXPECT_EQ(open(run).version.text, "535.247.02");
  EXPECT_EQ(run_program({"sh", run.string(), "--check"}), 0);  // the fixture itself is correct
}

TEST_F(RunFile, TheEmbeddedDecompressorIsSkippedAndNotRun) {
  const auto mark = machine.folder / "was-run";
  const auto run = save(nvidia_run(payload, {.decompressor = "#!/bin/sh\ntouch " + mark.string() +
                                                             "\n\n\xfd"
                                                             "7zXZ\nno payload\n"}));
  EXPECT_EQ(open(run).version.text, "535.247.02");
  EXPECT_FALSE(fs::exists(mark));
  EXPECT_EQ(run_program({"sh", run.string(), "--check"}), 0);
}

TEST_F(RunFile, TheHeaderTellsItsValues) {
  const auto header = read_run_header(save(nvidia_run(payload)));
  ASSERT_TRUE(header);
  EXPECT_EQ(header->layout, RunHeader::Layout::nvidia);
  EXPECT_EQ(header->label, "NVIDIA Accelerated Graphics Driver for Linux-x86_64 535.247.02");
  EXPECT_EQ(header->target_dir, "NVIDIA-Linux-x86_64-535.247.02-vgpu-kvm");
  EXPECT_EQ(header->version, "535.247.02");
  EXPECT_EQ(header->arch, "x86_64");
  EXPECT_EQ(header->bytes - header->payload, payload.size());
}

TEST_F(RunFile, ProgressIsTold) {
  std::vector<std::string> steps;
  const auto driver = open_driver(machine.host, save(nvidia_run(payload)), false, [&](const PackageProgress& state) {
    EXPECT_LE(state.done, state.total);
    if (steps.empty() || steps.back() != state.step) steps.emplace_back(state.step);
  });
  ASSERT_TRUE(driver);
  EXPECT_EQ(steps, (std::vector<std::string>{"checking", "unpacking"}));
}

// ---- reading ends early ----

// The end of the payload is damaged, with correct checksums. Only a reader that goes on to the end sees it.
TEST_F(RunFile, ReadingEndsWhenTheManifestIsComplete) {
  auto files = run_package(vgpu_package());
  for (int i = 0; i < 3; ++i) files.emplace_back("user-space-" + std::to_string(i), std::string(200'000, 'u'));
  auto plain = payload_of(files, "none");
  for (std::size_t i = plain.size() - 300'000; i < plain.size(); ++i) plain[i] = '!';
  EXPECT_EQ(open(save(nvidia_run(plain, {.unpack = "cat"}))).version.text, "535.247.02");
  files.erase(files.begin() + 1);  // only .manifest shows where kernel/ ends
  plain = payload_of(files, "none");
  for (std::size_t i = plain.size() - 300'000; i < plain.size(); ++i) plain[i] = '!';
  const auto refused = open_driver(machine.host, save(nvidia_run(plain, {.unpack = "cat"}), "b.run"));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(contains(refused.error().message(), "damaged or cut off")) << refused.error().message();
}

TEST_F(RunFile, WithoutSumsReadingGoesToTheEnd) {
  auto files = run_package(vgpu_package());
  files.emplace_back("user-space", std::string(600'000, 'u'));
  auto plain = payload_of(files, "none");
  for (std::size_t i = plain.size() - 300'000; i < plain.size(); ++i) plain[i] = '!';
  expect_refused(save(nvidia_run(plain, {.crc = "0000000000", .md5 = std::string(32, '0')})), {"cut off"});
}

TEST_F(RunFile, AFileThatTheManifestDoesNotNameIsThereAllTheSame) {
  auto files = run_package(vgpu_package());
  for (auto at = files.begin(); at != files.end(); ++at)
    if (at->first == "kernel/nvidia/nv.c") {
      files.insert(at, {"kernel/nvidia/unnamed.c", "int unnamed;\n"});
      break;
    }
  const auto driver = open(save(nvidia_run(payload_of(files))));
  EXPECT_TRUE(fs::exists(driver.sources / "nvidia/unnamed.c"));
  EXPECT_EQ(unnamed_sources(driver), std::vector<std::string>{"kernel/nvidia/unnamed.c"});
  EXPECT_TRUE(unnamed_sources(open(save(nvidia_run(payload), "b.run"))).empty());
}

TEST_F(RunFile, AManifestThatNamesAMissingFileIsRefused) {
  auto files = run_package(vgpu_package());
  files[1].second += "kernel/nvidia/ghost.c 0644 KERNEL_MODULE_SRC INHERIT_PATH_DEPTH:1 MODULE:vgpu\n";
  expect_refused(save(nvidia_run(payload_of(files))),
                 {".manifest names kernel/nvidia/ghost.c", "the package lacks it", "driver extract"});
}

// ---- makeself's own layouts ----

TEST_F(RunFile, MakeselfsLayoutsAreRead) {
  for (const bool skip_key : {true, false}) {
    const auto run = save(makeself_run(payload, skip_key), skip_key ? "new.run" : "old.run");
    const auto header = read_run_header(run);
    ASSERT_TRUE(header) << header.error().message();
    EXPECT_EQ(header->layout, RunHeader::Layout::makeself);
    EXPECT_EQ(header->sums_from, header->payload);
    EXPECT_EQ(open(run).version.text, "535.247.02");
  }
}

TEST_F(RunFile, MakeselfSaysHowLongItIs) {
  const auto good = makeself_run(payload);
  expect_refused(save(good.substr(0, good.size() - 7)), {"cut off: 7 bytes are missing"});
  expect_refused(save(good + "more"), {"4 bytes more than its header says"});
  expect_refused(save(makeself_run(payload, true, "$(reboot)")), {"filesizes= is $(reboot)"});
  expect_refused(save(makeself_run(payload, true, "100 200")), {"several archives"});
}

// Debian's package, if it is installed.
TEST_F(RunFile, WhatMakeselfMakesIsRead) {
  if (!find_program("makeself")) GTEST_SKIP() << "makeself is not installed";
  const auto package = machine.folder / "package";
  for (const auto& [name, text] : run_package(vgpu_package())) write(package / name, text);
  fs::permissions(package / "nvidia-installer", fs::perms::owner_all);
  for (const char* compression : {"--xz", "--gzip", "--bzip2", "--nocomp"}) {
    const auto run = machine.folder / (std::string("made") + compression + ".run");
    ASSERT_EQ(run_program({"makeself", "--quiet", "--nox11", compression, package.string(), run.string(),
                           "NVIDIA driver for Linux-x86_64 535.247.02", "./nvidia-installer"}),
              0);
    EXPECT_EQ(open(run).version.text, "535.247.02") << compression;
    const auto header = read_run_header(run);
    ASSERT_TRUE(header);
    EXPECT_FALSE(header->md5.empty());
    auto bytes = read(run);
    bytes[bytes.size() - 9] = static_cast<char>(bytes[bytes.size() - 9] ^ 1);
    const auto bad = save(bytes, std::string("bad") + compression + ".run");
    const auto refused = open_driver(machine.host, bad);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(contains(refused.error().message(), "damaged or cut off")) << refused.error().message();
  }
}

// The owner of the file puts another one in its place after the checksum was computed.
TEST_F(RunFile, OfAnotherUserDoesNotStandForAnOriginal) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  const auto original = save(nvidia_run(payload));
  const auto folder = machine.folder / "theirs";
  fs::create_directory(folder);
  ASSERT_EQ(::chown(folder.c_str(), 65534, 65534), 0);
  const auto other =
      nvidia_run(payload_of(run_package(vgpu_package("535.261.02"), "535.261.02")), {.version = "535.261.02"});
  for (const bool link : {false, true}) {
    fs::remove_all(machine.folder / "cache");
    const auto theirs = folder / (link ? "link.run" : "file.run");
    if (link)
      fs::create_symlink(original, theirs);
    else
      fs::copy_file(original, theirs);
    write(folder / "other", other);
    const auto exchange = [&](const PackageProgress&) {
      std::error_code gone;
      fs::rename(folder / "other", theirs, gone);
    };
    EXPECT_TRUE(open_driver(machine.host, theirs, false, exchange));
    EXPECT_FALSE(fs::exists(folder / "other")) << "the test has exchanged nothing";
    EXPECT_EQ(open(original).version.text, "535.247.02");
  }
}

}  // namespace run_file_test
}  // namespace vgpukit::driver
