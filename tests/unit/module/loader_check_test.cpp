#include "module/loader_check.hpp"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::module {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string magic = "6.12.95 SMP mod_unload modversions ";

// CRC, symbol, module, export, namespace
const std::string symvers_text =
    "0x00000001\tmodule_layout\tvmlinux\tEXPORT_SYMBOL\t\n"
    "0x00000002\tkmalloc\tvmlinux\tEXPORT_SYMBOL\t\n"
    "0x00000003\tfollow_pte\tvmlinux\tEXPORT_SYMBOL_GPL\t\n"
    "0x00000004\tvfio_iommufd_bind\tdrivers/vfio/vfio\tEXPORT_SYMBOL_GPL\tIOMMUFD\n"
    "0x00000005\tkvm_only\tvmlinux\tEXPORT_SYMBOL\tmodule:kvm,kvm-*\n"
    "0x00000006\tmdev_helper\tdrivers/vfio/mdev/mdev\tEXPORT_SYMBOL\t\n";

class LoaderCheckTest : public testing::Test {
 protected:
  LoaderCheckTest() : symvers(*kernel::Symvers::parse(symvers_text, "Module.symvers")) {
    rules.symvers = &symvers;
    rules.vermagic = magic;
    rules.machine = EM_X86_64;
    rules.modversions = true;
    rules.symbol_get_gpl_only = true;
  }

  static ModuleFile module(const std::string& name, const std::string& licence) {
    ModuleFile one;
    one.name = name;
    one.modinfo = {{"license", licence}, {"vermagic", magic}};
    one.machine = EM_X86_64;
    one.has_versions = true;
    one.layout_crc = 1;
    return one;
  }

  std::vector<Verdict> check(const std::vector<ModuleFile>& modules,
                             const std::vector<std::string>& tolerated = {}) const {
    return check_modules(modules, rules, tolerated);
  }
  // The only verdict on one module.
  Verdict only(const ModuleFile& one) const {
    const auto verdicts = check({one});
    EXPECT_THAT(verdicts, SizeIs(1));
    return verdicts.empty() ? Verdict{} : verdicts.front();
  }

  kernel::Symvers symvers;
  LoaderRules rules;
};

TEST_F(LoaderCheckTest, AMatchingModuleLoads) {
  auto one = module("nvidia", "NVIDIA");
  one.imports = {{"kmalloc", false, 2}, {"_GLOBAL_OFFSET_TABLE_"}, {"gone", true}};
  EXPECT_THAT(check({one}), IsEmpty());
}

TEST_F(LoaderCheckTest, Vermagic) {
  auto one = module("nvidia", "NVIDIA");
  one.modinfo = {{"license", "NVIDIA"}, {"vermagic", "6.12.95 SMP preempt mod_unload modversions "}};
  const auto verdict = only(one);
  EXPECT_EQ(verdict.message,
            "nvidia: version magic '6.12.95 SMP preempt mod_unload modversions ' should be '" + magic + "'");
  EXPECT_TRUE(verdict.refuses);
  EXPECT_EQ(verdict.module, "nvidia");
}

TEST_F(LoaderCheckTest, WithVersionsTheReleaseMayDiffer) {
  auto one = module("nvidia", "NVIDIA");
  one.modinfo = {{"license", "NVIDIA"}, {"vermagic", "6.12.90 SMP mod_unload modversions "}};
  EXPECT_THAT(check({one}), IsEmpty());
  rules.modversions = false;
  EXPECT_THAT(check({one}), SizeIs(1));
  rules.modversions = true;
  one.has_versions = false;
  EXPECT_THAT(check({one}), SizeIs(1));
}

TEST_F(LoaderCheckTest, Architecture) {
  auto one = module("nvidia", "NVIDIA");
  one.machine = EM_AARCH64;
  EXPECT_EQ(only(one).message, "nvidia: Invalid architecture in ELF header: 183");
  rules.machine = 0;
  EXPECT_THAT(check({one}), IsEmpty());
}

TEST_F(LoaderCheckTest, OtherHeadersShowInModuleLayout) {
  auto one = module("nvidia", "NVIDIA");
  one.layout_crc = 0x99;
  one.imports = {{"gone"}};
  EXPECT_EQ(only(one).message, "nvidia: disagrees about version of symbol module_layout") << "the loader stops there";
}

TEST_F(LoaderCheckTest, UnknownSymbol) {
  auto one = module("nvidia", "NVIDIA");
  one.imports = {{"follow_pfn", false, 7}};
  EXPECT_EQ(only(one).message, "nvidia: Unknown symbol follow_pfn (err -2)");
  EXPECT_THAT(check({one}, {"follow_pfn"}), IsEmpty()) << "what a binary object would define is tolerated";
}

