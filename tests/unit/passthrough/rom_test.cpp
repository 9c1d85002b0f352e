#include "passthrough/rom.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "system/fixture_host.hpp"

namespace vgpukit::passthrough {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// One image: a legacy one with a checksum of 0, or an EFI one.
std::string image(unsigned device, unsigned code_type, bool last, unsigned vendor = 0x10de, std::size_t blocks = 2) {
  std::string bytes(blocks * 512, '\0');
  const auto put = [&](std::size_t at, unsigned value) { bytes[at] = static_cast<char>(value & 0xff); };
  put(0, 0x55);
  put(1, 0xaa);
  put(2, static_cast<unsigned>(blocks));
  put(0x18, 0x40);
  bytes.replace(0x40, 4, "PCIR");
  put(0x44, vendor);
  put(0x45, vendor >> 8);
  put(0x46, device);
  put(0x47, device >> 8);
  put(0x50, static_cast<unsigned>(blocks));
  put(0x54, code_type);
  put(0x55, last ? 0x80u : 0u);
  unsigned sum = 0;
  for (const char each : bytes) sum += static_cast<unsigned char>(each);
  put(bytes.size() - 1, 0x100u - (sum & 0xffu));
  return bytes;
}

std::string good_rom() {
  return image(0x1c20, 0, false) + image(0x1c20, 3, true);
}

TEST(Rom, LegacyAndEfi) {
  const auto rom = parse_rom(good_rom());
  ASSERT_TRUE(rom) << rom.error().message();
  ASSERT_EQ(rom->images.size(), 2u);
  EXPECT_EQ(rom->images[0].kind, RomImage::Kind::legacy);
  EXPECT_TRUE(rom->images[0].checksum);
  EXPECT_EQ(rom->images[1].kind, RomImage::Kind::efi);
  EXPECT_EQ(rom->images[1].offset, 1024u);
  EXPECT_EQ(rom->images[1].device, 0x1c20u);
  EXPECT_TRUE(rom->complete);
  EXPECT_THAT(rom_problems(*rom, nullptr), IsEmpty());
  system::PciDevice card;
  card.vendor = 0x10de;
  card.device = 0x1c20;
  EXPECT_THAT(rom_problems(*rom, &card), IsEmpty());
  card.device = 0x1e04;
  EXPECT_THAT(rom_problems(*rom, &card), ElementsAre("it is for the device 10de:1c20, and the card is 10de:1e04"));
}

TEST(Rom, AHeaderInFrontIsSkippedAndReported) {
  const auto rom = parse_rom("NVGI" + std::string(1532, 'x') + good_rom() + std::string(512, '\xff'));
  ASSERT_TRUE(rom) << rom.error().message();
  EXPECT_EQ(rom->leading, 1536u);
  EXPECT_EQ(rom->images.size(), 2u);
  EXPECT_THAT(rom_problems(*rom, nullptr), ElementsAre(HasSubstr("header of 1536 bytes")));
}

TEST(Rom, ChangedBytesDoNotAddUp) {
  auto bytes = good_rom();
  bytes[100] = 'x';
  EXPECT_THAT(rom_problems(*parse_rom(bytes), nullptr), ElementsAre(HasSubstr("do not add up to 0")));
}

TEST(Rom, WithoutEfiAndWithoutItsEnd) {
  EXPECT_THAT(rom_problems(*parse_rom(image(0x1c20, 0, true)), nullptr), ElementsAre(HasSubstr("it has no EFI image")));
  EXPECT_THAT(rom_problems(*parse_rom(image(0x1c20, 3, false)), nullptr), ElementsAre("its last image is missing"));
  EXPECT_THAT(rom_problems(*parse_rom(image(0x67ef, 3, true, 0x1002)), nullptr),
              ElementsAre(HasSubstr("not NVIDIA's (1002:67ef)")));
}

TEST(Rom, FilesThatAreNotARom) {
  struct Bad {
    std::string bytes;
    const char* why;
  };
  for (const auto& bad : {Bad{"", "only 0 bytes"}, Bad{std::string(1024, '\xff'), "begins with ff ff"},
                          Bad{"\x55\xaa" + std::string(1022, '\0'), "has no PCIR structure"},
                          Bad{good_rom().substr(0, 1500), "and 476 are left: it was cut off"}}) {
    const auto rom = parse_rom(bad.bytes);
    ASSERT_FALSE(rom) << bad.why;
    EXPECT_EQ(rom.error().kind, ErrorKind::usage);
    EXPECT_THAT(rom.error().message(), HasSubstr(bad.why));
  }
}

// A damaged ROM is parsed as a ROM or is an error. No image reaches beyond the bytes (AddressSanitizer checks reads).
TEST(Rom, DamageIsAnErrorOrARom) {
  const auto check = [](const std::string& bytes) {
    const auto rom = parse_rom(bytes);
    if (!rom) {
      EXPECT_EQ(rom.error().kind, ErrorKind::usage);
      return;
    }
    EXPECT_FALSE(rom->images.empty());
    for (const auto& each : rom->images) EXPECT_LE(each.offset + each.length, bytes.size());
    (void)rom_problems(*rom, nullptr);
  };
  const auto good = good_rom();
  for (std::size_t length = 0; length < good.size(); length += 7) check(good.substr(0, length));
  for (std::size_t at = 0; at < 0x60; ++at)
    for (const char value : {'\0', '\x7f', '\xff'}) {
      auto bytes = good;
      bytes[at] = value;
      check(bytes);
    }
}

// The kernel's side of a card's rom file: it has bytes only while the ROM is switched on.
class CardWithRom : public Sysfs {
 public:
  explicit CardWithRom(const test::FixtureHost& host) : Sysfs(host.host) {
    host.tree.file("sys/bus/pci/devices/0000:01:00.0/rom", "");
  }
  [[nodiscard]] Reading read_bytes(const std::string& path) const override {
    if (!path.ends_with("/rom")) return Sysfs::read_bytes(path);
    if (!on) return {EINVAL, ""};
    return {read_error, read_error == 0 ? bytes : ""};
  }
  int write(const std::string& path, std::string_view text) override {
    if (path.ends_with("/power/control")) power += std::string(text) + " ";
    if (!path.ends_with("/rom")) return Sysfs::write(path, text);
    if (write_error != 0) return write_error;
    on = text == "1";
    switched += text;
    return 0;
  }
  std::string bytes;
  int read_error = 0, write_error = 0;
  bool on = false;
  std::string switched;
  std::string power;
};

TEST(CardRom, IsReadWholeAndSwitchedOffAgain) {
  const test::FixtureHost host("002-gtx1060-laptop");
  CardWithRom sysfs(host);
  sysfs.bytes = good_rom() + std::string(3, '\0');
  const auto bytes = read_card_rom(sysfs, *host.pci().find("0000:01:00.0"));
  ASSERT_TRUE(bytes) << bytes.error().message();
  EXPECT_EQ(*bytes, sysfs.bytes);
  EXPECT_EQ(sysfs.switched, "10");
}

TEST(CardRom, ACardThatSleepsIsWokenForIt) {
  const test::FixtureHost host("002-gtx1060-laptop");
  CardWithRom sysfs(host);
  const auto card = *host.pci().find("0000:01:00.0");
  host.tree.file("sys/bus/pci/devices/0000:01:00.0/power/control", "auto\n");
  sysfs.bytes = good_rom();
  ASSERT_TRUE(read_card_rom(sysfs, card));
  EXPECT_EQ(sysfs.power, "on auto ");
  sysfs.write(card.folder() + "/power/control", "on");
  sysfs.power.clear();
  ASSERT_TRUE(read_card_rom(sysfs, card));
  EXPECT_EQ(sysfs.power, "") << "it is awake, and stays awake";
}

TEST(CardRom, Host002InputOutputError) {
  const test::FixtureHost host("002-gtx1060-laptop");
  CardWithRom sysfs(host);
  sysfs.read_error = EIO;
  auto pci = host.pci();
  auto card = *pci.find("0000:01:00.0");
  const auto laptop = read_card_rom(sysfs, card);
  ASSERT_FALSE(laptop);
  EXPECT_EQ(laptop.error().kind, ErrorKind::failed);
  EXPECT_THAT(laptop.error().message(), HasSubstr("Input/output error: the kernel sees no ROM at the card's address"));
  EXPECT_THAT(laptop.error().next, HasSubstr("firmware's update file (laptops)"));
  EXPECT_EQ(sysfs.switched, "10");
  card.boot_vga = true;
  EXPECT_THAT(read_card_rom(sysfs, card).error().message(), HasSubstr("(boot_vga is 1), so its ROM is shadowed"));
}

TEST(CardRom, NeedsRootAndACardWithARom) {
  const test::FixtureHost host("002-gtx1060-laptop");
  const auto pci = host.pci();
  Sysfs none(host.host);
  EXPECT_THAT(read_card_rom(none, *pci.find("0000:01:00.0")).error().message(), HasSubstr("the card has none"));
  CardWithRom sysfs(host);
  sysfs.write_error = EACCES;
  EXPECT_EQ(read_card_rom(sysfs, *pci.find("0000:01:00.0")).error().kind, ErrorKind::denied);
  sysfs.write_error = EIO;
  EXPECT_THAT(read_card_rom(sysfs, *pci.find("0000:01:00.0")).error().message(),
              HasSubstr("cannot be switched on: Input/output error"));
  sysfs.write_error = 0;
  EXPECT_THAT(read_card_rom(sysfs, *pci.find("0000:01:00.0")).error().message(),
              HasSubstr("the kernel returns no bytes"));
}

}  // namespace
}  // namespace vgpukit::passthrough
