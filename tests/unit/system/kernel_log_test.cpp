#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/kmsg.hpp"

namespace vgpukit::system {
namespace {

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

TEST(Kmsg, NoRecord) {
  for (const auto* text : {"", ";", "x,1,2;t", "4;t", "4,;t", "4,99999999999999999999999,1;t"})
    EXPECT_FALSE(parse_kmsg(text)) << text;
}

}  // namespace
}  // namespace vgpukit::system