TEST_F(LoaderCheckTest, SiblingsResolveEachOtherInAnyOrder) {
  auto user = module("nvidia_modeset", "NVIDIA");
  user.imports = {{"nv_register", false, 9}};
  auto owner = module("nvidia", "NVIDIA");
  owner.exports = {{"nv_register", false, "", 9}};
  EXPECT_THAT(check({user, owner}), IsEmpty());
  EXPECT_THAT(check({user}), SizeIs(1));
  user.imports[0].crc = 8;
  const auto verdicts = check({user, owner});
  ASSERT_THAT(verdicts, SizeIs(1));
  EXPECT_EQ(verdicts[0].message, "nvidia_modeset: disagrees about version of symbol nv_register");
  EXPECT_THAT(verdicts[0].hint, HasSubstr("together"));
}

TEST_F(LoaderCheckTest, AModuleCannotImportFromItself) {
  auto one = module("nvidia", "NVIDIA");
  one.exports = {{"own", false, ""}};
  one.imports = {{"own", false, 1}};
  EXPECT_THAT(only(one).message, HasSubstr("Unknown symbol own"));
}

TEST_F(LoaderCheckTest, GplOnlyIsUnknownToAProprietaryModule) {
  auto one = module("nvidia", "NVIDIA");
  one.imports = {{"follow_pte", false, 3}};
  const auto verdict = only(one);
  EXPECT_EQ(verdict.message, "nvidia: Unknown symbol follow_pte (err -2)");
  EXPECT_THAT(verdict.hint, HasSubstr("uses GPL-only symbol 'follow_pte' (Module.symvers:3)"));
  EXPECT_THAT(verdict.hint, HasSubstr("'NVIDIA'"));
  one.modinfo = module("", "Dual MIT/GPL").modinfo;
  EXPECT_THAT(check({one}), IsEmpty());
}

TEST_F(LoaderCheckTest, GplOnlyAndAProprietarySiblingDoNotGoTogether) {
  auto owner = module("nvidia", "NVIDIA");
  owner.exports = {{"nv_ops", false, ""}};
  auto user = module("nvidia_uvm", "Dual MIT/GPL");
  user.imports = {{"follow_pte", false, 3}, {"nv_ops", false, 1}};
  auto verdicts = check({user, owner});
  ASSERT_THAT(verdicts, SizeIs(1));
  EXPECT_EQ(verdicts[0].message,
            "nvidia_uvm: module using GPL-only symbols uses symbols nv_ops from proprietary module nvidia.");
  // In the other order the module is proprietary before it imports the GPL-only symbol.
  std::swap(user.imports[0], user.imports[1]);
  verdicts = check({user, owner});
  ASSERT_THAT(verdicts, SizeIs(1));
  EXPECT_EQ(verdicts[0].message, "nvidia_uvm: Unknown symbol follow_pte (err -2)");
  EXPECT_THAT(verdicts[0].hint, HasSubstr("imports from a proprietary one"));
}

TEST_F(LoaderCheckTest, BeingProprietaryIsInherited) {
  auto owner = module("nvidia", "NVIDIA");
  owner.exports = {{"a", false, ""}};
  auto middle = module("middle", "GPL");
  middle.imports = {{"a", false, 1}};
  middle.exports = {{"b", false, ""}};
  auto user = module("user", "GPL");
  user.imports = {{"follow_pte", false, 3}, {"b", false, 1}};
  const auto verdicts = check({user, middle, owner});
  ASSERT_THAT(verdicts, SizeIs(1));
  EXPECT_THAT(verdicts[0].message, HasSubstr("from proprietary module middle."));
}

TEST_F(LoaderCheckTest, Versions) {
  auto one = module("nvidia", "NVIDIA");
  one.imports = {{"kmalloc", false, 0x77}};
  auto verdict = only(one);
  EXPECT_EQ(verdict.message, "nvidia: disagrees about version of symbol kmalloc");
  EXPECT_THAT(verdict.hint, HasSubstr("0x00000077"));
  one.imports[0].crc = std::nullopt;
  verdict = only(one);
  EXPECT_EQ(verdict.message, "nvidia: no symbol version for kmalloc");
  EXPECT_FALSE(verdict.refuses);
  one.has_versions = false;
  EXPECT_EQ(only(one).message, "nvidia: Unknown symbol kmalloc (err -22)");
  rules.modversions = false;
  EXPECT_THAT(check({one}), IsEmpty());
}

TEST_F(LoaderCheckTest, Namespaces) {
  auto one = module("nvidia_vgpu_vfio", "Dual MIT/GPL");
  one.imports = {{"vfio_iommufd_bind", false, 4}};
  auto verdict = only(one);
  EXPECT_EQ(verdict.message,
            "nvidia_vgpu_vfio: module uses symbol (vfio_iommufd_bind) from namespace IOMMUFD, but does not import it.");
  EXPECT_TRUE(verdict.refuses);
  EXPECT_THAT(verdict.hint, HasSubstr("MODULE_IMPORT_NS(\"IOMMUFD\")"));
  rules.missing_imports_allowed = true;
  EXPECT_FALSE(only(one).refuses);
  rules.missing_imports_allowed = false;
  one.modinfo.emplace("import_ns", "OTHER");
  one.modinfo.emplace("import_ns", "IOMMUFD");
  EXPECT_THAT(check({one}), IsEmpty());
}

