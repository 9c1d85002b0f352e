#include "matrix/container_images.hpp"

#include <sys/stat.h>

#include "matrix/cell_inputs.hpp"
#include "matrix/emit.hpp"
#include "matrix/grid.hpp"
#include "matrix/matrix_fixtures.hpp"

namespace vgpukit::matrix {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A podman with an image for each file images/NAME, which contains the ID. The content of each image is content/. It
// records its arguments. tests/integration/cases/70-matrix.test uses the real podman.
const std::string podman = R"(#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/calls"
if [ -e "$here/broken" ]; then
  echo "a line before" >&2
  cat "$here/broken" >&2
  exit $(cat "$here/status" 2>&- || echo 125)
fi
case "$1 $2" in
"image list") ;;
"image inspect") cat "$here/images/$5" 2>&- || { echo "Error: $5: image not known" >&2; exit 125; } ;;
"image exists") grep -qrl "^$3" "$here/images" || [ -e "$here/images/$3" ] ;;
"ps --all") [ ! -e "$here/containers" ] || cat "$here/containers" ;;
"create --pull=never") echo c1 | tee -a "$here/containers" ;;
"export --output") [ ! -e "$here/full" ] || { echo "no space left on device" >&2; exit 125; }
  tar -cf "$3" -C "$here/content" . ;;
"rm --force") : > "$here/containers" ;;
*) echo "what is $*?" >&2; exit 125 ;;
esac
)";

const std::string id_one = "1111111111111111aaaaaaaaaaaaaaaa1111111111111111aaaaaaaaaaaaaaaa";
const std::string id_two = "2222222222222222bbbbbbbbbbbbbbbb2222222222222222bbbbbbbbbbbbbbbb";

class ImagesTest : public testing::Test {
 protected:
  void SetUp() override {
    test::put(folder_ / "podman", podman, 0755);
    test::put(folder_ / "images/mine", id_one + "\n");
    test::put(folder_ / "content/etc/os-release", "ID=debian\n");
    test::put_headers(folder_ / "content/usr/src/linux-headers-6.1.0-1-amd64", "6.1.0-1-amd64");
    fs::create_directories(folder_ / "content/lib/modules/6.1.0-1-amd64");
    fs::create_symlink("/usr/src/linux-headers-6.1.0-1-amd64", folder_ / "content/lib/modules/6.1.0-1-amd64/build");
    machine_.cache = folder_ / "cache";
    machine_.state = folder_ / "state";
  }
  ImageRoots images() { return {machine_, {}, (folder_ / "podman").string()}; }
  std::string calls() { return read_file(folder_ / "calls").value(); }
  Image unpacked(const std::string& name = "mine") {
    auto some = images();
    const auto status = some.unpack(name, [&](const std::string& text) { said_ += text + "\n"; });
    EXPECT_TRUE(status) << status.error().message();
    return some.find(name);
  }
  MatrixFile file_with(const std::string& keys) {
    return test::matrix_of("drivers: [reference]\nkernels:\n  - {name: k, " + keys + "}\n", folder_.path());
  }

  test::TempFolder folder_;
  HostPaths machine_;
  std::string said_;
};

TEST_F(ImagesTest, AreFoundWithoutBeingUnpacked) {
  auto some = images();
  const auto& image = some.find("mine");
  EXPECT_FALSE(image.problem);
  EXPECT_FALSE(image.unpacked);
  EXPECT_EQ(image.id, id_one);
  EXPECT_EQ(image.root.parent_path(), folder_ / "cache/images");
  EXPECT_FALSE(fs::exists(folder_ / "cache"));
  some.find("mine");
  EXPECT_EQ(calls(), "image inspect --format {{.Id}} mine\n") << "asked once, and nothing else";
}

TEST_F(ImagesTest, AreUnpackedOnceAndLeaveNoContainer) {
  const auto first = unpacked();
  ASSERT_FALSE(first.problem) << first.problem->message();
  EXPECT_TRUE(first.unpacked);
  EXPECT_EQ(read_file(first.root / "etc/os-release").value(), "ID=debian\n");
  EXPECT_EQ(read_file(folder_ / "containers").value(), "");
  EXPECT_THAT(calls(), HasSubstr("create --pull=never --network=none --label vgpukit.unpack=" +
                                 (folder_ / "cache/images").string() + " " + id_one + " true"));
  EXPECT_THAT(said_, HasSubstr("unpacking the container image mine"));
  said_ = "";
  EXPECT_TRUE(unpacked().unpacked);
  EXPECT_EQ(said_, "");
  const auto text = calls();
  EXPECT_EQ(text.find("export"), text.rfind("export"));
  EXPECT_EQ(fs::status(folder_ / "cache/images").permissions(), fs::perms::owner_all)
      << "a root may hold what is not for everybody";
}

