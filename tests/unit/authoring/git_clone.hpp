// A small repository with the folders of the kernel's.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::test {

class GitClone {
 public:
  GitClone() { git({"init", "-q", "-b", "master", "."}); }
  [[nodiscard]] fs::path path() const { return folder_ / "k"; }

  std::string git(std::vector<std::string> words) {
    std::error_code ignored;
    fs::create_directories(path(), ignored);
    Command command;
    command.argv = {"git",         "-C", path().string(), "-c", "safe.directory=*", "-c",
                    "user.name=t", "-c", "user.email=t@t"};
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    const auto outcome = run(command);
    EXPECT_TRUE(outcome && outcome->ok()) << (outcome ? outcome->err : outcome.error().message());
    return outcome ? outcome->out : "";
  }

  using Files = std::vector<std::pair<std::string, std::string>>;
  // Writes the files (an empty text removes one) and commits them. Returns the commit's id.
  std::string commit(const std::string& message, const Files& files) {
    for (const auto& [name, text] : files) {
      if (text.empty())
        fs::remove(path() / name);
      else
        EXPECT_TRUE(write_file(path() / name, text));
    }
    git({"add", "-A"});
    git({"commit", "-q", "--allow-empty", "-m", message});
    return git({"rev-parse", "HEAD"}).substr(0, 40);
  }

 private:
  TempFolder folder_;
};

}  // namespace vgpukit::test
