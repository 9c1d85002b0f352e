#include "build/job.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "build/fake_driver.hpp"
#include "recipe/parse_recipe.hpp"

namespace vgpukit::build {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr const char* id = "6.99-old-call-removed";

class JobTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::can_build()) GTEST_SKIP() << "there is no make or gcc";
    recipes({test::recipe_text(id)});
    package(test::fake_driver());
  }

  void package(const driver::testing_driver::Files& files) {
    fs::remove_all(folder / "driver");
    driver::testing_driver::put(folder / "driver", files);
    auto opened = driver::open_driver(kernel().host, folder / "driver");
    ASSERT_TRUE(opened) << opened.error().message();
    driver = std::move(*opened);
    job.driver = &driver;
  }
  void recipes(const std::vector<std::string>& texts) {
    std::vector<recipe::Recipe> list;
    for (const auto& text : texts) {
      auto parsed = recipe::parse_recipe(text, "recipe.yaml", "");
      ASSERT_TRUE(parsed) << parsed.error().message();
      list.push_back(std::move(*parsed));
    }
    catalogue = *recipe::Catalogue::of(std::move(list));
    job.catalogue = &catalogue;
    job.explanations = &catalogue;
  }
  [[nodiscard]] kernel::Kernel kernel() const { return test::kernel_without_old_call(folder, exported); }

  Result<BuildReport> try_build() {
    kernel::Facts facts(kernel());
    return run_build(facts, job);
  }
  BuildReport build() {
    auto report = try_build();
    EXPECT_TRUE(report) << report.error().message();
    return report ? *report : BuildReport{};
  }
  // The files below a folder of STATE or CACHE, without locks.
  [[nodiscard]] std::vector<std::string> files_in(const std::string& place) const {
    std::vector<std::string> files;
    for (const auto& path : driver::testing_driver::listing(folder / place))
      if (!fs::is_directory(folder / place / path)) files.push_back(path);
    return files;
  }

  test::TempFolder folder;
  std::string exported = "EXPORT_SYMBOL";
  driver::Driver driver;
  recipe::Catalogue catalogue;
  BuildJob job;
};

const std::string built = "state/built/535.261.03-general/6.99.0-fake";

TEST_F(JobTest, DeliversVerifiedModulesOfThePatchedSources) {
  const auto report = build();
  ASSERT_EQ(report.result, BuildReport::Result::built) << (report.errors.empty() ? "" : report.errors[0].message);
  ASSERT_THAT(report.recipes, SizeIs(1));
  EXPECT_EQ(report.recipes[0].state, recipe::Decision::applies);
  EXPECT_THAT(report.recipes[0].reason, HasSubstr("old_call"));
  EXPECT_THAT(report.recipes[0].files, ElementsAre("nvidia/nv.c"));
  ASSERT_THAT(report.modules, SizeIs(1));
  EXPECT_EQ(report.modules[0].name, "nvidia");
  EXPECT_EQ(report.modules[0].vermagic, "6.99.0-fake SMP mod_unload ");
  EXPECT_EQ(report.modules[0].path, (folder / built / "nvidia.ko").string());
  const auto module = *read_file(report.modules[0].path);
  EXPECT_THAT(module, HasSubstr("new_call"));
  EXPECT_THAT(module, Not(HasSubstr("old_call")));
  EXPECT_THAT(files_in(built), ElementsAre("build.json", "build.log", "nvidia.ko"));
  EXPECT_THAT(*read_file(folder / built / "build.log"), HasSubstr("LD [M]  nvidia.ko"));
  EXPECT_THAT(files_in("cache/work"), IsEmpty()) << "the tree that it was built in";
  EXPECT_THAT(files_in("state/logs"), IsEmpty());
  EXPECT_THAT(*read_file(folder / "driver/nvidia/nv.c"), HasSubstr("old_call")) << "the package does not change";
}

TEST_F(JobTest, BuildsAgainOnlyIfSomethingHasChanged) {
  EXPECT_FALSE(build().unchanged);
  EXPECT_TRUE(build().unchanged);
  ASSERT_TRUE(write_file(folder / built / "nvidia.ko", "damaged"));
  const auto repaired = build();
  EXPECT_FALSE(repaired.unchanged);
  EXPECT_EQ(repaired.result, BuildReport::Result::built);
  EXPECT_THAT(*read_file(folder / built / "nvidia.ko"), HasSubstr("new_call"));
  job.debug_info = true;
  EXPECT_FALSE(build().unchanged);
}

