// Binary files: modules and what is verified with them, a card's ROM, unified kernel images, initramfs images.
#include "fuzz.hpp"
#include "kernel/symvers.hpp"
#include "module/elf_builder.hpp"
#include "module/elf_file.hpp"
#include "module/indirect_calls.hpp"
#include "module/loader_check.hpp"
#include "module/module_file.hpp"
#include "passthrough/rom.hpp"
#include "system/boot_entries.hpp"
#include "system/initramfs_image.hpp"
#include "system/pe_image.hpp"

namespace vgpukit::fuzz {

namespace {

void run_module(const std::string& input) {
  write_scratch("x.ko", input);
  if (const auto file = module::read_module(scratch() / "x.ko")) {
    static const auto symvers = kernel::Symvers::parse(
        "0x1\tprintk\tvmlinux\tEXPORT_SYMBOL_GPL\tNS\n0x2\tmodule_layout\tvmlinux\tEXPORT_SYMBOL\n", "Module.symvers");
    const module::LoaderRules rules = {&*symvers, "6.12 SMP", EM_X86_64, true, false, true};
    for (const auto& verdict : module::check_modules({*file, *file}, rules, {"x"}))
      static_cast<void>(module::with_module(verdict));
    if (const auto elf = module::ElfFile::open(scratch() / "x.ko")) static_cast<void>(module::indirect_calls(*elf, 11));
  }
  if (const auto symvers = kernel::Symvers::parse(input, "Module.symvers")) {
    const auto* found = symvers->find("schedule");
    if (found != nullptr) require(found->line > 0);
  }
}

std::vector<std::string> module_seeds() {
  module::ElfBuilder elf;
  const auto text =
      elf.section(".text", std::string("\x48\xc7\xc7\0\0\0\0\xe8\0\0\0\0", 12), SHF_ALLOC | SHF_EXECINSTR);
  elf.section(".modinfo", std::string("license=GPL\0vermagic=6.12 SMP\0name=x\0depends=\0", 45));
  const auto strings = elf.section(".rodata.str1.1", std::string("nvidia_get\0x\0", 13));
  std::string versions(128, '\0');
  versions.replace(8, 13, "module_layout");
  versions.replace(72, 6, "printk");
  elf.section("__versions", versions);
  const auto table = elf.section("__ksymtab_gpl", std::string(12, '\0'));
  const auto names = elf.section("__ksymtab_strings", std::string("exported\0space\0", 15));
  elf.section("__kflagstab", std::string(1, '\1'));
  const auto exported = elf.symbol("exported", text);
  elf.exported(table, names, 0, exported, 0, 9);
  elf.symbol("printk");
  elf.relocate(text, 3, R_X86_64_32S, elf.symbol("", strings, 0, STB_LOCAL, STT_SECTION));
  elf.relocate(text, 8, R_X86_64_PLT32, elf.symbol("__symbol_get"), -4);
  return {elf.build(), elf.build() + "~Module signature appended~\n",
          "0x12345678\tschedule\tvmlinux\tEXPORT_SYMBOL\t\n0x0\tx\tdrivers/x\tEXPORT_SYMBOL_GPL\tNS\n"};
}

void run_rom(const std::string& input) {
  if (const auto rom = passthrough::parse_rom(input)) {
    for (const auto& image : rom->images) require(image.offset <= input.size());
    static_cast<void>(passthrough::rom_problems(*rom, nullptr));
  }
  write_scratch("x.efi", input);
  static_cast<void>(system::pe_section(scratch() / "x.efi", ".cmdline"));
  static_cast<void>(system::maker_of_image(scratch() / "x.efi"));
}

std::vector<std::string> rom_seeds() {
  std::string image(512, '\0');
  image.replace(0, 3, "\x55\xaa\x01");
  image[0x18] = 0x40;
  image.replace(0x40, 8, "PCIR\xde\x10\x20\x1c");
  image[0x50] = 1;
  auto efi = image;
  efi[0x54] = 3;
  efi[0x55] = static_cast<char>(0x80);
  // A cpio archive with one file, as an initramfs begins.
  std::string archive = "070701" + std::string(8 * 13, '0');
  archive.replace(6 + 8 * 11, 8, "00000010");  // the length of the name
  archive += std::string("etc/booster.yaml", 16) + std::string(2, '\0');
  auto long_name = archive;
  long_name.replace(6 + 8 * 11, 8, "fffffff0");
  return {long_name,
          image + efi,
          "NVGI" + std::string(60, '\0') + image + efi,
          test::pe_image(".cmdline", "quiet"),
          archive,
          archive + std::string("\x1f\x8b\x08\0\0\0\0\0\0\3", 10)};
}

}  // namespace

const Target module = {"module", run_module, module_seeds};
const Target rom = {"rom", run_rom, rom_seeds};

}  // namespace vgpukit::fuzz