TEST_F(ImagesTest, OtherContentIsAnotherRoot) {
  const auto one = unpacked();
  test::put(folder_ / "images/mine", id_two + "\n");
  const auto two = unpacked();
  EXPECT_NE(one.root, two.root);
  EXPECT_TRUE(fs::exists(one.root / "etc")) << "a build may still use it";
  kernel::Facts facts(test::fake_kernel(folder_), {});
  driver::Driver driver;
  const auto catalogue = recipe::Catalogue::of({}).value();
  CellRequest request;
  request.driver = &driver;
  request.catalogue = &catalogue;
  request.image = one.id;
  const auto first = inputs_of_cell(facts, request).value();
  request.image = two.id;
  EXPECT_NE(inputs_of_cell(facts, request).value(), first);
}

TEST_F(ImagesTest, ThatPodmanNoLongerHasAreRemovedADayLater) {
  const auto one = unpacked();
  test::put(folder_ / "images/mine", id_two + "\n");
  fs::create_directories(folder_ / "cache/images/.1111111111111111.x1Yz2A/root/etc");  // of a run that was killed
  fs::last_write_time(one.root, fs::file_time_type::clock::now() - std::chrono::hours(25));
  unpacked();
  EXPECT_FALSE(fs::exists(one.root));
  EXPECT_FALSE(fs::exists(folder_ / "cache/images/.1111111111111111.x1Yz2A"));
}

TEST_F(ImagesTest, ThatAKilledRunLeftAreRemoved) {
  test::put(folder_ / "containers", "old1\nold2\n");
  unpacked();
  EXPECT_THAT(calls(), HasSubstr("ps --all --quiet --no-trunc --filter label=vgpukit.unpack=" +
                                 (folder_ / "cache/images").string()));
  EXPECT_THAT(calls(), HasSubstr("rm --force old1 old2\n"));
}