TEST_F(JobTest, ACompileErrorNamesTheRecipeThatWasLeftOutAndLeavesTheEarlierModules) {
  build();
  const auto before = *read_file(folder / built / "build.json");
  const recipe::Catalogue none;
  job.catalogue = &none;
  const auto report = build();
  EXPECT_EQ(report.result, BuildReport::Result::failed);
  ASSERT_THAT(report.errors, SizeIs(1));
  EXPECT_EQ(report.errors[0].file, "nvidia/nv.c");
  EXPECT_EQ(report.errors[0].line, 2);
  EXPECT_THAT(report.errors[0].message, HasSubstr("implicit declaration of function 'old_call'"));
  EXPECT_THAT(report.errors[0].hint, HasSubstr(std::string("the recipe ") + id + " fixes this; it was left out"));
  EXPECT_THAT(report.modules, IsEmpty());
  EXPECT_THAT(*read_file(report.log), HasSubstr("nvidia/nv.c:2:")) << "the log of a failed build stays";
  EXPECT_THAT(files_in("cache/work"), IsEmpty());
  EXPECT_EQ(*read_file(folder / built / "build.json"), before);
}

TEST_F(JobTest, OfTwoRecipesForAnErrorTheOneThatWasLeftOutIsNamed) {
  auto other = test::recipe_text("6.98-other-driver");
  other.insert(other.find("old_call, files"), "other_driver_of_");
  recipes({other, test::recipe_text(id)});
  const auto both = std::move(catalogue);
  recipes({other});
  job.explanations = &both;
  const auto report = build();
  ASSERT_THAT(report.errors, SizeIs(1));
  ASSERT_THAT(report.recipes, SizeIs(1));
  EXPECT_EQ(report.recipes[0].state, recipe::Decision::not_needed);
  EXPECT_THAT(report.errors[0].hint, HasSubstr(std::string("the recipe ") + id + " fixes this; it was left out"));
}

TEST_F(JobTest, AModuleThatTheKernelWouldRefuseIsNotDelivered) {
  exported = "EXPORT_SYMBOL_GPL";
  auto report = build();
  EXPECT_EQ(report.result, BuildReport::Result::failed);
  ASSERT_THAT(report.errors, SizeIs(1));
  EXPECT_EQ(report.errors[0].tool, "verify");
  EXPECT_EQ(report.errors[0].file, "nvidia.ko");
  EXPECT_THAT(report.errors[0].message, HasSubstr("Unknown symbol new_call"));
  EXPECT_THAT(report.errors[0].hint, HasSubstr("GPL-incompatible module uses GPL-only symbol 'new_call'"));
  EXPECT_FALSE(fs::exists(folder / built));

  exported = "EXPORT_SYMBOL";
  package(test::fake_driver("6.98.0 SMP mod_unload "));
  report = build();
  EXPECT_EQ(report.result, BuildReport::Result::failed);
  ASSERT_THAT(report.errors, SizeIs(1));
  EXPECT_THAT(report.errors[0].message, HasSubstr("version magic '6.98.0 SMP mod_unload ' should be '6.99.0-fake"));
  EXPECT_FALSE(fs::exists(folder / built));
}

TEST_F(JobTest, WithoutConsentNothingIsBuilt) {
  recipes({test::recipe_text(id, "own-notice")});
  auto report = build();
  EXPECT_EQ(report.result, BuildReport::Result::consent);
  ASSERT_THAT(report.notices, SizeIs(1));
  EXPECT_EQ(report.notices[0].name, "own-notice");
  EXPECT_FALSE(fs::exists(folder / built));
  EXPECT_THAT(files_in("state/logs"), IsEmpty());
  job.accepted = {"own-notice"};
  EXPECT_EQ(build().result, BuildReport::Result::built);
}

TEST_F(JobTest, TheErrorOfARecipeThatIsNeededAndCannotBeAppliedHasBothReasons) {
  auto text = test::recipe_text(id);
  text.replace(text.find("from: old_call"), 14, "from: no_call_");
  recipes({text});
  const auto report = build();
  EXPECT_EQ(report.result, BuildReport::Result::failed);
  EXPECT_FALSE(report.log.empty()) << "make has run";
  EXPECT_EQ(report.errors.at(0).file, "nvidia/nv.c");
  EXPECT_THAT(report.errors.at(0).message, HasSubstr("old_call"));
  EXPECT_THAT(report.errors.at(0).hint, HasSubstr(id));
  EXPECT_THAT(report.errors.at(0).hint, HasSubstr("it was not applied (cannot: "));
  EXPECT_FALSE(fs::exists(folder / built));

  job.strict = recipe::Strict::all;
  const auto strict = build();
  EXPECT_EQ(strict.result, BuildReport::Result::failed);
  ASSERT_THAT(strict.errors, SizeIs(1));
  EXPECT_EQ(strict.errors[0].tool, "recipe");
  EXPECT_THAT(strict.errors[0].message, HasSubstr(std::string(id) + ": "));
  EXPECT_THAT(strict.errors[0].hint, HasSubstr("without --strict the compiler decides"));
  EXPECT_TRUE(strict.log.empty());
}

