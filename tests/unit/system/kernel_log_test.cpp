#include "system/kernel_log.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "system/fixture_host.hpp"

namespace vgpukit::system {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

TEST(Kmsg, ARecordIsItsFirstLine) {
  const auto message =
      parse_kmsg("4,1024,5140900,-;nvidia: Unknown symbol foo (err -2)\n SUBSYSTEM=module\n DEVICE=+module:x\n");
  ASSERT_TRUE(message);
  EXPECT_EQ(message->level, 4u);
  EXPECT_EQ(message->sequence, 1024u);
  EXPECT_EQ(message->text, "nvidia: Unknown symbol foo (err -2)");
}

TEST(Kmsg, OtherFieldsAndSemicolonsInTheText) {
  const auto message = parse_kmsg("6,1,2,-,caller=T1;a;b");
  ASSERT_TRUE(message);
  EXPECT_EQ(message->text, "a;b");
}

TEST(Kmsg, WhatProgramsWriteIsNotTheKernels) {
  EXPECT_FALSE(parse_kmsg("12,7,8,-;failing symbol_get of non-GPLONLY symbol x"));
}

TEST(Kmsg, EscapedCharactersAreReadable) {
  // The kernel escapes control characters, the backslash and all beyond ASCII. A message of several lines is one
  // record.
  const auto message = parse_kmsg("3,1,2,-;NVRM: the card has\\x0aNVRM: fallen \\x5cx41 \\xc3\\xa4\\x1b[1m\\x4\\xzz\n");
  ASSERT_TRUE(message);
  EXPECT_EQ(message->text, "NVRM: the card has NVRM: fallen \\x41 \xc3\xa4 [1m\\x4\\xzz");
}

TEST(Kmsg, NoRecord) {
  for (const auto* text : {"", ";", "x,1,2;t", "4;t", "4,;t", "4,99999999999999999999999,1;t"})
    EXPECT_FALSE(parse_kmsg(text)) << text;
}

// A pipe in packet mode returns one record for each read(), as /dev/kmsg does.
TEST(KernelMessages, OnlyTheKernelsOwnAndEachOnce) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_DIRECT | O_NONBLOCK), 0);
  const Descriptor writer(ends[1]);
  KernelMessages messages{Descriptor(ends[0])};
  const auto write = [&](const std::string& record) {
    ASSERT_EQ(::write(writer.get(), record.data(), record.size()), static_cast<ssize_t>(record.size()));
  };
  const auto texts = [&] {
    std::vector<std::string> list;
    for (const auto& message : messages.fresh()) list.push_back(message.text);
    return list;
  };
  write("5,0,0,-;Linux version 6.12\n");
  write("12,1,1,-;NVRM: a program wrote this\n");
  write("4,2,2,-;NVRM: GPU 0000:01:00.0\n DEVICE=+pci:0000:01:00.0\n");
  EXPECT_THAT(texts(), ElementsAre("Linux version 6.12", "NVRM: GPU 0000:01:00.0"));
  EXPECT_THAT(texts(), IsEmpty());
  write("3,3,3,-;nvidia: Unknown symbol foo (err -2)\n");
  EXPECT_THAT(texts(), ElementsAre("nvidia: Unknown symbol foo (err -2)"));
  EXPECT_EQ(messages.error(), 0);
}

TEST(KernelLog, TimesLevelsAndLineEnds) {
  EXPECT_THAT(dmesg_lines("[    0.018093] DMAR: IOMMU enabled\r\n<6>[    1.0] kvm: x\n\nno time\n[bare"),
              ElementsAre("DMAR: IOMMU enabled", "kvm: x", "no time", "[bare"));
}

TEST(KernelLog, OneThatIsNotThere) {
  const test::FixtureHost host;
  const auto log = read_kernel_log(host.host);
  EXPECT_EQ(log.source, "/var/log/dmesg");
  EXPECT_THAT(log.problem, Not(IsEmpty()));
  EXPECT_FALSE(log.whole);
}

}  // namespace
}  // namespace vgpukit::system
