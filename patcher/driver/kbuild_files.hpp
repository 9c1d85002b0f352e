// What a driver's Kbuild files say there is to do, counted without running make: enough for a progress line, never a
// reason to fail.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace vgpukit::driver {

struct KbuildSummary {
  std::vector<std::string> sources;  // .c files in the *_SOURCES lists, sorted
  unsigned tests = 0;                // conftest's compile tests and header tests
  unsigned silent_tests = 0;         // of these, what Kbuild runs without a word (470: the header tests)
};

// The modules that a tree can build: folders NAME with NAME/NAME.Kbuild, sorted.
std::vector<std::string> modules_of_tree(const std::filesystem::path& tree);

// `modules`: as in BuildRequest; empty: all of the tree's. A file that cannot be read counts as empty.
KbuildSummary read_kbuild_summary(const std::filesystem::path& tree, const std::vector<std::string>& modules);

}  // namespace vgpukit::driver
