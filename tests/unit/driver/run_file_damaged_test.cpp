// Installers that are damaged, cut off, or malicious.
#include <unistd.h>

#include "driver/run_file.hpp"
#include "driver/run_file_fixtures.hpp"
#include "driver/run_file_unpack.hpp"

namespace vgpukit::driver {
namespace {

using namespace testing_driver;

// ---- nothing is executed ----

TEST_F(RunFile, ShellCodeInTheHeaderIsText) {
  const auto mark = (machine.folder / "was-run").string();
  const std::string code = "$(touch " + mark + ")`touch " + mark + "`;touch " + mark;
  const auto run = save(nvidia_run(
      payload, {.version = "$(touch${IFS}" + mark + ")",
                .label = code,
                .more_keys = "decompress=`touch " + mark + "`\nTMPROOT=$(touch " + mark + ")\ntouch " + mark + "\n"}));
  const auto header = read_run_header(run);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->label, code);
  EXPECT_EQ(open(run).version.text, "535.247.02");  // from the files
  EXPECT_FALSE(fs::exists(mark));
}

TEST_F(RunFile, ShellCodeInPlaceOfANumberIsRefused) {
  const auto mark = (machine.folder / "was-run").string();
  for (const std::string& code :
       {"$(touch${IFS}" + mark + ")", "`touch${IFS}" + mark + "`", std::string("12a"), std::string("-5"),
        std::string("99999999999999999999"), std::string("0"), std::string("1"), std::string("\"\"")})
    expect_refused(save(nvidia_run(payload, {.skip = code})), {"skip=", "not a number of lines"});
  expect_refused(save(nvidia_run(payload, {.crc = "$(touch${IFS}" + mark + ")"})),
                 {"CRCsum= is $(touch", "not a checksum"});
  expect_refused(save(nvidia_run(payload, {.crc = "4294967296"})), {"CRCsum= is 4294967296"});
  expect_refused(save(nvidia_run(payload, {.md5 = "`touch${IFS}" + mark + "`"})), {"MD5= is `touch"});
  EXPECT_FALSE(fs::exists(mark));
}

TEST_F(RunFile, AValueCannotWriteToTheTerminal) {
  expect_refused(save(nvidia_run(payload, {.skip = "\033[2Jx"})), {"\\x1b[2Jx"});
}

// ---- damaged files ----

TEST_F(RunFile, ASavedPageIsNoPackage) {
  for (const auto* page : {"<!DOCTYPE html>\n<html><head><title>Sign in</title>", "\xef\xbb\xbf\n  <HTML lang=en>",
                           "<!-- saved -->\n<html>", "<?xml version=\"1.0\"?>\n<html xmlns=\"x\">"})
    expect_refused(save(page), {"it is an HTML page", "the download needed a login"});
  expect_refused(save("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>"), {"the answer of a server"});
  expect_refused(save("{\"error\": \"expired\"}"), {"the answer of a server"});
  expect_refused(save("version https://git-lfs.github.com/spec/v1\noid sha256:1\n"), {"git lfs pull"});
}

TEST_F(RunFile, AWrongSumIsNamedWithBoth) {
  expect_refused(save(nvidia_run(payload, {.crc = "1234"})), {"damaged or cut off", "its CRC is", "header says 1234"});
  expect_refused(save(nvidia_run(payload, {.md5 = std::string(31, '0') + "1"})),
                 {"damaged or cut off", "its MD5 is", "header says 0000"});
}

TEST_F(RunFile, ADamagedByteAnywhereIsSeen) {
  const auto good = nvidia_run(payload, {.decompressor = "program\nof some lines"});
  const auto header = read_run_header(save(good));
  ASSERT_TRUE(header);
  for (const std::size_t at : {header->sums_from, header->payload - 3, header->payload + 100, header->bytes - 1}) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    const auto path = save(bad, "bad.run");
    const auto damaged = read_run_header(path);
    EXPECT_FALSE(damaged && check_run_file(path, *damaged)) << at;
  }
}

