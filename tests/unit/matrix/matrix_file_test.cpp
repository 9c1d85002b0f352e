#include "matrix/matrix_file.hpp"

#include "matrix/matrix_fixtures.hpp"

namespace vgpukit::matrix {
namespace {

using testing::HasSubstr;

std::string error_of(const std::string& yaml, const Environment& environment = test::no_environment()) {
  const auto file = parse_matrix_file(yaml, "/m/matrix.yaml", environment);
  EXPECT_FALSE(file) << yaml;
  if (file) return "";
  EXPECT_EQ(file.error().kind, ErrorKind::usage);
  return file.error().message();
}

TEST(MatrixFile, SaysWhatIsBuiltOnWhat) {
  const auto file = test::matrix_of(
      "deadline: 30m\n"
      "drivers:\n"
      "  - reference\n"
      "  - 535\n"
      "  - ./drivers/535.tar.xz\n"
      "  - {name: 525, driver: /d/525, compile-only: true, accept: [gpl-export], modules: [nvidia, nvidia-vgpu-vfio], "
      "deadline: "
      "2h}\n"
      "kernels:\n"
      "  - running\n"
      "  - {name: bookworm-6.1, root: ../roots/bookworm, kernel: 6.1, accept: other-compiler, fetch: [./roots.sh, "
      "bookworm]}\n"
      "unsupported:\n"
      "  - {driver: '525', kernel: running, reason: too old}\n"
      "  - {driver: '*', kernel: bookworm-6.1, reason: not yet}\n",
      "/m");
  ASSERT_EQ(file.drivers.size(), 4U);
  EXPECT_EQ(file.drivers[0].word, "reference");
  EXPECT_EQ(file.drivers[1].word, "535");
  EXPECT_EQ(file.drivers[2].word, "/m/drivers/535.tar.xz");
  EXPECT_EQ(file.drivers[2].name, "535.tar.xz");
  EXPECT_TRUE(file.drivers[3].compile_only);
  EXPECT_EQ(file.drivers[3].accept, std::vector<std::string>{"gpl-export"});
  EXPECT_EQ(file.drivers[3].modules.size(), 2U);
  EXPECT_EQ(file.drivers[3].deadline, std::chrono::hours(2));
  EXPECT_EQ(file.deadline, std::chrono::minutes(30));
  ASSERT_EQ(file.kernels.size(), 2U);
  EXPECT_EQ(file.kernels[0].root, "/");
  EXPECT_EQ(file.kernels[1].root, "/roots/bookworm");
  EXPECT_EQ(file.kernels[1].word, "6.1");
  EXPECT_EQ(file.kernels[1].accept, std::vector<std::string>{"other-compiler"});
  EXPECT_EQ(file.kernels[1].source.fetch, (std::vector<std::string>{"/m/roots.sh", "bookworm"}));
  EXPECT_EQ(file.why_unsupported("525", "running"), "too old");
  EXPECT_EQ(file.why_unsupported("535", "running"), "");
  EXPECT_EQ(file.why_unsupported("535", "bookworm-6.1"), "not yet");
}

TEST(MatrixFile, TakesVariablesFromTheEnvironment) {
  const std::string yaml =
      "drivers:\n"
      "  - {name: a, driver: \"${DRIVERS}/a\"}\n"
      "  - {name: b, driver: \"${NOWHERE:-/fallback}/b\"}\n"
      "  - {name: c, driver: \"${NOWHERE}\", optional: cannot be shipped}\n"
      "kernels: [{name: i, container: \"${REGISTRY}/headers:1\", kernel: '6.1'}]\n";
  const auto file = test::matrix_of(yaml, "/m", test::environment_of({{"DRIVERS", "/srv"}, {"REGISTRY", "r.example"}}));
  EXPECT_EQ(file.kernels[0].container, "r.example/headers:1");
  EXPECT_EQ(file.drivers[0].word, "/srv/a");
  EXPECT_EQ(file.drivers[1].word, "/fallback/b");
  EXPECT_EQ(file.drivers[2].source.absent, "the environment variable NOWHERE is not set");
  EXPECT_EQ(file.drivers[2].source.optional, "cannot be shipped");
}

TEST(MatrixFile, PointsAtTheMistake) {
  EXPECT_THAT(error_of("drivers: [reference]\nkernels:\n  - {name: a, kernal: running}\n"),
              testing::AllOf(HasSubstr("/m/matrix.yaml:3:15"), HasSubstr("unknown key 'kernal'"),
                             HasSubstr("did you mean 'kernel'?")));
  EXPECT_THAT(error_of("drivers: [reference]\nkernel: [running]\n"),
              testing::AllOf(HasSubstr(":2:1"), HasSubstr("'kernels'")));
  EXPECT_THAT(error_of("drivers: []\nkernels: [running]\n"),
              testing::AllOf(HasSubstr(":1:10"), HasSubstr("a list for drivers")));
  EXPECT_THAT(error_of("drivers: [reference]\n"), HasSubstr("has no 'kernels'"));
  EXPECT_THAT(error_of(""), HasSubstr("empty"));
  EXPECT_THAT(error_of("drivers: [\n"), HasSubstr("not valid YAML"));
}

TEST(MatrixFile, NamesAreUniqueAndFitForFiles) {
  EXPECT_THAT(error_of("drivers: [reference, reference]\nkernels: [running]\n"),
              testing::AllOf(HasSubstr(":1:22"), HasSubstr("a second driver called 'reference'")));
  EXPECT_THAT(error_of("drivers: [reference]\nkernels:\n  - running\n  - {name: running, kernel: newest}\n"),
              testing::AllOf(HasSubstr(":4:5"), HasSubstr("the first is in line 3")));
  EXPECT_THAT(error_of("drivers:\n  - {name: a/b, driver: reference}\nkernels: [running]\n"),
              testing::AllOf(HasSubstr(":2:12"), HasSubstr("'a/b' cannot be a name")));
  EXPECT_THAT(error_of("drivers:\n  - {name: ../x, driver: reference}\nkernels: [running]\n"),
              HasSubstr("cannot be a name"));
}

TEST(MatrixFile, RefusesWhatCannotBe) {
  EXPECT_THAT(error_of("deadline: soon\ndrivers: [reference]\nkernels: [running]\n"),
              testing::AllOf(HasSubstr(":1:11"), HasSubstr("such as 90s, 45m or 2h"), HasSubstr("'soon'")));
  for (const char* bad : {"0m", "10", "5 m", "-3s", "99999999999s"})
    EXPECT_THAT(error_of("deadline: " + std::string(bad) + "\ndrivers: [reference]\nkernels: [running]\n"),
                HasSubstr("a time"))
        << bad;
  EXPECT_THAT(error_of("drivers: [reference]\nkernels:\n  - {name: a, root: /srv/r, kernel: running}\n"),
              testing::AllOf(HasSubstr(":3:37"), HasSubstr("no running kernel")));
  EXPECT_THAT(error_of("drivers: [reference]\nkernels:\n  - {name: a, root: /srv/r, container: i, kernel: '6.1'}\n"),
              testing::AllOf(HasSubstr(":3:40"), HasSubstr("not in both"), HasSubstr("leave out root: or container:")));
  EXPECT_THAT(error_of("drivers: [reference]\nkernels:\n  - {name: a, container: i, kernel: running}\n"),
              testing::AllOf(HasSubstr(":3:37"), HasSubstr("an image has no running kernel")));
  EXPECT_THAT(error_of("drivers: [reference]\nkernels:\n  - {name: a, contaner: i, kernel: '6.1'}\n"),
              HasSubstr("did you mean 'container'?"));
  for (const char* bad : {"--help", "a b"})
    EXPECT_THAT(error_of("drivers: [reference]\nkernels:\n  - {name: a, container: '" + std::string(bad) +
                         "', kernel: '6.1'}\n"),
                testing::AllOf(HasSubstr(":3:26"), HasSubstr("is not the name of a container image")));
  EXPECT_THAT(
      error_of(
          "drivers: [reference]\nkernels: [running]\nunsupported: {driver: referense, kernel: running, reason: x}\n"),
      testing::AllOf(HasSubstr(":3:23"), HasSubstr("called 'referense'"), HasSubstr("did you mean 'reference'?")));
  EXPECT_THAT(error_of("drivers: [reference]\nkernels: [running]\nunsupported: {driver: reference, kernel: running}\n"),
              HasSubstr("has no 'reason'"));
  EXPECT_THAT(error_of("drivers: [{name: a, driver: ./a, compile-only: true, loads: ./x}]\nkernels: [running]\n"),
              testing::AllOf(HasSubstr(":1:61"), HasSubstr("what is only compiled cannot be loaded")));
  EXPECT_THAT(error_of("drivers: [{name: a, driver: ./a, loads: ./x, works: ./y}]\nkernels: [running]\n"),
              HasSubstr("a driver has one program for its modules"));
  EXPECT_THAT(error_of("drivers: [{name: a, driver: ./a, loads: []}]\nkernels: [running]\n"), HasSubstr("loads"));
  EXPECT_THAT(error_of("drivers: [{name: a, driver: \"${X\"}]\nkernels: [running]\n"), HasSubstr("without its '}'"));
}

}  // namespace
}  // namespace vgpukit::matrix
