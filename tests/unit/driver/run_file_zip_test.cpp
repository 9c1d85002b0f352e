// The zip of NVIDIA's portal, and installers in the store.
#include "driver/run_file_zip.hpp"

#include "driver/driver_store.hpp"
#include "driver/run_file.hpp"
#include "driver/run_file_fixtures.hpp"

namespace vgpukit::driver {
namespace {

using namespace testing_driver;

const std::string kHost = "Host_Drivers/NVIDIA-Linux-x86_64-535.247.02-vgpu-kvm.run";
const std::string kGuest = "Guest_Drivers/NVIDIA-Linux-x86_64-535.247.01-grid.run";

class RunZip : public ::testing::Test {
 protected:
  fs::path zip(const std::vector<std::pair<std::string, std::string>>& files, const std::string& name = "portal.zip") {
    const fs::path path = machine.folder / name;
    ArchiveWriter writer(path, "none", "zip");
    for (const auto& [file, text] : files) writer.file(file, text);
    return path;
  }

  std::string error_of(const fs::path& path) {
    const auto driver = open_driver(machine.host, path);
    if (driver) return "no error: " + driver->version.text;
    EXPECT_EQ(driver.error().kind, ErrorKind::usage);
    return driver.error().message();
  }

  Driver open(const fs::path& path) {
    auto driver = open_driver(machine.host, path);
    if (!driver) {
      ADD_FAILURE() << driver.error().message();
      return {};
    }
    return std::move(*driver);
  }

  RunningSystem machine;
  std::string host = nvidia_run(payload_of(run_package(vgpu_package())));
  std::string guest =
      nvidia_run(payload_of(run_package(general_package("535.247.01"), "535.247.01")), {.version = "535.247.01"});
};

TEST_F(RunZip, TheOneForVgpuHostsIsChosen) {
  const auto path = zip({{"535-release-notes.pdf", "x"}, {kGuest, guest}, {kHost, host}});
  const auto driver = open(path);
  EXPECT_EQ(driver.version.text, "535.247.02");
  EXPECT_EQ(driver.flavour, Flavour::vgpu_kvm);
  EXPECT_EQ(driver.path, path);
  EXPECT_EQ(driver.package.file, path);
  EXPECT_EQ(driver.package.member, kHost);
  EXPECT_FALSE(contains(read(driver.sources.parent_path().parent_path() / "contents"), "run"));
  EXPECT_FALSE(fs::exists(driver.sources.parent_path().parent_path() / "package.run"));
}

TEST_F(RunZip, AnyOfThemCanBeNamed) {
  const auto path = zip({{kGuest, guest}, {kHost, host}});
  EXPECT_EQ(open(path / kGuest).version.text, "535.247.01");
  EXPECT_EQ(open(path / kHost).version.text, "535.247.02");
  EXPECT_EQ(open(path / "NVIDIA-Linux-x86_64-535.247.01-grid.run").package.member, kGuest);
  const auto text = error_of(path / "nothing.run");
  EXPECT_TRUE(contains(text, "it has no nothing.run")) << text;
  EXPECT_TRUE(contains(text, (path / kHost).string())) << text;
}

TEST_F(RunZip, TheOnlyOneIsTaken) {
  EXPECT_EQ(open(zip({{"a.txt", ""}, {kGuest, guest}})).version.text, "535.247.01");
}

TEST_F(RunZip, SeveralAreListedWithTheWayToNameOne) {
  const std::string other = "Host_Drivers/NVIDIA-Linux-x86_64-535.230.02-vgpu-kvm.run";
  const auto path = zip({{kHost, host}, {other, host}, {kGuest, guest}});
  const auto text = error_of(path);
  EXPECT_TRUE(contains(text, "several for vGPU hosts")) << text;
  EXPECT_TRUE(contains(text, (path / kHost).string())) << text;
  EXPECT_TRUE(contains(text, (path / other).string())) << text;
  EXPECT_FALSE(contains(text, kGuest)) << text;
  const auto guests =
      zip({{kGuest, guest}, {"Guest_Drivers/NVIDIA-Linux-x86_64-535.1.1-grid.run", guest}}, "guests.zip");
  EXPECT_TRUE(contains(error_of(guests), "none is for vGPU hosts")) << error_of(guests);
}

TEST_F(RunZip, AnotherProcessorsDoNotCount) {
  const std::string other = "Host_Drivers/NVIDIA-Linux-riscv128-535.247.02-vgpu-kvm.run";
  EXPECT_EQ(open(zip({{other, "x"}, {kHost, host}})).package.member, kHost);
  EXPECT_TRUE(contains(error_of(zip({{other, "x"}}, "other.zip")), "none of its installers is for this processor"));
}

TEST_F(RunZip, AZipOfSourcesIsOpenedAsBefore) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const auto& [name, text] : general_package()) files.emplace_back("kernel/" + name, text);
  const auto driver = open(zip(files));
  EXPECT_EQ(driver.version.text, "535.261.03");
  EXPECT_FALSE(driver.package);
}

