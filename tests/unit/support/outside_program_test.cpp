#include "support/outside_program.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/temp_folder.hpp"

namespace vgpukit {
namespace {

using testing::HasSubstr;

class OutsideProgramTest : public testing::Test {
 protected:
  OutsideProgram shell(const std::string& script) {
    OutsideProgram program;
    program.command.argv = {"/bin/sh", "-c", script};
    program.command.cwd = folder.path();
    program.tried = "make the functions";
    program.next = "read dmesg";
    return program;
  }
  [[nodiscard]] std::size_t calls() const {
    std::ifstream in(folder / "calls");
    return static_cast<std::size_t>(std::count(std::istreambuf_iterator<char>(in), {}, '\n'));
  }
  test::TempFolder folder;
};

TEST_F(OutsideProgramTest, AFailureIsTheLastTryWithTheProgramsWords) {
  auto program = shell("echo x >> calls; echo Enabling; echo 'Cannot obtain unbindLock' >&2; exit 3");
  program.wrong = [] { return "there are 0 of 32"; };
  program.tries = 3;
  program.pause = [] { return true; };
  const auto done = run_outside(program);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::failed);
  EXPECT_THAT(done.error().why, HasSubstr("sh ended with status 3, and there are 0 of 32; it said: "));
  EXPECT_THAT(done.error().why, HasSubstr("Cannot obtain unbindLock"));
  EXPECT_EQ(done.error().next, "read dmesg");
  EXPECT_EQ(calls(), 1u);
}

TEST_F(OutsideProgramTest, AProgramThatDoesNothingIsTriedAFewTimes) {
  auto program = shell("echo x >> calls; echo Enabling VFs");
  program.wrong = [] { return "there are 0 of 32"; };
  program.tries = 3;
  program.pause = [] { return true; };
  const auto done = run_outside(program);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().why, "sh ended with status 0, 3 times, but there are 0 of 32; it said: Enabling VFs");
  EXPECT_EQ(calls(), 3u);
}

TEST_F(OutsideProgramTest, ALaterTryCanSucceed) {
  auto program = shell("echo x >> calls");
  program.wrong = [this] { return calls() < 2 ? "not yet" : ""; };
  program.tries = 3;
  program.pause = [] { return true; };
  EXPECT_TRUE(run_outside(program));
  EXPECT_EQ(calls(), 2u);
}

TEST_F(OutsideProgramTest, WhatItDidCountsMoreThanItsStatus) {
  auto program = shell("exit 1");
  program.wrong = [] { return ""; };
  EXPECT_TRUE(run_outside(program));
  program.wrong = {};
  EXPECT_FALSE(run_outside(program)) << "nothing but the status is known";
}

TEST_F(OutsideProgramTest, TheMachineIsPutBack) {
  auto program = shell("exit 1");
  program.put_back = []() -> Result<std::string> { return std::string("the card has its driver again"); };
  EXPECT_EQ(run_outside(program).error().why, "sh ended with status 1; the card has its driver again");
  program.put_back = []() -> Result<std::string> { return Error{ErrorKind::failed, "bind it", "No such device", ""}; };
  EXPECT_EQ(run_outside(program).error().next, "read dmesg; cannot bind it: No such device");
  program.command.argv = {"/nowhere/sriov-manage"};
  const auto absent = run_outside(program);
  EXPECT_EQ(absent.error().kind, ErrorKind::missing);
  EXPECT_THAT(absent.error().next, HasSubstr("cannot bind it"));
}

TEST_F(OutsideProgramTest, AProgramThatHangsIsStopped) {
  auto program = shell("echo begun; exec sleep 1000");
  program.command.deadline = std::chrono::seconds(1);
  EXPECT_EQ(run_outside(program).error().why, "sh did not end within 1 s and was stopped; it said: begun");
}

}  // namespace
}  // namespace vgpukit