TEST_F(RunFile, ATruncatedFileIsRefusedAtEveryPoint) {
  const auto good = nvidia_run(payload, {.decompressor = "program\nof some lines"});
  const auto header = read_run_header(save(good));
  ASSERT_TRUE(header);
  std::vector<std::size_t> points = {0,
                                     1,
                                     2,
                                     9,
                                     10,
                                     good.find("MD5=") + 3,
                                     good.find("\nlabel"),
                                     good.find("TARGET_ARCH"),
                                     good.find("program"),
                                     header->payload - 1,
                                     header->payload,
                                     header->payload + 1,
                                     header->payload + 5,
                                     header->payload + 40,
                                     good.size() / 2,
                                     good.size() - 1};
  for (std::size_t at = 0; at < good.size(); ++at)
    if (good[at] == '\n' && at < header->payload) points.push_back(at), points.push_back(at + 1);
  for (const auto point : points) {
    const auto path = save(good.substr(0, point), "cut.run");
    const auto driver = open_driver(machine.host, path);
    ASSERT_FALSE(driver) << point;
    EXPECT_EQ(driver.error().kind, ErrorKind::usage) << point;
    EXPECT_FALSE(driver.error().why.empty()) << point;
  }
  expect_nothing_left();
  expect_refused(save("", "empty.run"), {"empty"});
  expect_refused(save(good.substr(0, header->payload), "no-payload.run"), {"ends with its header"});
}

TEST_F(RunFile, ATextAfterTheHeaderIsNoPayload) {
  expect_refused(save(nvidia_run("hello, this is no archive at all")), {"no archive of a known kind"});
}

TEST_F(RunFile, AnotherProcessorIsRefused) {
  const auto run = save(nvidia_run(payload, {.arch = "riscv128"}));
  expect_refused(run, {"it is for riscv128", "this machine is"});
  // Only the label has it (a file that was packed again).
  auto bytes = makeself_run(payload);
  bytes.replace(bytes.find("Linux-x86_64"), 12, "Linux-sparc9");
  expect_refused(save(bytes, "b.run"), {"it is for sparc9"});
}

TEST_F(RunFile, OneWithoutADriverIsRefused) {
  expect_refused(save(nvidia_run(payload_of({{"cuda-toolkit/x", "x"}, {"readme", "y"}}))),
                 {"no kernel module sources", "cuda-toolkit", "readme"});
}

TEST_F(RunFile, EntriesThatLeaveTheTargetAreRefusedEvenIfTheyAreNotWanted) {
  for (const char* name : {"../escaped", "kernel/../../escaped"}) {
    const TempFolder folder;
    ArchiveWriter writer(folder / "payload", "xz");
    for (const auto& [file, text] : run_package(vgpu_package())) {
      if (file == "kernel/Kbuild") writer.file(std::string("./") + name, "x");
      writer.file("./" + file, text);
    }
    writer.close();
    expect_refused(save(nvidia_run(read(folder / "payload"))), {"has .. in its path"});
  }
  const TempFolder folder;
  ArchiveWriter writer(folder / "payload", "xz");
  writer.symlink("./kernel", "/tmp").file("./kernel/escaped-vgpukit-test", "x").close();
  expect_refused(save(nvidia_run(read(folder / "payload"))), {"leaves the target"});
  EXPECT_FALSE(fs::exists("/tmp/escaped-vgpukit-test"));
  EXPECT_FALSE(fs::exists(machine.folder / "escaped"));
}

// 64 MB of zeros in some 10 kB, in an entry that is not wanted.
TEST_F(RunFile, ABombIsRefused) {
  for (const char* filter : {"xz", "zstd", "gzip", "bzip2"}) {
    const auto run =
        save(nvidia_run(payload_of({{"bomb", std::string(64 << 20, '\0')}, {"kernel/Kbuild", "x"}}, filter)),
             std::string(filter) + ".run");
    const auto header = read_run_header(run);
    ASSERT_TRUE(header);
    for (const auto part : {RunPart::kernel, RunPart::all}) {
      const auto target = machine.folder / "target";
      const auto done = unpack_run_file(run, *header, target, part, {}, {.bytes = 1 << 20, .entries = 100});
      ASSERT_FALSE(done) << filter;
      EXPECT_TRUE(contains(done.error().message(), "exceeds the limit")) << done.error().message();
      EXPECT_FALSE(fs::exists(target));
    }
  }
}

