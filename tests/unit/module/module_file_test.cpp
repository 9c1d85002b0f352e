#include "module/module_file.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "module/elf_builder.hpp"
#include "module/elf_file.hpp"
#include "support/scratch.hpp"

namespace vgpukit::module {
namespace {

using namespace std::string_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string modinfo =
    "license=NVIDIA\0license=GPL\0name=nvidia_vgpu_vfio\0vermagic=6.12.95 SMP mod_unload modversions \0\0junk\0"s;

std::string u32(std::uint32_t value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

std::string version(std::uint32_t crc, const std::string& name) {
  std::string entry = u32(crc) + u32(0) + name;
  entry.resize(64, '\0');
  return entry;
}

class ModuleTest : public testing::Test {
 protected:
  ModuleTest() { elf.section(".modinfo", modinfo); }
  Result<ModuleFile> read(const std::string& name = "nvidia-vgpu-vfio.ko") {
    return read_module(scratch.write(name, elf.build()));
  }
  ModuleFile good() {
    auto module = read();
    EXPECT_TRUE(module) << module.error().message();
    return module ? *module : ModuleFile{};
  }
  Error bad(const std::string& bytes) {
    auto module = read_module(scratch.write("bad.ko", bytes));
    EXPECT_FALSE(module);
    return module ? Error{} : module.error();
  }

  // __ksymtab_strings: 0 "", 1 "first", 7 "second", 14 "NS"
  std::size_t strings() { return elf.section("__ksymtab_strings", "\0first\0second\0NS\0"s); }

  ElfBuilder elf;
  Scratch scratch;
};

TEST_F(ModuleTest, ModinfoAndName) {
  const auto module = good();
  EXPECT_EQ(module.name, "nvidia_vgpu_vfio");
  EXPECT_EQ(module.info("license"), "NVIDIA") << "the first value";
  EXPECT_EQ(module.info("vermagic"), "6.12.95 SMP mod_unload modversions ");
  EXPECT_EQ(module.info("nothing"), "");
  EXPECT_EQ(module.machine, EM_X86_64);
  EXPECT_EQ(module.bytes, elf.build().size());
}

TEST_F(ModuleTest, WithoutANameTheFilesNameCounts) {
  elf = ElfBuilder();
  elf.section(".modinfo", "license=GPL\0"s);
  EXPECT_EQ(read("nvidia-drm.ko")->name, "nvidia_drm");
}

TEST(ModuleLicence, IsComparedAsTheKernelDoes) {
  ModuleFile module;
  for (const char* licence :
       {"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"}) {
    module.modinfo = {{"license", licence}};
    EXPECT_TRUE(module.gpl_compatible()) << licence;
  }
  for (const char* licence : {"NVIDIA", "MIT", "Proprietary", "GPL v3", "gpl", ""}) {
    module.modinfo = {{"license", licence}};
    EXPECT_FALSE(module.gpl_compatible()) << licence;
  }
  module.modinfo.clear();
  EXPECT_FALSE(module.gpl_compatible());
}

TEST_F(ModuleTest, ImportsWithTheirVersions) {
  elf.section("__versions", version(0x11, "module_layout") + version(0x22, "kmalloc"));
  elf.symbol("kmalloc");
  elf.symbol("maybe", SHN_UNDEF, 0, STB_WEAK);
  elf.symbol("own", 1);
  const auto module = good();
  ASSERT_THAT(module.imports, SizeIs(2));
  EXPECT_EQ(module.imports[0].name, "kmalloc");
  EXPECT_EQ(module.imports[0].crc, 0x22U);
  EXPECT_FALSE(module.imports[0].weak);
  EXPECT_TRUE(module.imports[1].weak);
  EXPECT_EQ(module.imports[1].crc, std::nullopt);
  EXPECT_EQ(module.layout_crc, 0x11U);
  EXPECT_TRUE(module.has_versions);
}

TEST_F(ModuleTest, ExtendedVersionsComeFirst) {
  elf.section("__versions", version(0x11, "kmalloc"));
  elf.section("__version_ext_crcs", u32(0x33) + u32(0x44));
  elf.section("__version_ext_names", "module_layout\0kmalloc\0"s);
  elf.symbol("kmalloc");
  const auto module = good();
  EXPECT_EQ(module.imports[0].crc, 0x44U);
  EXPECT_EQ(module.layout_crc, 0x33U);
}

TEST_F(ModuleTest, ExportsUpTo70AreInTwoTables) {
  const auto names = strings();
  const auto text = elf.section(".text", "code", SHF_ALLOC | SHF_EXECINSTR);
  const auto plain = elf.section("__ksymtab", std::string(12, '\0'));
  const auto gpl = elf.section("__ksymtab_gpl", std::string(12, '\0'));
  elf.section("__kcrctab", u32(0xabc));
  elf.exported(plain, names, 0, elf.symbol("first", text), 1, 0);
  elf.exported(gpl, names, 0, elf.symbol("second", text), 7, 14);
  const auto module = good();
  ASSERT_THAT(module.exports, SizeIs(2));
  EXPECT_EQ(module.exports[0].name, "first");
  EXPECT_FALSE(module.exports[0].gpl_only);
  EXPECT_EQ(module.exports[0].name_space, "");
  EXPECT_EQ(module.exports[0].crc, 0xabcU);
  EXPECT_EQ(module.exports[1].name, "second");
  EXPECT_TRUE(module.exports[1].gpl_only);
  EXPECT_EQ(module.exports[1].name_space, "NS");
  EXPECT_EQ(module.exports[1].crc, std::nullopt);
}

TEST_F(ModuleTest, ExportsFrom71HaveFlags) {
  const auto names = strings();
  const auto text = elf.section(".text", "code", SHF_ALLOC | SHF_EXECINSTR);
  const auto table = elf.section("__ksymtab", std::string(24, '\0'));
  elf.section("__kflagstab", "\0\1"s);
  elf.exported(table, names, 1, elf.symbol("second", text), 7, 0);
  elf.exported(table, names, 0, elf.symbol("first", text), 1, 0);
  const auto module = good();
  ASSERT_THAT(module.exports, SizeIs(2));
  EXPECT_EQ(module.exports[0].name, "first");
  EXPECT_FALSE(module.exports[0].gpl_only);
  EXPECT_TRUE(module.exports[1].gpl_only);
}

TEST_F(ModuleTest, SymbolGetInAllItsForms) {
  const auto rodata = elf.section(".rodata.str1.1", "pad\0get_ops\0set_ops\0a message, not a name\0"s,
                                  SHF_ALLOC | SHF_MERGE | SHF_STRINGS);
  // mov $x,%rdi; call / lea x(%rip),%rdi; call / mov $x,%edi; call
  const std::string code = "\x48\xc7\xc7\0\0\0\0\xe8\0\0\0\0\x48\x8d\x3d\0\0\0\0\xe8\0\0\0\0\xbf\0\0\0\0\xe8\0\0\0\0"s;
  const auto text = elf.section(".text", code, SHF_ALLOC | SHF_EXECINSTR);
  const auto base = elf.symbol("", rodata, 0, STB_LOCAL);
  const auto third = elf.symbol(".LC3", rodata, 4, STB_LOCAL);
  const auto get = elf.symbol("__symbol_get");
  elf.relocate(text, 3, R_X86_64_32S, base, 4);
  elf.relocate(text, 8, R_X86_64_PLT32, get, -4);
  elf.relocate(text, 15, R_X86_64_PC32, base, 12 - 4);
  elf.relocate(text, 20, R_X86_64_PLT32, get, -4);
  elf.relocate(text, 25, R_X86_64_32, third, 0);
  elf.relocate(text, 30, R_X86_64_PC32, get, -4);
  EXPECT_THAT(good().symbol_gets, ElementsAre("get_ops", "set_ops"));
}

TEST_F(ModuleTest, SymbolGetTakesTheFirstArgumentAndNoOtherString) {
  const auto rodata = elf.section(".rodata.str1.1", "wanted\0other\0"s);
  // mov $wanted,%rdi; mov $other,%rsi; call
  const auto text =
      elf.section(".init.text", "\x48\xc7\xc7\0\0\0\0\x48\xc7\xc6\0\0\0\0\xe8\0\0\0\0"s, SHF_ALLOC | SHF_EXECINSTR);
  const auto base = elf.symbol("", rodata, 0, STB_LOCAL);
  elf.relocate(text, 3, R_X86_64_32S, base, 0);
  elf.relocate(text, 10, R_X86_64_32S, base, 7);
  elf.relocate(text, 15, R_X86_64_PLT32, elf.symbol("__symbol_get"), -4);
  EXPECT_THAT(good().symbol_gets, ElementsAre("wanted"));
}

TEST_F(ModuleTest, SymbolGetOfANameThatIsComputedGivesNothing) {
  const auto text = elf.section(".text", "\xe8\0\0\0\0"s, SHF_ALLOC | SHF_EXECINSTR);
  elf.relocate(text, 1, R_X86_64_PLT32, elf.symbol("__symbol_get"), -4);
  EXPECT_THAT(good().symbol_gets, IsEmpty());
}

std::string packed(const std::string& bytes, int (*filter)(archive*), unsigned times = 1) {
  std::string out(bytes.size() * 2 + 4096, '\0');
  std::size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_set_format_raw(writer);
  if (filter(writer) != ARCHIVE_OK) return {};
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_write_header(writer, entry);
  for (; times > 0; --times) archive_write_data(writer, bytes.data(), bytes.size());
  archive_entry_free(entry);
  archive_write_close(writer);
  archive_write_free(writer);
  return out.substr(0, used);
}

TEST_F(ModuleTest, CompressedModules) {
  const std::string bytes = elf.build();
  for (const auto filter :
       {archive_write_add_filter_gzip, archive_write_add_filter_xz, archive_write_add_filter_zstd}) {
    const std::string file = packed(bytes, filter);
    ASSERT_FALSE(file.empty());
    const auto module = read_module(scratch.write("m.ko.z", file));
    ASSERT_TRUE(module) << module.error().message();
    EXPECT_EQ(module->name, "nvidia_vgpu_vfio");
    EXPECT_EQ(module->bytes, file.size());
    EXPECT_EQ(bad(file.substr(0, file.size() / 2)).kind, ErrorKind::usage);
  }
}

TEST_F(ModuleTest, ASmallFileThatUnpacksToAllMemoryIsRefused) {
  std::string part(1 << 20, '\0');
  const std::string zeros = packed(part, archive_write_add_filter_zstd, 520);
  ASSERT_LT(zeros.size(), 1U << 20);
  EXPECT_THAT(bad(zeros).why, HasSubstr("what is compressed in it is not an ELF file"));
  part.replace(0, 4, "\177ELF");
  EXPECT_THAT(bad(packed(part, archive_write_add_filter_zstd, 520)).why, HasSubstr("more than 512 MiB"));
}

// A file that is mapped ends the reader then (SIGBUS).
TEST_F(ModuleTest, AFileThatIsTruncatedWhileItIsReadStaysReadable) {
  elf.section(".text", std::string(1 << 20, 'x'));
  const auto file = scratch.write("m.ko", elf.build());
  const auto opened = ElfFile::open(file);
  ASSERT_TRUE(opened);
  std::filesystem::resize_file(file, 0);
  for (const auto& section : opened->sections()) {
    if (section.name != ".text") continue;
    EXPECT_EQ(section.bytes.find_first_not_of('x'), std::string_view::npos);
  }
  EXPECT_EQ(opened->section(".modinfo")->bytes, modinfo);
}

TEST_F(ModuleTest, TheErrorSaysWhyAFileIsNotAModule) {
  EXPECT_THAT(bad("").why, HasSubstr("empty"));
  EXPECT_THAT(bad("#!/bin/sh\n").why, HasSubstr("not an ELF file"));
  elf.type = ET_DYN;
  EXPECT_THAT(bad(elf.build()).why, HasSubstr("program or library"));
  EXPECT_THAT(read_module(scratch.path()).error().why, HasSubstr("folder"));
  EXPECT_THAT(read_module(scratch.path() / "gone.ko").error().why, HasSubstr("No such file"));
  ElfBuilder object;
  object.section(".text", "code");
  EXPECT_THAT(bad(object.build()).why, HasSubstr(".modinfo"));
}

TEST_F(ModuleTest, EveryTruncationIsAnError) {
  const auto names = strings();
  const auto table = elf.section("__ksymtab", std::string(12, '\0'));
  elf.exported(table, names, 0, elf.symbol("first", table), 1, 0);
  const std::string bytes = elf.build();
  for (std::size_t length = 0; length < bytes.size(); length += 3)
    EXPECT_EQ(bad(bytes.substr(0, length)).kind, ErrorKind::usage) << length;
}

TEST_F(ModuleTest, FlippedBytesAreReadOrAnError) {
  const auto names = strings();
  const auto table = elf.section("__ksymtab", std::string(12, '\0'));
  elf.section("__kflagstab", "\1"s);
  elf.exported(table, names, 0, elf.symbol("first", table), 1, 0);
  elf.section("__versions", version(1, "first"));
  const std::string bytes = elf.build();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (at % 3 == 0 ? '\xff' : at % 3 == 1 ? '\x80' : '\x01'));
    const auto module = read_module(scratch.write("f.ko", damaged));
    EXPECT_TRUE(module || module.error().kind == ErrorKind::usage) << at;
  }
}

// libelf copies each section: many that overlap would exhaust the memory.
TEST_F(ModuleTest, SectionsThatOverlapAreRefused) {
  auto bytes = elf.build();
  const auto table = *reinterpret_cast<const std::uint64_t*>(bytes.data() + 40);  // e_shoff
  for (std::size_t i = 1; table + (i + 1) * 64 <= bytes.size(); ++i) {
    *reinterpret_cast<std::uint64_t*>(bytes.data() + table + i * 64 + 24) = 0;             // sh_offset
    *reinterpret_cast<std::uint64_t*>(bytes.data() + table + i * 64 + 32) = bytes.size();  // sh_size
  }
  const auto module = read_module(scratch.write("overlap.ko", bytes));
  ASSERT_FALSE(module);
  EXPECT_THAT(module.error().message(), HasSubstr("is not inside it"));
}

}  // namespace
}  // namespace vgpukit::module
