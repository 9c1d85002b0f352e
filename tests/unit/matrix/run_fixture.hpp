// A matrix of one driver on two kernels, and a "vgpukit" that is a shell script.
#pragma once

#include "matrix/matrix_fixtures.hpp"
#include "matrix/matrix_run.hpp"
#include "recipe/parse_recipe.hpp"
#include "support/atomic_file.hpp"

namespace vgpukit::matrix {

// A "vgpukit" that records its arguments. It runs the shell code of answers/RELEASE, otherwise it reports a successful
// build.
inline const std::string program = R"(#!/bin/sh
here=$(dirname "$0")
echo "$*" >> "$here/calls"
release=
without=
while [ $# -gt 0 ]; do
  case $1 in --kernel) release=$2 ;; --without) without=$2 ;; esac
  shift
done
[ -z "$without" ] || [ ! -e "$here/answers/$without" ] || release=$without
if [ -e "$here/answers/$release" ]; then . "$here/answers/$release"; exit; fi
echo make said this > "$here/$release.log"
echo '{"result": "built", "errors": [], "log": "'"$here/$release"'.log",
  "recipes": [{"id": "6.99-applied", "state": "applies"}, {"id": "6.99-other", "state": "not needed"}]}'
)";

inline std::string recipe(const std::string& id, const std::string& token) {
  return "id: " + id + "\nsummary: s\nwhen: {kernel: '>=6', driver: {contains: {token: " + token +
         ", files: '**/*.c'}}}\ntransforms:\n  - rename-token: {files: '**/*.c', from: " + token + ", to: other}\n";
}

class RunTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!root_.tools()) GTEST_SKIP() << "this user cannot enter another root folder here";
    root_.kernel("6.1.1-a");
    root_.kernel("6.2.2-b");
    test::put(folder_ / "vgpukit", program, 0755);
    driver_source("int function(void) { return token; }\n");
    test::put(folder_ / "driver/Kbuild", "ccflags-y += -DNV_VERSION_STRING=\\\"535.261.03\\\"\n");
    test::put(folder_ / "driver/Makefile", "  NV_KERNEL_MODULES ?= $(wildcard nvidia)\n");
    test::put(folder_ / "driver/conftest.sh", "#!/bin/sh\n");
    test::put(folder_ / "driver/nvidia/nvidia.Kbuild", "NVIDIA_SOURCES = nvidia/nv.c\n");
    recipes({recipe("6.99-other", "absent")});
    matrix("");
  }
  void driver_source(const std::string& text) { test::put(folder_ / "driver/nvidia/nv.c", text); }
  void matrix(const std::string& more, const std::string& driver_keys = "", const std::string& kernel_keys = "") {
    const auto root = root_.path().string();
    file_ = test::matrix_of("drivers: [{name: d, driver: ./driver" + driver_keys +
                                "}]\nkernels:\n  - {name: a, root: " + root + ", kernel: '6.1'" + kernel_keys +
                                "}\n  - {name: b, root: " + root + ", kernel: '6.2'}\n" + more,
                            folder_.path());
  }
  void recipes(const std::vector<std::string>& texts) {
    std::vector<recipe::Recipe> all;
    for (const auto& text : texts) all.push_back(recipe::parse_recipe(text, "r.yaml", "/nowhere").value());
    catalogue_ = std::make_unique<recipe::Catalogue>(recipe::Catalogue::of(std::move(all)).value());
  }
  void answer(const std::string& release, const std::string& shell) {
    test::put(folder_ / ("answers/" + release), shell);
  }
  MatrixRun settings() {
    machine_.root = "/";
    machine_.cache = folder_ / "cache";
    machine_.state = folder_ / "state";
    grid_ = make_grid(file_, machine_).value();
    MatrixRun run;
    run.grid = &grid_;
    run.machine = machine_;
    run.catalogue = catalogue_.get();
    run.program = (folder_ / "vgpukit").string();
    run.folder = folder_ / "results";
    run.jobs = 2;
    return run;
  }
  MatrixResult result(bool fresh = false) {
    auto run = settings();
    run.fresh = fresh;
    auto result = run_matrix(run);
    EXPECT_TRUE(result) << result.error().message();
    return result ? *result : MatrixResult{};
  }
  std::size_t calls() {
    const auto text = read_file(folder_ / "calls");
    return text ? static_cast<std::size_t>(std::count(text->begin(), text->end(), '\n')) : 0;
  }

  test::TempFolder folder_;
  test::InstallRoot root_;
  HostPaths machine_;
  MatrixFile file_;
  Grid grid_;
  std::unique_ptr<recipe::Catalogue> catalogue_;
};

}  // namespace vgpukit::matrix
