// Runs the whole command line in the test's process, below a temporary folder, and gives what a user would see.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/cli.hpp"
#include "driver/driver_fixtures.hpp"
#include "kernel/fake_kernel.hpp"
#include "support/temp_folder.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class CommandLine : public ::testing::Test {
 protected:
  CommandLine() {
    for (const auto& [name, place] : {std::pair{"VGPUKIT_CACHE", "cache"}, {"VGPUKIT_STATE", "state"}})
      ::setenv(name, (temp / place).c_str(), 1);
    ::setenv("VGPUKIT_CONFIG", (temp / "config.yaml").c_str(), 1);
    ::unsetenv("VGPUKIT_DATA");
  }
  ~CommandLine() override {
    for (const char* name : {"VGPUKIT_CACHE", "VGPUKIT_STATE", "VGPUKIT_CONFIG", "VGPUKIT_DATA"}) ::unsetenv(name);
  }

  struct Output {
    int code = -1;
    std::string out, err;
  };
  static Output vgpukit(std::vector<std::string> words) {
    words.insert(words.begin(), "vgpukit");
    std::vector<const char*> argv;
    for (const auto& word : words) argv.push_back(word.c_str());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    Output output;
    output.code = run_app(static_cast<int>(argv.size()), argv.data());
    output.err = ::testing::internal::GetCapturedStderr();
    output.out = ::testing::internal::GetCapturedStdout();
    return output;
  }
  // Runs it with --format json and expects `code` and one document on stdout.
  static nlohmann::json json(std::vector<std::string> words, int code = 0) {
    words.insert(words.end(), {"--format", "json"});
    const auto output = vgpukit(std::move(words));
    EXPECT_EQ(output.code, code) << output.out << output.err;
    auto document = nlohmann::json::parse(output.out, nullptr, false);
    EXPECT_FALSE(document.is_discarded()) << output.out;
    return document;
  }
  // Expects bad usage, with all of these words on stderr and nothing on stdout.
  static void refused(const std::vector<std::string>& words, const std::vector<std::string>& message) {
    const auto output = vgpukit(words);
    EXPECT_EQ(output.code, 2) << output.out << output.err;
    EXPECT_THAT(output.out, IsEmpty());
    EXPECT_THAT(output.err, StartsWith("error: "));
    for (const auto& part : message) EXPECT_THAT(output.err, HasSubstr(part));
  }

  // A root folder of Debian with one kernel, whose headers are complete. False where this user cannot enter a root.
  [[nodiscard]] bool make_root() const {
    test::put(root() / "etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian\"\n");
    test::put_headers(root() / "usr/src/linux-headers-6.99.0-fake", "6.99.0-fake");
    test::put(root() / "usr/src/linux-headers-6.99.0-fake/Module.symvers",
              "0x12345678\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n0x12345679\tnew_call\tvmlinux\tEXPORT_SYMBOL_GPL\t\n");
    return test::put_build_tools(root());
  }
  [[nodiscard]] fs::path root() const { return temp / "root"; }

  test::TempFolder temp;
};

}  // namespace vgpukit::cli
