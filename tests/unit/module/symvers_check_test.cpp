#include "module/symvers_check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "module/elf_builder.hpp"
#include "support/scratch.hpp"

namespace vgpukit::module {
namespace symvers_check_test {

using namespace std::string_literals;
using testing::HasSubstr;

std::string version(std::uint32_t crc, const std::string& name) {
  std::string entry(8, '\0');
  std::memcpy(entry.data(), &crc, sizeof crc);
  entry += name;
  entry.resize(64, '\0');
  return entry;
}

class SymversCheck : public testing::Test {
 protected:
  SymversCheck() {
    kernel.host.root = scratch.path();
    kernel.release = "6.12.1-test";
    kernel.build = "/usr/src/headers";
    kernel.config = {{"CONFIG_MODVERSIONS", "y"}};
  }
  // One of the kernel's own modules.
  void install_module() const {
    ElfBuilder elf;
    elf.section(".modinfo", "license=GPL\0name=crc_itu\0vermagic=6.12.1-test SMP \0"s);
    elf.section("__versions", version(1, "module_layout") + version(2, "kfree"));
    elf.symbol("kfree");
    scratch.write("lib/modules/6.12.1-test/kernel/lib/crc-itu.ko", elf.build());
  }
  [[nodiscard]] std::optional<SymversProblem> problem(const std::string& layout, const std::string& kfree) const {
    const auto symvers = kernel::Symvers::parse(
        "0x" + layout + "\tmodule_layout\tvmlinux\tEXPORT_SYMBOL\t\n0x" + kfree + "\tkfree\tvmlinux\tEXPORT_SYMBOL\t\n",
        "Module.symvers");
    EXPECT_TRUE(symvers);
    return symvers_problem(kernel, *symvers);
  }

  Scratch scratch;
  kernel::Kernel kernel;
};

TEST_F(SymversCheck, TheOneOfTheKernelIsFine) {
  EXPECT_FALSE(problem("00000001", "00000002")) << "no module of the kernel is installed";
  install_module();
  EXPECT_FALSE(problem("00000001", "00000002"));
}

TEST_F(SymversCheck, TheOneOfAnotherKernelIsNamed) {
  install_module();
  const auto layout = problem("00000009", "00000002");
  ASSERT_TRUE(layout);
  EXPECT_THAT(layout->message, HasSubstr("/usr/src/headers/Module.symvers is of another kernel"));
  EXPECT_THAT(layout->message, HasSubstr("0x00000009 for module_layout"));
  EXPECT_THAT(layout->message, HasSubstr("own module crc_itu has 0x00000001"));
  const auto other = problem("00000001", "00000009");
  ASSERT_TRUE(other);
  EXPECT_THAT(other->message, HasSubstr("0x00000009 for kfree"));
}

TEST_F(SymversCheck, OneWithoutChecksumsIsNamed) {
  const auto none = problem("00000000", "00000000");
  ASSERT_TRUE(none);
  EXPECT_THAT(none->message, HasSubstr("has no checksums"));
  kernel.config.clear();
  EXPECT_FALSE(problem("00000000", "00000000")) << "the kernel does not compare them";
}

}  // namespace symvers_check_test
}  // namespace vgpukit::module
