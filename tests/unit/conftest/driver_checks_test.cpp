#include "conftest/driver_checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernel/fake_kernel.hpp"
#include "kernel/kernel_notices.hpp"
#include "support/checksummed_file.hpp"

namespace vgpukit::conftest {
namespace driver_checks_test {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* script =
    "OUTPUT=$4\n"
    "has() { grep -q \"^#define $1 1\" \"$OUTPUT/include/generated/autoconf.h\"; }\n"
    "case \"$5\" in\n"
    "cc_version_check)\n"
    "  [ -z \"$IGNORE_CC_MISMATCH\" ] || exit 0\n"
    "  echo; echo 'Compiler version check failed:'; echo; exit 1;;\n"
    "preempt_rt_sanity_check)\n"
    "  [ -z \"$IGNORE_PREEMPT_RT_PRESENCE\" ] || exit 0\n"
    "  has CONFIG_PREEMPT_RT || exit 0\n"
    "  echo 'The kernel is a PREEMPT_RT kernel!'; echo; echo 'More.'; exit 1;;\n"
    "vgpu_kvm_sanity_check)\n"
    "  has CONFIG_KVM_VFIO && exit 0\n"
    "  echo 'Missing on this kernel:'; echo CONFIG_KVM; echo; echo '*** Bailing out! ***'; exit 1;;\n"
    "esac\n";

std::vector<DriverCheck> checks_of(const kernel::Kernel& kernel, const std::set<std::string>& accepted = {}) {
  kernel::Facts facts(kernel);
  auto checks = run_driver_checks(facts, transform::SourceTree::of({{"conftest.sh", script}}), accepted);
  EXPECT_TRUE(checks) << checks.error().message();
  return checks ? *std::move(checks) : std::vector<DriverCheck>();
}

TEST(DriverChecks, SayWhatTheDriverRefusesAndWhatIgnoresIt) {
  const test::TempFolder folder;
  auto kernel = test::fake_kernel(folder);
  kernel.compiler.exact = true;
  test::put(kernel.build / "include/generated/autoconf.h", "#define CONFIG_PREEMPT_RT 1\n");
  const auto checks = checks_of(kernel, {"preempt-rt"});
  ASSERT_EQ(checks.size(), 3U);
  EXPECT_EQ(checks[0].check, "cc_version_check");
  EXPECT_EQ(checks[0].says, "Compiler version check failed");
  EXPECT_EQ(checks[0].notice, "other-compiler");
  EXPECT_THAT(checks[0].next, HasSubstr("--accept other-compiler (IGNORE_CC_MISMATCH=1)"));
  EXPECT_FALSE(checks[0].accepted);
  EXPECT_EQ(checks[1].says, "The kernel is a PREEMPT_RT kernel!");
  EXPECT_EQ(checks[1].variable, "IGNORE_PREEMPT_RT_PRESENCE");
  EXPECT_TRUE(checks[1].accepted);
  EXPECT_EQ(checks[2].says, "Missing on this kernel: CONFIG_KVM");
  EXPECT_EQ(checks[2].notice, "") << "no variable ignores it";
  EXPECT_TRUE(needs_consent(checks));
  EXPECT_TRUE(refuses(checks));
}

TEST(DriverChecks, AKernelThatTheDriverTakesHasNone) {
  const test::TempFolder folder;
  auto kernel = test::fake_kernel(folder);
  kernel.compiler.exact = false;  // other-compiler was accepted: the variable is set
  test::put(kernel.build / "include/generated/autoconf.h", "#define CONFIG_KVM_VFIO 1\n");
  EXPECT_THAT(checks_of(kernel), IsEmpty());
}

TEST(DriverChecks, AreCachedUntilTheKernelChanges) {
  const test::TempFolder folder;
  auto kernel = test::fake_kernel(folder);
  kernel.compiler.exact = false;
  kernel.host.cache = folder / "cache";
  test::put(kernel.build / "include/generated/autoconf.h", "#define CONFIG_PREEMPT_RT 1\n#define CONFIG_KVM_VFIO 1\n");
  ASSERT_EQ(checks_of(kernel).size(), 1U);
  const auto files = entries_of(kernel.host.cache / "conftest");
  ASSERT_EQ(files.size(), 1U);
  write_checksummed(files[0], "@ preempt_rt_sanity_check\nfrom the cache\n= 1\n");
  ASSERT_EQ(checks_of(kernel).size(), 1U);
  EXPECT_EQ(checks_of(kernel)[0].says, "from the cache");
  test::put(kernel.build / "include/generated/autoconf.h", "#define CONFIG_KVM_VFIO 1\n");
  EXPECT_THAT(checks_of(kernel), IsEmpty());
}

TEST(DriverChecks, AVariableThatTheScriptDoesNotReadIgnoresNothing) {
  const auto checks = read_driver_checks("@ xen_sanity_check\nno Xen\n\n= 1\n", "xen_sanity_check) exit 1;;", {"xen"});
  ASSERT_EQ(checks.size(), 1U);
  EXPECT_EQ(checks[0].notice, "");
  EXPECT_FALSE(checks[0].accepted);
}

TEST(DriverChecks, WithoutAConftestThereAreNone) {
  const test::TempFolder folder;
  kernel::Facts facts(test::fake_kernel(folder));
  const auto checks = run_driver_checks(facts, transform::SourceTree::of({}), {});
  ASSERT_TRUE(checks);
  EXPECT_THAT(*checks, IsEmpty());
}

TEST(AcceptedVariables, AreThoseOfAcceptedNotices) {
  kernel::Kernel kernel;
  kernel.compiler.exact = true;
  EXPECT_THAT(kernel::accepted_variables(kernel, {"gpl-export"}), IsEmpty());
  EXPECT_THAT(kernel::accepted_variables(kernel, {"preempt-rt", "xen"}),
              testing::ElementsAre(testing::Pair("IGNORE_PREEMPT_RT_PRESENCE", "1"),
                                   testing::Pair("IGNORE_XEN_PRESENCE", "1")));
  kernel.compiler.exact = false;
  EXPECT_THAT(kernel::accepted_variables(kernel, {}), testing::ElementsAre(testing::Pair("IGNORE_CC_MISMATCH", "1")));
}

}  // namespace driver_checks_test
}  // namespace vgpukit::conftest
