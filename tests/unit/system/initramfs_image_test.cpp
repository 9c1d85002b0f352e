#include "system/initramfs_image.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include "support/scratch.hpp"
#include "system/cpio.hpp"

namespace vgpukit::system {
namespace {

using State = FileInImage::State;

constexpr const char* conf = "/etc/modprobe.d/vfio.conf";

std::string compressed(const std::string& bytes, int (*filter)(archive*)) {
  std::string out(bytes.size() + 65536, '\0');
  std::size_t used = 0;
  auto* writer = archive_write_new();
  archive_write_set_format_raw(writer);
  filter(writer);
  archive_write_set_bytes_in_last_block(writer, 1);
  EXPECT_EQ(archive_write_open_memory(writer, out.data(), out.size(), &used), ARCHIVE_OK);
  auto* entry = archive_entry_new();
  archive_entry_set_filetype(entry, 0100000);
  EXPECT_EQ(archive_write_header(writer, entry), ARCHIVE_OK);
  archive_write_data(writer, bytes.data(), bytes.size());
  archive_entry_free(entry);
  archive_write_close(writer);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

class InitramfsImage : public testing::Test {
 protected:
  FileInImage look(const std::string& bytes) {
    scratch.write("initrd.img", bytes);
    return file_in_image(scratch.path() / "initrd.img", conf);
  }
  const std::string microcode = test::cpio_of({{"kernel/x86/microcode/GenuineIntel.bin", "code"}});
  const std::string with = test::cpio_of({{"init", "#!/bin/sh"}, {"./etc/modprobe.d/vfio.conf", "options vfio-pci"}});
  const std::string without = test::cpio_of({{"init", "#!/bin/sh"}, {"etc/modprobe.d/other.conf", "x"}});
  Scratch scratch;
};

TEST_F(InitramfsImage, AFileIsFoundInEachFormThatToolsWrite) {
  for (const auto& image : {with, microcode + with, microcode + compressed(with, archive_write_add_filter_gzip),
                            compressed(with, archive_write_add_filter_xz), microcode + std::string(512, '\0') + with}) {
    const auto found = look(image);
    EXPECT_EQ(found.state, State::present);
    EXPECT_EQ(found.content, "options vfio-pci");
  }
}

TEST_F(InitramfsImage, AFileBehindALargeOneIsFound) {
  const auto large = test::cpio_of(
      {{"usr/lib/large", std::string(200'001, 'x')}, {"etc/modprobe.d/vfio.conf", "options vfio-pci"}, {"z", "x"}});
  for (const auto& image : {large, compressed(large, archive_write_add_filter_gzip)}) {
    EXPECT_EQ(look(image).state, State::present);
    EXPECT_EQ(look(image).content, "options vfio-pci");
  }
}

TEST_F(InitramfsImage, AnImageWithoutIt) {
  EXPECT_EQ(look(without).state, State::absent);
  EXPECT_EQ(look(microcode + compressed(without, archive_write_add_filter_gzip)).state, State::absent);
}

TEST_F(InitramfsImage, TheLastFileOfThatNameCounts) {
  EXPECT_EQ(look(test::cpio_of({{"etc/modprobe.d/vfio.conf", "first"}}) + with).content, "options vfio-pci");
}

TEST_F(InitramfsImage, WhatCannotBeReadIsNotCalledAbsent) {
  const auto packed = compressed(without, archive_write_add_filter_gzip);
  EXPECT_EQ(look("").state, State::unreadable);
  EXPECT_EQ(look("no image").state, State::unreadable);
  EXPECT_EQ(look(microcode + packed.substr(0, packed.size() / 2)).state, State::unreadable);
  EXPECT_EQ(look(microcode + "no archive").state, State::unreadable);
  EXPECT_EQ(file_in_image(scratch.path() / "absent", conf).state, State::unreadable);
}

}  // namespace
}  // namespace vgpukit::system