// With a search of the whole .manifest for each entry this would take many minutes.
TEST_F(RunFile, AManifestWithManyNamesIsReadOnce) {
  auto files = run_package(vgpu_package());
  for (int i = 0; i < 30'000; ++i)
    files[1].second += "kernel/nvidia/x" + std::to_string(i) + ".c 0644 KERNEL_MODULE_SRC INHERIT_PATH_DEPTH:1\n";
  for (int i = 0; i < 5'000; ++i) files.emplace_back("x" + std::to_string(i), "");
  expect_refused(save(nvidia_run(payload_of(files))), {".manifest names kernel/nvidia/x0.c and 29999 more"});
}

TEST_F(RunFile, ManyEntriesAreRefused) {
  std::vector<std::pair<std::string, std::string>> files;
  for (int i = 0; i < 50; ++i) files.emplace_back("x" + std::to_string(i), "");
  const auto run = save(nvidia_run(payload_of(files)));
  const auto header = read_run_header(run);
  ASSERT_TRUE(header);
  const auto done =
      unpack_run_file(run, *header, machine.folder / "target", RunPart::kernel, {}, {.bytes = 1 << 20, .entries = 20});
  ASSERT_FALSE(done);
  EXPECT_TRUE(contains(done.error().message(), "exceeds the limit")) << done.error().message();
}

TEST_F(RunFile, AFullDiskIsSaidAndNothingIsLeft) {
  auto files = vgpu_package();
  files["nvidia/large.c"] = std::string(300'000, 'x');
  const auto run = save(nvidia_run(payload_of(run_package(files))));
  const auto driver = [&] {
    const SmallDisk disk;
    return open_driver(machine.host, run);
  }();
  ASSERT_FALSE(driver);
  EXPECT_EQ(driver.error().kind, ErrorKind::no_space);
  EXPECT_TRUE(contains(driver.error().message(), "kernel/nvidia/large.c")) << driver.error().message();
  EXPECT_TRUE(contains(driver.error().message(), "free some space")) << driver.error().message();
  expect_nothing_left();
}

TEST_F(RunFile, AnUnreadableFileIsNamed) {
  if (::geteuid() == 0) GTEST_SKIP() << "root can read everything";
  const auto run = save(nvidia_run(payload));
  fs::permissions(run, fs::perms::none);
  expect_refused(run, {run.string(), "Permission denied"});
}

// A flipped bit gives an error or a driver, and nothing runs. The checksums do not change, so most files are refused.
TEST_F(RunFile, AFlippedBitInTheHeaderRunsNothing) {
  const auto mark = machine.folder / "was-run";
  const auto good =
      nvidia_run(payload, {.label = "$(touch " + mark.string() + ")", .decompressor = "program\nof some lines"});
  const auto header = read_run_header(save(good));
  ASSERT_TRUE(header);
  int refused = 0;
  int taken = 0;
  const auto target = machine.folder / "target";
  for (std::size_t at = 0; at < header->payload + 64; ++at) {
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
    const auto path = save(bad, "flipped.run");
    const auto flipped = read_run_header(path);
    auto done = flipped ? check_run_file(path, *flipped) : Status(flipped.error());
    if (done) done = unpack_run_file(path, *flipped, target, RunPart::kernel);
    ++(done ? taken : refused);
    if (done) {
      EXPECT_EQ(read(target / "kernel/nvidia/nv.c"), "int nv;\n") << at;
    } else {
      EXPECT_EQ(done.error().kind, ErrorKind::usage) << at << " " << done.error().message();
      EXPECT_FALSE(fs::exists(target)) << at;
    }
    fs::remove_all(target);
  }
  EXPECT_FALSE(fs::exists(mark));
  EXPECT_GT(refused, taken);
}

}  // namespace
}  // namespace vgpukit::driver