// A tree in which a patch has fixed one file, and not the other.
TEST_F(JobTest, TheErrorOfADriverThatIsHalfFixedNamesTheFixAndTheFileWithoutIt) {
  auto text = test::recipe_text(id);
  text.insert(text.find("transforms:"), "already-fixed: {contains: {token: fixed_call, files: \"nvidia/*.c\"}}\n");
  recipes({text});
  auto files = test::fake_driver();
  files["nvidia/os.c"] = "int fixed_call(int);\n";
  package(files);
  const auto report = build();
  EXPECT_EQ(report.result, BuildReport::Result::failed);
  EXPECT_EQ(report.errors.at(0).file, "nvidia/nv.c");
  EXPECT_THAT(report.errors.at(0).hint, HasSubstr(id));
  EXPECT_THAT(report.errors.at(0).hint, HasSubstr("it was not applied (already fixed: the driver brings its own fix "
                                                  "(nvidia/os.c:1), which is not in nvidia/nv.c:2)"));
}

TEST_F(JobTest, ARecipeThatTheCompilerDoesNotNeedIsNotNeededAfterAll) {
  const std::string odd =
      "id: 6.99-odd\nsummary: s\nwhen: {driver: {contains: {token: return, files: nvidia/nv.c}}}\n"
      "transforms: [{rename-call: {files: nvidia/nv.c, from: no_call, to: b}}]\n";
  recipes({test::recipe_text(id), odd});
  const auto report = build();
  EXPECT_EQ(report.result, BuildReport::Result::built);
  EXPECT_EQ(report.recipes.at(0).id, "6.99-odd");
  EXPECT_EQ(report.recipes.at(0).state, recipe::Decision::not_needed);
  ASSERT_THAT(report.warnings, Not(IsEmpty()));
  const auto& warning = report.warnings.back();
  EXPECT_EQ(warning.tool, "recipe");
  EXPECT_THAT(warning.message, HasSubstr("6.99-odd: not needed after all: the compiler has no complaint about "
                                         "nvidia/nv.c"));

  recipes({test::recipe_text(id), odd + "run-time: nothing works\n"});
  job.strict = recipe::Strict::run_time;
  const auto strict = build();
  EXPECT_EQ(strict.result, BuildReport::Result::failed);
  EXPECT_THAT(strict.errors.at(0).hint, HasSubstr("nothing works"));
}

TEST_F(JobTest, AFolderWithOtherFilesIsNotReplaced) {
  job.output = folder / "thesis";
  ASSERT_TRUE(write_file(job.output / "thesis.txt", "years of work"));
  const auto refused = try_build();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().why, HasSubstr("thesis.txt"));
  EXPECT_THAT(files_in("thesis"), ElementsAre("thesis.txt"));
  fs::remove(job.output / "thesis.txt");
  EXPECT_EQ(build().result, BuildReport::Result::built);
  EXPECT_THAT(files_in("thesis"), ElementsAre("build.json", "build.log", "nvidia.ko"));
}

TEST_F(JobTest, AModuleThatTheDriverDoesNotHaveIsBadInput) {
  job.modules = {"nvidia-vgpu-vfio"};
  const auto refused = try_build();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_EQ(refused.error().message(),
            "cannot build the module nvidia-vgpu-vfio: this driver does not have it\n  it has: nvidia");
}

TEST_F(JobTest, WithoutABinaryObjectItIsOnlyCompiled) {
  auto files = test::fake_driver();
  files["nvidia/nvidia.Kbuild"] += "NVIDIA_BINARY_OBJECT := $(src)/nvidia/nv-kernel.o_binary\n";
  package(files);
  ASSERT_THAT(driver.missing_binary_objects, ElementsAre("nvidia/nv-kernel.o_binary"));
  auto report = build();
  EXPECT_EQ(report.result, BuildReport::Result::failed);
  ASSERT_THAT(report.errors, SizeIs(1));
  EXPECT_EQ(report.errors[0].file, "nvidia/nv-kernel.o_binary");
  EXPECT_THAT(report.errors[0].hint, HasSubstr("--compile-only"));
}

TEST_F(JobTest, TheObjectOfAModuleThatIsNotBuiltIsNotMissed) {
  auto files = test::fake_driver();
  files["nvidia-modeset/nvidia-modeset.Kbuild"] =
      "NVIDIA_BINARY_OBJECT := $(src)/nvidia-modeset/nv-modeset-kernel.o_binary\n";
  package(files);
  ASSERT_THAT(driver.missing_binary_objects, ElementsAre("nvidia-modeset/nv-modeset-kernel.o_binary"));
  job.modules = {"nvidia"};
  const auto report = build();
  EXPECT_EQ(report.result, BuildReport::Result::built);
  EXPECT_THAT(report.errors, IsEmpty());
  for (const auto& warning : report.warnings) EXPECT_NE(warning.tool, "package") << warning.message;
}

}  // namespace
}  // namespace vgpukit::build
