#include "kernel/behaviour.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <cstring>

#include "kernel/fake_kernel.hpp"
#include "kernel/kernel_image.hpp"

namespace vgpukit::kernel {
namespace {

bool refuses(std::string_view version, std::string_view release = "x") {
  return symbol_get_by_version(*Version::parse(version), release).yes;
}

TEST(SymbolGet, IsKnownForTheStableReleases) {
  const std::pair<const char*, const char*> borders[] = {
      {"4.14.325", "4.14.326"}, {"4.19.294", "4.19.295"}, {"5.4.256", "5.4.257"}, {"5.10.194", "5.10.195"},
      {"5.15.130", "5.15.131"}, {"6.1.51", "6.1.52"},     {"6.4.14", "6.4.15"},   {"6.5.1", "6.5.2"}};
  for (const auto& [before, from] : borders) {
    EXPECT_FALSE(refuses(before)) << before;
    EXPECT_TRUE(refuses(from)) << from;
  }
  for (const char* yes : {"6.6", "6.6.0", "6.12.95", "7.2.13", "5.10.223", "6.1.176"}) EXPECT_TRUE(refuses(yes)) << yes;
  for (const char* no : {"3.10.0", "5.11.22", "6.2.16", "6.3.13"}) EXPECT_FALSE(refuses(no)) << no;
  EXPECT_TRUE(refuses("5.14.0", "5.14.0-427.el9.x86_64")) << "without an image the safe answer";
}

// Bytes as a kernel image: a bzImage whose payload is compressed with `filter`, or raw.
std::string bz_image(const std::string& content, int (*filter)(archive*)) {
  std::string payload(content.size() + (1 << 16), '\0');
  std::size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_set_format_raw(writer);
  filter(writer);
  archive_write_set_bytes_in_last_block(writer, 1);
  archive_write_open_memory(writer, payload.data(), payload.size(), &used);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_pathname(entry, "vmlinux");
  archive_write_header(writer, entry);
  archive_write_data(writer, content.data(), content.size());
  archive_entry_free(entry);
  archive_write_close(writer);
  archive_write_free(writer);
  payload.resize(used);
  payload += std::string("\x00\x10\x00\x00", 4);  // the size, as the kernel's build appends it
  std::string image(0x400 + 64, '\0');
  image[0x1f1] = 1;
  image.replace(0x202, 4, "HdrS");
  const auto put = [&](std::size_t at, std::uint32_t value) { std::memcpy(image.data() + at, &value, sizeof value); };
  put(0x248, 64);
  put(0x24c, static_cast<std::uint32_t>(payload.size()));
  return image + payload + "trailer";
}

TEST(Image, IsDecompressedAndSearched) {
  const test::TempFolder folder;
  // Long enough that the search goes through several pieces.
  std::string filling(3 << 20, 'x');
  for (std::size_t i = 0; i < filling.size(); i += 7) filling[i] = static_cast<char>(i * 2654435761U >> 24);
  const std::string kernel = "Linux version 6.12 " + filling + "failing symbol_get of non-GPLONLY symbol %s." + filling;
  const std::pair<const char*, int (*)(archive*)> filters[] = {{"xz", archive_write_add_filter_xz},
                                                               {"zstd", archive_write_add_filter_zstd},
                                                               {"gzip", archive_write_add_filter_gzip}};
  for (const auto& [name, filter] : filters) {
    test::put(folder / name, bz_image(kernel, filter));
    EXPECT_EQ(image_contains(folder / name, "failing symbol_get of non-GPLONLY symbol"), true) << name;
    EXPECT_EQ(image_contains(folder / name, "another message"), false) << name;
  }
  test::put(folder / "raw", kernel);
  EXPECT_EQ(image_contains(folder / "raw", "failing symbol_get of non-GPLONLY symbol"), true);
}

TEST(Image, WhatIsNoWholeKernelSaysNothing) {
  const test::TempFolder folder;
  test::put(folder / "empty", "");
  test::put(folder / "text", "failing symbol_get of non-GPLONLY symbol");
  auto truncated = bz_image("Linux version 6.12 " + std::string(100'000, 'x'), archive_write_add_filter_xz);
  truncated.resize(0x460);
  test::put(folder / "truncated", truncated);
  std::string wrong = bz_image("Linux version 6.12", archive_write_add_filter_xz);
  wrong[0x24b] = '\x7f';  // the payload begins behind the end
  test::put(folder / "wrong", wrong);
  for (const char* name : {"empty", "text", "truncated", "wrong", "absent"})
    EXPECT_EQ(image_contains(folder / name, "failing symbol_get of non-GPLONLY symbol"), std::nullopt) << name;
}

TEST(SymbolGet, TheImageDecidesWhereThereIsOne) {
  const test::TempFolder root;
  Kernel kernel;
  kernel.host.root = root.path();
  kernel.release = "6.12.1-x";
  kernel.version = *Version::parse("6.12.1");
  EXPECT_TRUE(symbol_get_is_gpl_only(kernel).yes);
  EXPECT_EQ(image_identity(kernel), "");
  // A distribution that took the change back
  test::put(root / "boot/vmlinuz-6.12.1-x", "Linux version 6.12.1");
  const auto answer = symbol_get_is_gpl_only(kernel);
  EXPECT_FALSE(answer.yes);
  EXPECT_NE(answer.evidence.find("/boot/vmlinuz-6.12.1-x does not have the message"), std::string::npos)
      << answer.evidence;
  EXPECT_NE(image_identity(kernel), "");
  // An image that cannot be understood is no evidence.
  test::put(root / "boot/vmlinuz-6.12.1-x", "?");
  EXPECT_TRUE(symbol_get_is_gpl_only(kernel).yes);
}

}  // namespace
}  // namespace vgpukit::kernel
