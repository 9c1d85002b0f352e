#include "module/indirect_calls.hpp"

#include <gtest/gtest.h>

#include "module/elf_builder.hpp"
#include "support/scratch.hpp"

namespace vgpukit::module {
namespace {

constexpr std::uint64_t padding = 11;
const std::string endbr = "\xf3\x0f\x1e\xfa";
const std::string hash = std::string("\xb8\x11\x22\x33\x44", 5) + std::string(padding, '\x90');
const std::string no_hash(hash.size(), '\x90');

class IndirectCallsTest : public testing::Test {
 protected:
  // Two functions of 16 bytes at 16 and 48: `marked` has ENDBR64 and a hash, `bare` has neither.
  IndirectCallsTest() {
    text = elf.section(".text", hash + endbr + std::string(12, '\x90') + no_hash + code, SHF_ALLOC | SHF_EXECINSTR);
    marked = elf.symbol("marked", text, 16, STB_GLOBAL, STT_FUNC);
    bare = elf.symbol("bare", text, 48, STB_GLOBAL, STT_FUNC);
    local = elf.symbol("", text, 0, STB_LOCAL, STT_SECTION);
    data = elf.section(".data", std::string(64, '\0'), SHF_ALLOC | SHF_WRITE);
  }
  IndirectCalls calls() {
    const auto file = ElfFile::open(scratch.write("m.ko", elf.build()));
    EXPECT_TRUE(file) << file.error().message();
    return file ? indirect_calls(*file, padding) : IndirectCalls{};
  }

  // call rel32; jne rel32; lea rel32(%rip), %rax
  const std::string code = std::string("\xe8\0\0\0\0\x0f\x85\0\0\0\0\x48\x8d\x05\0\0\0\0", 18);
  Scratch scratch;
  ElfBuilder elf;
  std::size_t text = 0, data = 0, marked = 0, bare = 0, local = 0;
};

TEST_F(IndirectCallsTest, OnlyFunctionsWhoseAddressIsTakenCount) {
  elf.relocate(text, 49, R_X86_64_PLT32, bare, -4);
  elf.relocate(text, 49, R_X86_64_PC32, bare, -4);  // call, as compilers before 2018 mark it
  elf.relocate(text, 55, R_X86_64_PC32, bare, -4);  // jne
  elf.relocate(data, 0, R_X86_64_64, local, 52);    // in a function: a jump table
  elf.relocate(elf.section("__ex_table", std::string(12, '\0')), 0, R_X86_64_PC32, bare, 0);
  elf.relocate(elf.section(".debug_info", std::string(8, '\0'), 0), 0, R_X86_64_64, bare);
  EXPECT_EQ(calls().functions, 0U);
}

TEST_F(IndirectCallsTest, APointerInDataOrCodeToAFunctionWithoutMarks) {
  elf.relocate(data, 0, R_X86_64_64, marked);
  auto found = calls();
  EXPECT_EQ(found.functions, 1U);
  EXPECT_EQ(found.without_endbr, 0U);
  EXPECT_EQ(found.without_hash, 0U);

  elf.relocate(data, 8, R_X86_64_64, local, 48);
  elf.relocate(text, 62, R_X86_64_PC32, bare, -4);  // lea
  found = calls();
  EXPECT_EQ(found.functions, 2U);
  EXPECT_EQ(found.without_endbr, 1U);
  EXPECT_EQ(found.first_without_endbr, "bare");
  EXPECT_EQ(found.without_hash, 1U);
  EXPECT_EQ(found.first_without_hash, "bare");
}

}  // namespace
}  // namespace vgpukit::module
