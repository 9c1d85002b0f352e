// The modules, sources and conftest tests that a driver's Kbuild files name, read without running make. They are for a
// progress line; no error results from them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vgpukit::driver {

struct KbuildSummary {
  std::vector<std::string> sources;  // .c files in the *_SOURCES lists, sorted
  unsigned tests = 0;                // conftest's compile tests and header tests
  unsigned silent_tests = 0;         // of these, the ones that Kbuild runs without printing a line (470: header tests)
};

// The modules that a tree can build: folders NAME with NAME/NAME.Kbuild, sorted.
std::vector<std::string> modules_of_tree(const std::filesystem::path& tree);

// `modules`: empty means all of the tree. A file that cannot be read counts as empty.
KbuildSummary read_kbuild_summary(const std::filesystem::path& tree, const std::vector<std::string>& modules);

}  // namespace vgpukit::driver