// Links of an image must not lead to the machine's own folders.
TEST_F(ImagesTest, GetTheFoldersThatABuildNeeds) {
  fs::create_directories(folder_ / "elsewhere");
  fs::create_symlink(folder_ / "elsewhere", folder_ / "content/var");
  fs::create_symlink(folder_ / "elsewhere", folder_ / "content/proc");
  test::put(folder_ / "content/dev/null", "no device");
  test::put(folder_ / "content/usr/include/dev/x.h", "text");
  test::put(folder_ / "content/usr/bin/su", "", 04755);
  test::put(folder_ / "content/usr/closed/file", "");
  fs::permissions(folder_ / "content/usr/closed", fs::perms(0555));
  const auto image = unpacked();
  ASSERT_FALSE(image.problem) << image.problem->message();
  for (const char* name : {"var", "var/tmp", "tmp", "proc", "dev", "sys"})
    EXPECT_TRUE(fs::is_directory(fs::symlink_status(image.root / name))) << name;
  EXPECT_TRUE(fs::is_empty(folder_ / "elsewhere"));
  EXPECT_FALSE(fs::exists(image.root / "dev/null"));
  EXPECT_TRUE(fs::exists(image.root / "usr/include/dev/x.h"));
  struct stat info {};
  ASSERT_EQ(::stat((image.root / "usr/bin/su").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 06000U, 0U);
  EXPECT_NE(fs::status(image.root / "usr/closed").permissions() & fs::perms::owner_write, fs::perms::none);
}

TEST_F(ImagesTest, SayWhatIsWrong) {
  auto some = images();
  const auto& none = some.find("registry/other:1");
  ASSERT_TRUE(none.problem);
  EXPECT_TRUE(none.absent);
  EXPECT_EQ(none.problem->kind, ErrorKind::missing);
  EXPECT_THAT(none.problem->message(),
              AllOf(HasSubstr("use the container image registry/other:1"), HasSubstr("has no such image"),
                    HasSubstr("podman pull registry/other:1"), HasSubstr("fetch: [podman, pull, registry/other:1]")));
  EXPECT_THAT(calls(), AllOf(Not(HasSubstr("pull")), Not(HasSubstr("create"))));

  test::put(folder_ / "broken", "Error: kernel does not support overlay fs\n");
  some.forget();
  const auto& broken = some.find("mine");
  ASSERT_TRUE(broken.problem);
  EXPECT_FALSE(broken.absent);
  EXPECT_EQ(broken.problem->kind, ErrorKind::missing);
  EXPECT_THAT(broken.problem->why,
              AllOf(HasSubstr("status 125: Error: kernel does not support overlay fs"), Not(HasSubstr("before"))));
  EXPECT_THAT(broken.problem->next, HasSubstr("image inspect"));

  test::put(folder_ / "status", "1");  // of "exists" for a missing image
  some.forget();
  EXPECT_FALSE(some.find("mine").absent);
  EXPECT_THAT(some.find("mine").problem->why, HasSubstr("status 1: Error: kernel does not"));

  ImageRoots without_podman(machine_, {}, (folder_ / "no-podman").string());
  const auto& without = without_podman.find("mine");
  ASSERT_TRUE(without.problem);
  EXPECT_TRUE(without.absent);
  EXPECT_EQ(without.problem->kind, ErrorKind::missing);
  EXPECT_THAT(without.problem->message(), AllOf(HasSubstr("is not installed"), HasSubstr("the package podman")));
}

TEST_F(ImagesTest, ThatCannotBeUnpackedLeaveNothing) {
  test::put(folder_ / "full", "");
  const auto image = unpacked();
  ASSERT_TRUE(image.problem);
  EXPECT_FALSE(image.unpacked);
  EXPECT_EQ(image.problem->kind, ErrorKind::missing);
  EXPECT_THAT(image.problem->message(),
              AllOf(HasSubstr("unpack the container image mine"), HasSubstr("no space left on device")));
  EXPECT_EQ(read_file(folder_ / "containers").value(), "");
  for (const auto& entry : fs::directory_iterator(folder_ / "cache/images")) EXPECT_EQ(entry.path().filename(), "lock");
}

TEST_F(ImagesTest, AKernelsColumnIsUnpackedByARunOnly) {
  const auto file = file_with("container: mine, kernel: '6.1'");
  auto some = images();
  auto grid = make_grid(file, machine_, some).value();
  ASSERT_EQ(grid.columns.size(), 1U);
  EXPECT_TRUE(grid.columns[0].packed);
  EXPECT_FALSE(fs::exists(folder_ / "cache"));
  std::vector<std::string> problems;
  EXPECT_EQ(fetch_sources(
                grid, machine_, test::no_environment(), [](const std::string&) {}, problems)
                .value(),
            0U);
  EXPECT_EQ(unpack_images(grid, some, [](const std::string&) {}).value(), 1U);
  grid = make_grid(file, machine_, some).value();
  EXPECT_FALSE(grid.columns[0].packed);
  EXPECT_FALSE(grid.columns[0].problem);
  EXPECT_EQ(grid.columns[0].release, "6.1.0-1-amd64");
  EXPECT_EQ(grid.columns[0].image, id_one);
  EXPECT_EQ(unpack_images(grid, some, [](const std::string&) {}).value(), 0U);
}

TEST_F(ImagesTest, ErrorsNameTheImageInsteadOfItsFolder) {
  unpacked();
  auto some = images();
  const auto other = make_grid(file_with("container: mine, kernel: '6.12'"), machine_, some).value();
  ASSERT_TRUE(other.columns[0].problem);
  EXPECT_THAT(other.columns[0].problem->message(),
              AllOf(HasSubstr("find the kernel 6.12 in the image mine"), HasSubstr("6.1.0-1-amd64"),
                    HasSubstr("in a new build of the image"), Not(HasSubstr("cache/images"))));
  const auto without_compiler = make_grid(file_with("container: mine, kernel: newest"), machine_, some).value();
  ASSERT_TRUE(without_compiler.columns[0].problem);
  EXPECT_THAT(without_compiler.columns[0].problem->message(),
              AllOf(HasSubstr("gcc-12"), HasSubstr("inside the image mine"), Not(HasSubstr("cache/images"))));
  EXPECT_EQ(without_compiler.columns[0].problem->kind, ErrorKind::missing);
}

TEST_F(ImagesTest, ThatAreOptionalAreSkippedIfMissingButNotIfPodmanFails) {
  const auto file = file_with("container: other, kernel: '6.1', optional: only at home");
  auto some = images();
  EXPECT_THAT(make_grid(file, machine_, some).value().columns[0].skipped, HasSubstr("only at home"));
  test::put(folder_ / "broken", "no rights\n");
  some.forget();
  const auto grid = make_grid(file, machine_, some).value();
  EXPECT_EQ(grid.columns[0].skipped, "");
  EXPECT_THAT(grid.columns[0].problem->why, HasSubstr("no rights"));
}

TEST_F(ImagesTest, EmittedJobsSayWhatTheyNeedForThem) {
  Emission emission;
  emission.file = "m.yaml";
  const auto plain = test::matrix_of("drivers: [reference]\nkernels: [newest]\n", folder_.path());
  EXPECT_THAT(github_of(make_grid(plain, machine_).value(), emission).value(), Not(HasSubstr("podman")));
  auto some = images();
  const auto file = file_with("container: mine, kernel: '6.1'");
  const auto grid = make_grid(file, machine_, some).value();
  for (const auto& text : {github_of(grid, emission).value(), gitlab_of(grid, emission).value()}) {
    EXPECT_THAT(text, AllOf(testing::StartsWith("# Written by: "), HasSubstr("\n# k is built in a container image"),
                            HasSubstr("fetch: in the matrix file can pull it"), Not(HasSubstr("--privileged"))));
  }
  emission.image = "debian";
  const auto fetched = file_with("container: mine, kernel: '6.1', fetch: [podman, pull, mine]");
  EXPECT_THAT(kubernetes_of(make_grid(fetched, machine_, some).value(), emission).value(),
              AllOf(HasSubstr("a job needs podman.\n"), HasSubstr("--privileged")));
}

}  // namespace
}  // namespace vgpukit::matrix