TEST_F(LoaderCheckTest, NamespacesForNamedModules) {
  auto one = module("nvidia", "NVIDIA");
  one.imports = {{"kvm_only", false, 5}};
  EXPECT_THAT(only(one).hint, HasSubstr("exports this symbol only to kvm,kvm-*"));
  EXPECT_TRUE(namespace_names_module("module:kvm,kvm-*", "kvm"));
  EXPECT_TRUE(namespace_names_module("module:kvm,kvm-*", "kvm_amd"));
  EXPECT_FALSE(namespace_names_module("module:kvm,kvm-*", "kvmx"));
  EXPECT_FALSE(namespace_names_module("module:kvm", "kv"));
  EXPECT_FALSE(namespace_names_module("kvm", "kvm"));
  EXPECT_FALSE(namespace_names_module("module:", "kvm"));
}

TEST_F(LoaderCheckTest, SymbolGetWantsGplOnlyExports) {
  auto owner = module("nvidia", "NVIDIA");
  owner.exports = {{"nvidia_vgpu_vfio_get_ops", false, ""}, {"nvidia_vgpu_vfio_set_ops", true, ""}};
  auto user = module("nvidia_vgpu_vfio", "Dual MIT/GPL");
  user.symbol_gets = {"nvidia_vgpu_vfio_get_ops", "nvidia_vgpu_vfio_set_ops", "nobody_exports_this"};
  const auto verdicts = check({user, owner});
  ASSERT_THAT(verdicts, SizeIs(1));
  EXPECT_EQ(verdicts[0].message, "failing symbol_get of non-GPLONLY symbol nvidia_vgpu_vfio_get_ops.");
  EXPECT_EQ(verdicts[0].module, "nvidia_vgpu_vfio");
  EXPECT_THAT(verdicts[0].hint, HasSubstr("EXPORT_SYMBOL_GPL (nvidia exports it)"));
  rules.symbol_get_gpl_only = false;
  EXPECT_THAT(check({user, owner}), IsEmpty());
}

TEST_F(LoaderCheckTest, DuplicateExports) {
  auto one = module("nvidia", "NVIDIA");
  one.exports = {{"kmalloc", false, ""}};
  EXPECT_EQ(only(one).message, "nvidia: exports duplicate symbol kmalloc (owned by kernel)");
  one.exports = {{"mdev_helper", false, ""}};
  EXPECT_FALSE(only(one).refuses) << "only when mdev is loaded";
  auto other = module("other", "GPL");
  one.exports = {{"same", false, ""}};
  other.exports = {{"same", false, ""}};
  const auto verdicts = check({one, other});
  ASSERT_THAT(verdicts, SizeIs(1));
  EXPECT_EQ(verdicts[0].message, "other: exports duplicate symbol same (owned by nvidia)");
}

TEST_F(LoaderCheckTest, AModuleOfTheKernelItselfOwnsItsExports) {
  auto one = module("mdev", "GPL");
  one.exports = {{"mdev_helper", false, "", 6}};
  auto user = module("user", "GPL");
  user.imports = {{"mdev_helper", false, 6}};
  EXPECT_THAT(check({one, user}), IsEmpty());
}

TEST(SameMagic, SkipsTheReleaseOnlyWithCrcs) {
  EXPECT_TRUE(same_magic("a SMP ", "b SMP ", true));
  EXPECT_FALSE(same_magic("a SMP ", "b SMP ", false));
  EXPECT_FALSE(same_magic("a SMP ", "a SMP preempt ", true));
  EXPECT_FALSE(same_magic("", "a SMP ", true));
  EXPECT_TRUE(same_magic("a", "b", true));
}

TEST_F(LoaderCheckTest, AKernelThatForcesSignaturesRefusesAModuleWithoutOne) {
  kernel::Kernel kernel;
  auto one = module("nvidia", "NVIDIA");
  EXPECT_THAT(refuse_unsigned({one}, kernel), IsEmpty());
  kernel.config["CONFIG_MODULE_SIG_FORCE"] = "y";
  const auto verdicts = refuse_unsigned({one}, kernel);
  ASSERT_THAT(verdicts, SizeIs(1));
  EXPECT_TRUE(verdicts[0].refuses);
  EXPECT_EQ(verdicts[0].message, "Loading of unsigned module is rejected");
  EXPECT_THAT(verdicts[0].hint, HasSubstr("signing:"));
  one.is_signed = true;
  EXPECT_THAT(refuse_unsigned({one}, kernel), IsEmpty());
}

}  // namespace
}  // namespace vgpukit::module