TEST_F(RunZip, DamageInsideIsCalledByTheNameInTheZip) {
  auto bad = host;
  bad[bad.size() - 1000] = static_cast<char>(bad[bad.size() - 1000] ^ 1);
  const auto path = zip({{kHost, bad}});
  const auto text = error_of(path);
  EXPECT_TRUE(contains(text, (path / kHost).string())) << text;
  EXPECT_TRUE(contains(text, "damaged or cut off")) << text;
  for (const auto& left : listing(machine.folder / "cache"))
    EXPECT_TRUE(left == "drivers-unpacked" || left.ends_with(".lock")) << left;
}

TEST_F(RunZip, ACutZipIsRefused) {
  const auto whole = read(zip({{kGuest, guest}, {kHost, host}}));
  for (const std::size_t size :
       {std::size_t{5}, std::size_t{40}, whole.size() / 2, whole.size() - 1, whole.size() - 30}) {
    const auto path = machine.folder / "cut.zip";
    write(path, whole.substr(0, size));
    EXPECT_FALSE(contains(error_of(path), "no error")) << size;
  }
}

TEST_F(RunZip, ANameThatLeavesTheZipIsRefused) {
  EXPECT_TRUE(contains(error_of(zip({{"../../evil-vgpu-kvm.run", host}})), "has .. in its path"));
}

// ---- the store ----

TEST_F(RunZip, TheStoreKeepsTheInstaller) {
  const auto run = machine.folder / "a.run";
  write(run, host);
  const auto stored = DriverStore(machine.host).add(open(run));
  ASSERT_TRUE(stored) << stored.error().message();
  EXPECT_EQ(stored->package.file, stored->folder.parent_path() / "package.run");
  EXPECT_EQ(read(stored->package.file), host);
  fs::remove(run);
  const auto driver = find_driver(machine.host, "535.247.02");
  ASSERT_TRUE(driver) << driver.error().message();
  EXPECT_EQ(driver->package.file, stored->package.file);
  EXPECT_EQ(driver->package_folder, "kernel");
}

TEST_F(RunZip, TheStoreTakesItOutOfAZip) {
  const auto stored = DriverStore(machine.host).add(open(zip({{kGuest, guest}, {kHost, host}})));
  ASSERT_TRUE(stored) << stored.error().message();
  EXPECT_EQ(read(stored->package.file), host);
  EXPECT_TRUE(stored->package.member.empty());
  EXPECT_EQ(listing(stored->folder.parent_path()).size(),
            listing(stored->folder).size() + 4);  // sources, .manifest, two packages
}

TEST_F(RunZip, TheInstallerCanComeLaterThanTheSources) {
  const auto run = machine.folder / "a.run";
  write(run, host);
  const auto driver = open(run);
  const auto copy = machine.folder / "copy";
  fs::copy(driver.sources.parent_path(), copy, fs::copy_options::recursive);
  DriverStore store(machine.host);
  const auto first = store.add(open(copy));
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_FALSE(first->package);
  const auto second = store.add(driver);
  ASSERT_TRUE(second) << second.error().message();
  EXPECT_EQ(read(second->package.file), host);
  EXPECT_EQ(second->added, first->added);
  const auto found = find_driver(machine.host, "535.247.02");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->package_folder, "kernel");
}

TEST_F(RunZip, AFullDiskLeavesTheStoreAsItWas) {
  const auto run = machine.folder / "a.run";
  auto files = run_package(vgpu_package());
  files.emplace_back("user-space", std::string(300'000, 'u'));
  write(run, nvidia_run(payload_of(files, "none"), {.unpack = "cat"}));
  const auto driver = open(run);
  const auto stored = [&] {
    const SmallDisk disk;
    return DriverStore(machine.host).add(driver);
  }();
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().kind, ErrorKind::missing);
  EXPECT_EQ(listing(machine.folder / "state/drivers"), std::vector<std::string>{".lock"});
}

}  // namespace
}  // namespace vgpukit::driver
