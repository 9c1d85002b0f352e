// Fuzzers: functions that read what others wrote, called with any input. One program has all of them (main.cpp).
#pragma once

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace vgpukit::fuzz {

namespace fs = std::filesystem;

struct Target {
  const char* name;
  void (*run)(const std::string& input);  // an error is a result; a crash, abort() or sanitizer report is a fault
  std::vector<std::string> (*seeds)();
};

// In *_targets.cpp.
extern const Target lexer, xml, yaml, archive, installer, state, diff, log, conftest, boot, module, rom, recipes,
    transforms, programs, driver_folder;

std::string bytes_of(const fs::path& file);

// The texts of the files below a folder of the source tree whose names end in `ending`; each at most 6 kB.
std::vector<std::string> texts_of(const char* folder, std::string_view ending);

// Several files in one input: each after a line "==> PATH".
using Texts = std::map<std::string, std::string>;
Texts texts_in(std::string_view input);
std::string text_of(const Texts& files);

// A folder in memory for targets that read files. It is the same during the whole run.
const fs::path& scratch();
void write_scratch(const fs::path& name, std::string_view bytes);

inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace vgpukit::fuzz
