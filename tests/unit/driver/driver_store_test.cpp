#include "driver/driver_store.hpp"

#include <sys/stat.h>

#include <thread>

#include "driver/driver_fixtures.hpp"

namespace vgpukit::driver {
namespace {

using namespace testing_driver;

using Kind = DriverName::Kind;

// ---- the words of a user ----

struct NameCase {
  const char* word;
  Kind kind;
  const char* text;
};
class Name : public ::testing::TestWithParam<NameCase> {};

TEST_P(Name, IsUnderstood) {
  const auto name = DriverName::parse(GetParam().word);
  EXPECT_EQ(name.kind, GetParam().kind);
  EXPECT_EQ(name.text, GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Words, Name,
    ::testing::Values(NameCase{"535", Kind::branch, "535"}, NameCase{"535.xxx", Kind::branch, "535"},
                      NameCase{"535.*", Kind::branch, "535"}, NameCase{"535.xxx.xx", Kind::branch, "535"},
                      NameCase{"535.247.*", Kind::branch, "535.247"},
                      NameCase{"535.247.02", Kind::version, "535.247.02"}, NameCase{"535.98", Kind::version, "535.98"},
                      NameCase{"reference", Kind::reference, "reference"}, NameCase{"./535", Kind::path, "./535"},
                      NameCase{"/srv/535.247.02", Kind::path, "/srv/535.247.02"},
                      NameCase{"nvidia.run", Kind::path, "nvidia.run"}, NameCase{"", Kind::path, ""},
                      NameCase{"xxx", Kind::path, "xxx"}, NameCase{".xxx", Kind::path, ".xxx"},
                      NameCase{"535-grid", Kind::path, "535-grid"}));

// ---- the store ----

class Store : public ::testing::Test {
 protected:
  Driver driver(const std::string& name, const Files& files) {
    auto opened = open_driver(machine.host, put(machine.folder / name, files));
    EXPECT_TRUE(opened) << opened.error().message();
    return std::move(*opened);
  }
  StoredDriver add(const std::string& name, const Files& files, bool replace = false) {
    auto stored = store.add(driver(name, files), replace);
    if (!stored) {
      ADD_FAILURE() << stored.error().message();
      return {};
    }
    return std::move(*stored);
  }
  std::string found(const std::string& word) {
    const auto stored = store.find(DriverName::parse(word));
    if (!stored) return stored.error().message();
    return stored->version.text + " " + std::string(flavour_name(stored->flavour));
  }

  RunningSystem machine;
  DriverStore store{machine.host};
  fs::path folder = machine.folder / "state/drivers";
};

TEST_F(Store, KeepsTheSourcesAndNotTheBuildOutput) {
  auto files = vgpu_package();
  files["nvidia/nv.o"] = "build output";
  files[".git/HEAD"] = "x";
  const auto package = machine.folder / "package";
  put(package / "kernel", files);
  write(package / ".manifest", "NVIDIA\n535.247.02\n");
  fs::permissions(package / "kernel/conftest.sh", fs::perms::owner_all | fs::perms::group_all | fs::perms::others_all);
  const auto opened = open_driver(machine.host, package);
  ASSERT_TRUE(opened) << opened.error().message();
  const auto stored = store.add(*opened);
  ASSERT_TRUE(stored) << stored.error().message();

  EXPECT_EQ(stored->folder, folder / "535.247.02-vgpu-kvm/sources");
  EXPECT_EQ(stored->origin, package.string());
  EXPECT_EQ(stored->added.size(), std::string("2026-01-01T00:00:00Z").size());
  EXPECT_EQ(read(stored->folder / "nvidia/nv.c"), files["nvidia/nv.c"]);
  EXPECT_EQ(read(stored->folder / "nvidia/nv-kernel.o_binary"), "binary");
  EXPECT_EQ(read(folder / "535.247.02-vgpu-kvm/.manifest"), "NVIDIA\n535.247.02\n");
  EXPECT_FALSE(fs::exists(stored->folder / "nvidia/nv.o"));
  EXPECT_FALSE(fs::exists(stored->folder / ".git"));
  struct stat info {};
  ASSERT_EQ(::stat((stored->folder / "conftest.sh").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755u);
  // The content is the same for the path and for the version, so a cached build is found by both; not while others can
  // change a file of the path.
  fs::permissions(package / "kernel/conftest.sh", fs::perms(0755));
  const auto again = open_driver(machine.host, stored->folder);
  ASSERT_TRUE(again);
  EXPECT_NE(again->content, opened->content);
  EXPECT_EQ(again->content, open_driver(machine.host, package).value().content);
}

TEST_F(Store, IsNotTouchedByWhatHappensToTheOriginal) {
  const auto stored = add("package", general_package());
  std::ofstream(machine.folder / "package/nvidia/nv-kernel.o_binary") << "evil!!";
  EXPECT_EQ(read(stored.folder / "nvidia/nv-kernel.o_binary"), "binary");
}

TEST_F(Store, TheSameAgainChangesNothing) {
  const auto first = add("a", general_package());
  write(first.folder / ".seen", "");
  const auto second = add("b", general_package());  // the same bytes in another folder with other times
  EXPECT_EQ(second.folder, first.folder);
  EXPECT_EQ(second.origin, first.origin);
  EXPECT_TRUE(fs::exists(first.folder / ".seen"));
}

TEST_F(Store, AnotherPackageOfTheSameVersionNeedsReplace) {
  const auto first = add("a", general_package());
  auto files = general_package();
  files["nvidia/nv-kernel.o_binary"] = "BINARY";  // the same length
  const auto refused = store.add(driver("b", files));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_TRUE(contains(refused.error().message(), "535.261.03 (general)")) << refused.error().message();
  EXPECT_TRUE(contains(refused.error().message(), "--replace"));
  EXPECT_TRUE(contains(refused.error().message(), (machine.folder / "a").string()));
  EXPECT_EQ(read(first.folder / "nvidia/nv-kernel.o_binary"), "binary");

  const auto replaced = add("b", files, true);
  EXPECT_EQ(replaced.origin, (machine.folder / "b").string());
  EXPECT_EQ(read(replaced.folder / "nvidia/nv-kernel.o_binary"), "BINARY");
  EXPECT_EQ(store.list()->size(), 1u);
}

TEST_F(Store, ListsTheNewestFirstByNumber) {
  EXPECT_TRUE(store.list()->empty());
  add("a", general_package("535.54.03"));
  add("b", general_package("535.261.03"));
  add("c", general_package("535.247.02"));
  add("d", vgpu_package("535.247.02"));
  add("e", general_package("550.163.01"));
  std::vector<std::string> names;
  const auto list = store.list();
  ASSERT_TRUE(list) << list.error().message();
  for (const auto& stored : *list) names.push_back(stored.folder.parent_path().filename().string());
  EXPECT_EQ(names, (std::vector<std::string>{"550.163.01-general", "535.261.03-general", "535.247.02-vgpu-kvm",
                                             "535.247.02-general", "535.54.03-general"}));
}

TEST_F(Store, FindsABranchAndAVersion) {
  add("a", general_package("535.54.03"));
  add("b", vgpu_package("535.247.02"));
  add("c", general_package("535.247.02"));
  EXPECT_EQ(found("535"), "535.247.02 vgpu-kvm");
  EXPECT_EQ(found("535.xxx"), "535.247.02 vgpu-kvm");
  EXPECT_EQ(found("535.54.*"), "535.54.03 general");
  EXPECT_EQ(found("535.54.03"), "535.54.03 general");
  add("d", general_package("535.261.03"));
  EXPECT_EQ(found("535"), "535.261.03 general");
}

TEST_F(Store, WhatIsNotThereIsRefusedWithWhatIs) {
  EXPECT_TRUE(contains(found("535"), "empty")) << found("535");
  EXPECT_TRUE(contains(found("535"), "vgpukit driver add FILE"));
  add("a", vgpu_package("535.247.02"));
  for (const char* word : {"53", "5", "535.247", "535.247.2.1", "550"}) {
    EXPECT_TRUE(contains(found(word), "535.247.02 (vgpu-kvm)") && contains(found(word), "cannot")) << found(word);
    EXPECT_TRUE(contains(found(word), "vgpukit driver add FILE")) << found(word);
  }
}

class Damaged : public Store, public ::testing::WithParamInterface<const char*> {};

TEST_P(Damaged, IsNamedWithWhatToDo) {
  add("a", general_package("535.54.03"));
  const auto stored = add("b", general_package("535.261.03"));
  write(stored.folder.parent_path() / "package.json", GetParam());
  const auto list = store.list();
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().kind, ErrorKind::usage);
  EXPECT_TRUE(contains(list.error().message(), stored.folder.parent_path().string())) << list.error().message();
  EXPECT_TRUE(contains(list.error().message(), "remove that folder")) << list.error().message();
  EXPECT_FALSE(store.find(DriverName::parse("535.54.03")));
  EXPECT_FALSE(store.add(driver("b", general_package("535.261.03"))));
  add("b", general_package("535.261.03"), true);
  EXPECT_EQ(found("535"), "535.261.03 general");
}

INSTANTIATE_TEST_SUITE_P(Texts, Damaged,
                         ::testing::Values("", "{", "[]", R"({"version": 535, "flavour": "general"})",
                                           R"({"version": "x", "flavour": "general"})",
                                           R"({"version": "535.261.03", "flavour": "other"})"));

TEST_F(Store, AFolderWithoutSourcesIsDamaged) {
  const auto stored = add("b", general_package());
  fs::remove_all(stored.folder);
  ASSERT_FALSE(store.list());
  EXPECT_TRUE(contains(store.list().error().message(), "sources"));
}

TEST_F(Store, AddsOfManyAtOnceAllStand) {
  std::vector<Driver> drivers;
  for (int i = 0; i < 6; ++i)
    drivers.push_back(driver("p" + std::to_string(i), general_package("535." + std::to_string(i / 2) + ".1")));
  std::vector<std::string> errors(drivers.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < drivers.size(); ++i)
    threads.emplace_back([&, i] {
      const auto stored = DriverStore(machine.host).add(drivers[i]);
      if (!stored) errors[i] = stored.error().message();
    });
  for (auto& thread : threads) thread.join();
  for (const auto& error : errors) EXPECT_EQ(error, "");
  EXPECT_EQ(store.list()->size(), 3u);
}

TEST_F(Store, AFullDiskLeavesWhatWasThere) {
  const auto first = add("a", general_package());
  auto files = general_package();
  files["nvidia/nv-kernel.o_binary"] = std::string(500'000, 'x');
  const auto big = driver("b", files);
  const auto before = listing(folder);
  const auto refused = [&] {
    const SmallDisk disk;
    return store.add(big, true);
  }();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::missing);
  EXPECT_TRUE(contains(refused.error().message(), "nv-kernel.o_binary")) << refused.error().message();
  EXPECT_EQ(listing(folder), before);
  EXPECT_EQ(read(first.folder / "nvidia/nv-kernel.o_binary"), "binary");
}

TEST_F(Store, WhatAKilledProcessLeftIsNoDriver) {
  add("a", general_package());
  fs::create_directories(folder / ".535.247.02-grid.a1b2c3");
  ASSERT_TRUE(store.list());
  EXPECT_EQ(store.list()->size(), 1u);
}

// ---- find_driver ----

TEST_F(Store, TheWordOfTheCommandLineIsAnything) {
  add("a", vgpu_package("535.247.02"));
  const auto by_branch = find_driver(machine.host, "535.xxx");
  ASSERT_TRUE(by_branch) << by_branch.error().message();
  EXPECT_EQ(by_branch->version.text, "535.247.02");
  EXPECT_EQ(by_branch->flavour, Flavour::vgpu_kvm);
  const auto by_path = find_driver(machine.host, (machine.folder / "a").string());
  ASSERT_TRUE(by_path) << by_path.error().message();
  EXPECT_EQ(by_path->sources, machine.folder / "a");
  EXPECT_EQ(by_path->content, by_branch->content);
}

TEST_F(Store, AnUnknownWordSaysWhatAWordCanBe) {
  const auto driver_or = find_driver(machine.host, "no-such-thing");
  ASSERT_FALSE(driver_or);
  EXPECT_EQ(driver_or.error().kind, ErrorKind::usage);
  EXPECT_TRUE(contains(driver_or.error().message(), "vgpukit driver list")) << driver_or.error().message();
}

TEST_F(Store, AChangedStoreIsRefused) {
  const auto stored = add("a", general_package("535.247.02"));
  write(stored.folder / "Kbuild", general_package("535.261.03")["Kbuild"]);
  const auto changed = find_driver(machine.host, "535.247.02");
  ASSERT_FALSE(changed);
  EXPECT_TRUE(contains(changed.error().message(), "535.261.03")) << changed.error().message();
}

TEST_F(Store, TheReferenceDriverShipsWithUs) {
  const auto data = machine.folder / "data";
  fs::create_directories(data / "recipes");
  put(data / "kbuild/reference-driver", vgpu_package("535.0.1"));
  ::setenv("VGPUKIT_DATA", data.c_str(), 1);
  const auto reference = find_driver(machine.host, "reference");
  ::unsetenv("VGPUKIT_DATA");
  ASSERT_TRUE(reference) << reference.error().message();
  EXPECT_EQ(reference->version.text, "535.0.1");
  EXPECT_EQ(reference->sources, data / "kbuild/reference-driver");
}

}  // namespace
}  // namespace vgpukit::driver
