// Shared by the tests of matrix/: matrix files, a small root with kernels, and results.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernel/fake_kernel.hpp"
#include "matrix/matrix_file.hpp"
#include "matrix/matrix_result.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::test {

inline matrix::Environment no_environment() {
  return [](const std::string&) { return std::nullopt; };
}

inline matrix::Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

// Parses `yaml` as a file in `folder`. Throws if that fails.
inline matrix::MatrixFile matrix_of(const std::string& yaml, const fs::path& folder,
                                    const matrix::Environment& environment = no_environment()) {
  auto file = matrix::parse_matrix_file(yaml, folder / "matrix.yaml", environment);
  if (!file) throw std::runtime_error(file.error().message());
  return *file;
}

// A root in which kernels built with gcc 12 can be opened.
class InstallRoot {
 public:
  InstallRoot() {
    put(folder_ / "etc/os-release", "ID=debian\n");
    fs::create_directories(folder_ / "usr/lib");
    fs::create_symlink("usr/lib", folder_ / "lib");
  }
  void kernel(const std::string& release) {
    put_headers(folder_ / ("usr/src/linux-headers-" + release), release);
    fs::create_directories(folder_ / ("usr/lib/modules/" + release));
    fs::create_symlink("/usr/src/linux-headers-" + release, folder_ / ("usr/lib/modules/" + release + "/build"));
  }
  // False if this user cannot enter a root.
  bool tools() { return put_build_tools(path()); }
  [[nodiscard]] const fs::path& path() const { return folder_.path(); }
  fs::path operator/(const fs::path& name) const { return folder_ / name; }

 private:
  TempFolder folder_;
};

inline matrix::CellResult cell(const std::string& driver, const std::string& kernel, matrix::Verdict verdict,
                               const std::string& inputs = "i") {
  matrix::CellResult one;
  one.driver = driver;
  one.kernel = kernel;
  one.verdict = verdict;
  one.inputs = inputs;
  return one;
}

inline matrix::MatrixResult result_of(std::vector<matrix::CellResult> cells, const std::string& version = "0.1.0") {
  return {version, "/m.yaml", std::move(cells), {}};
}

// A result with a green, a failed, a skipped and a missing cell.
inline matrix::MatrixResult sample_result() {
  auto good = cell("535", "6.12", matrix::Verdict::verified);
  good.recipes = {"6.12-x", "6.13-y"};
  good.seconds = 95.4;
  good.command = "vgpukit build /d/535 --kernel 6.12.1";
  good.build = {{"driver", {{"version", "535.261.03"}}},
                {"kernel", {{"release", "6.12.95+deb12-amd64"}}},
                {"warnings",
                 {{{"tool", "modpost"}, {"message", "missing MODULE_DESCRIPTION() in nvidia.o"}},
                  {{"tool", "gcc"}, {"message", "unused variable"}},
                  {{"tool", 1}, {"message", "of another form"}}}}};
  auto bad = cell("535", "7.2", matrix::Verdict::failed);
  bad.reason = "nv.c:3: expected '<' | \"\x01\"";
  bad.hint = "read on";
  bad.seconds = 3;
  return result_of(
      {good, bad, cell("470", "6.12", matrix::Verdict::skipped), cell("470", "7.2", matrix::Verdict::missing)});
}

}  // namespace vgpukit::test
