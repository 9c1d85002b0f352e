#include "diagnostics/error_subject.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace vgpukit::diagnostics {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<Diagnostic> errors_of(const std::string& log) {
  DiagnosticCollector collector("/var/tmp/tree");
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) collector.line(line);
  return collector.errors();
}

// "function f()", with a star if it is not gone; "-" if the error has no subject.
std::string about(const std::string& log) {
  const auto errors = errors_of(log);
  if (errors.size() != 1) return std::to_string(errors.size()) + " errors";
  const auto subject = subject_of(errors.front());
  return subject ? subject->text() + (subject->gone ? "" : "*") : "-";
}

TEST(Subject, OfGccFrom10To16) {
  EXPECT_EQ(about("a.c:23:12: error: implicit declaration of function \xe2\x80\x98"
                  "follow_pfn\xe2\x80\x99; did you mean \xe2\x80\x98"
                  "folio_pfn\xe2\x80\x99? [-Werror=implicit-function-declaration]"),
            "function follow_pfn()");
  EXPECT_EQ(about("a.c:1:1: error: implicit declaration of function 'DRM_ERROR'; did you mean 'SO_ERROR'? "
                  "[-Wimplicit-function-declaration]"),
            "macro DRM_ERROR");
  EXPECT_EQ(about("a.c:1:1: error: 'struct vm_area_struct' has no member named '__vm_flags'; did you mean 'vm_flags'?"),
            "field __vm_flags of struct vm_area_struct");
  EXPECT_EQ(about("a.c:1:1: error: 'const struct dma_map_ops' has no member named 'map_resource'"),
            "field map_resource of struct dma_map_ops");
  EXPECT_EQ(about("a.c:1:1: error: 'vma_t' {aka 'struct vm_area_struct'} has no member named 'x'"),
            "field x of struct vm_area_struct");
  EXPECT_EQ(about("a.c:1:1: error: too few arguments to function 'drm_helper_mode_fill_fb_struct'"),
            "function drm_helper_mode_fill_fb_struct()*");
  EXPECT_EQ(about("a.c:1:1: error: too many arguments to function 'eventfd_signal'; expected 1, have 2"),
            "function eventfd_signal()*");
  EXPECT_EQ(about("a.c:1:1: error: passing argument 1 of 'drm_atomic_commit' from incompatible pointer type "
                  "[-Wincompatible-pointer-types]"),
            "function drm_atomic_commit()*");
  EXPECT_EQ(about("a.c:1:1: error: macro \"access_ok\" passed 3 arguments, but takes just 2"), "macro access_ok*");
  EXPECT_EQ(about("a.c:1:1: error: 'no_llseek' undeclared here (not in a function); did you mean 'noop_llseek'?"),
            "name no_llseek");
  EXPECT_EQ(about("a.c:1:1: error: 'VMA_LOCK_OFFSET' undeclared (first use in this function)"),
            "macro VMA_LOCK_OFFSET");
  EXPECT_EQ(
      about("a.c:1:1: error: type defaults to 'int' in declaration of 'MDEV_TYPE_ATTR_RO' [-Werror=implicit-int]"),
      "macro MDEV_TYPE_ATTR_RO");
  EXPECT_EQ(about("a.c:1:1: error: unknown type name 'vm_fault_t'"), "type vm_fault_t");
  EXPECT_EQ(about("a.c:1:1: error: invalid use of undefined type 'struct drm_atomic_state'"),
            "type struct drm_atomic_state");
  EXPECT_EQ(about("a.c:1:1: error: dereferencing pointer to incomplete type 'struct parent_ops'"),
            "type struct parent_ops");
  EXPECT_EQ(about("a.c:1:1: error: invalid application of 'sizeof' to incomplete type 'struct parent_ops'"),
            "type struct parent_ops");
  EXPECT_EQ(about("a.c:1:10: fatal error: linux/mdev.h: No such file or directory"), "header linux/mdev.h");
}

TEST(Subject, IsInTheQuotedLineIfTheMessageHasNoName) {
  EXPECT_EQ(about("a.c:96:12: error: void value not ignored as it ought to be\n"
                  "   96 |     return dma_fence_signal(fence);\n"
                  "      |            ^~~~~~~~~~~~~~~~~~~~~~~\n"),
            "function dma_fence_signal()*");
  EXPECT_EQ(about("a.c:9:9: error: void value not ignored as it ought to be\n"
                  "    9 |     ret = hrtimer_cancel(&timer, other(1));\n"),
            "function hrtimer_cancel()*")
      << "the column is that of the =";
  EXPECT_EQ(about("a.c:47:29: error: field 'base' has incomplete type\n"
                  "   47 |     struct drm_atomic_state base;\n"),
            "type struct drm_atomic_state");
  EXPECT_EQ(about("a.c:455:19: error: assignment of read-only member 'vm_flags'\n"
                  "  455 |     vma->vm_flags |= VM_MIXEDMAP;\n"),
            "field vm_flags*");
  EXPECT_EQ(about("a.c:96:12: error: void value not ignored as it ought to be\n"
                  "   97 |     return of_another_error(fence);\n"),
            "-");
}

TEST(Subject, TheSameMessageAboutTwoFunctionsIsTwoErrors) {
  const auto errors = errors_of(
      "a.c:6:12: error: void value not ignored as it ought to be\n"
      "    6 |     return first(fence);\n"
      "a.c:8:12: error: void value not ignored as it ought to be\n"
      "    8 |     return second(fence);\n"
      "b.c:9:12: error: void value not ignored as it ought to be\n"
      "    9 |     return first(other);\n");
  ASSERT_THAT(errors, SizeIs(2));
  EXPECT_EQ(subject_of(errors[0])->name, "first");
  EXPECT_THAT(errors[0].more, ElementsAre("b.c:9"));
  EXPECT_EQ(subject_of(errors[1])->name, "second");
}

TEST(Subject, OfACallbackIsTheFieldWithTheKernelsArguments) {
  const std::string message =
      "a.c:187:22: error: initialization of 'int (*)(struct drm_device *, struct drm_atomic_commit *)' from "
      "incompatible pointer "
      "type "
      "'int (*)(struct drm_device *, struct drm_atomic_state *)' [-Wincompatible-pointer-types]\n";
  EXPECT_EQ(about(message + "  187 |     .atomic_check  = nv_drm_atomic_check,\n"), "field atomic_check*");
  EXPECT_EQ(about(message + "a.c:187:22: note: (near initialization for 'nv_mode_config_funcs.atomic_check')\n"),
            "field atomic_check*");
  EXPECT_EQ(about(message + "  187 |     .atomic_check  = nv_drm_atomic_check,\n"
                            "a.c:187:22: note: (near initialization for 'funcs.of_another')\n"),
            "field atomic_check*")
      << "gcc's note names the wrong member if a member is unknown";
  EXPECT_EQ(about(message + "  187 |     .atomic_check = a_b_c, .release = nv_release,\n"), "field atomic_check*");
  EXPECT_EQ(about(message), "-");
  const auto errors = errors_of(message + "  187 |     .atomic_check  = nv_drm_atomic_check,\n");
  EXPECT_THAT(subject_of(errors[0])->arguments, ElementsAre("struct drm_device *", "struct drm_atomic_commit *"));
}

TEST(Subject, OfClang) {
  const std::string end = "\n1 error generated.\n";
  EXPECT_EQ(about("a.c:3:9: error: call to undeclared function 'in_irq'; ISO C99 and later do not support implicit "
                  "function declarations "
                  "[-Wimplicit-function-declaration]" +
                  end),
            "function in_irq()");
  EXPECT_EQ(
      about("a.c:3:9: error: no member named '__vm_flags' in 'struct vm_area_struct'; did you mean 'vm_flags'?" + end),
      "field __vm_flags of struct vm_area_struct");
  EXPECT_EQ(about("a.c:3:9: error: field designator 'llseek' does not refer to any field in type 'const struct "
                  "file_operations'" +
                  end),
            "field llseek of struct file_operations");
  EXPECT_EQ(about("a.c:3:30: error: too few arguments to function call, expected 4, have 3\n"
                  "    3 |     drm_helper_mode_fill_fb_struct(a, b, c);\n"
                  "      |     ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~        ^\n"
                  "/h/drm.h:35:6: note: 'drm_helper_mode_fill_fb_struct' declared here" +
                  end),
            "function drm_helper_mode_fill_fb_struct()*");
  EXPECT_EQ(about("a.c:3:9: error: use of undeclared identifier 'no_llseek'; did you mean 'noop_llseek'?" + end),
            "name no_llseek");
  EXPECT_EQ(about("a.c:3:9: error: incomplete definition of type 'struct drm_atomic_state'" + end),
            "type struct drm_atomic_state");
  EXPECT_EQ(about("a.c:3:9: fatal error: 'linux/mdev.h' file not found" + end), "header linux/mdev.h");
  EXPECT_EQ(about("a.c:3:9: error: cannot assign to non-static data member 'vm_flags' with const-qualified type 'const "
                  "vm_flags_t'" +
                  end),
            "field vm_flags*");
  EXPECT_EQ(about("a.c:3:7: error: assigning to 'int' from incompatible type 'void'\n"
                  "    3 |   ret = dma_fence_signal(fence);" +
                  end),
            "function dma_fence_signal()*");
  EXPECT_EQ(about("a.c:3:13: error: incompatible function pointer types initializing 'int (*)(struct a *)' with an "
                  "expression of type 'int "
                  "(struct b *)' [-Wincompatible-function-pointer-types]\n"
                  "    3 |     .open = nv_open," +
                  end),
            "field open*");
}

TEST(Subject, OfModpost) {
  EXPECT_EQ(about("ERROR: modpost: \"follow_pte\" [/var/tmp/tree/nvidia.ko] undefined!"), "symbol follow_pte");
  EXPECT_EQ(about("ERROR: modpost: GPL-incompatible module nvidia.ko uses GPL-only symbol 'rcu_read_unlock_strict'"),
            "symbol rcu_read_unlock_strict*");
  EXPECT_EQ(about("FATAL: modpost: GPL-incompatible module nvidia.ko uses GPL-only symbol 'rcu_read_unlock_strict'"),
            "symbol rcu_read_unlock_strict*");
  EXPECT_EQ(about("ERROR: modpost: module nvidia-vgpu-vfio uses symbol vfio_iommufd_emulated_bind from namespace "
                  "IOMMUFD, but does not "
                  "import it."),
            "symbol vfio_iommufd_emulated_bind*");
  Diagnostic ours;
  ours.tool = "verify";
  ours.message = "nvidia: Unknown symbol follow_pte (err -2)";
  EXPECT_EQ(subject_of(ours)->text(), "symbol follow_pte");
  ours.message = "module uses symbol (iommufd_bind) from namespace IOMMUFD, but does not import it.";
  EXPECT_EQ(subject_of(ours)->text(), "symbol iommufd_bind");
  ours.message = "failing symbol_get of non-GPLONLY symbol nvidia_vgpu_vfio_get_ops.";
  EXPECT_FALSE(subject_of(ours));
}

TEST(Subject, IsNothingForErrorsThatAreNotAboutTheKernel) {
  EXPECT_EQ(about("a.c:1:1: error: expected ';' before 'return'"), "-");
  EXPECT_EQ(about("a.c:1:1: error: 'NV_VERSION_STRING' undeclared (first use in this function)"), "-");
  EXPECT_EQ(about("a.c:1:1: error: implicit declaration of function 'nv_follow_pfn' [-Wimplicit-function-declaration]"),
            "-");
  EXPECT_EQ(about("a.c:1:10: fatal error: nv-linux.h: No such file or directory"), "-");
  EXPECT_EQ(about("a.c:1:1: error: '' undeclared"), "-");
  EXPECT_EQ(about("a.c:1:1: error: has no member named"), "-");
  EXPECT_EQ(about("a.c:1:1: error: void value not ignored as it ought to be\n    1 | \n"), "-");
  EXPECT_EQ(about("make: *** No rule to make target 'linux/mdev.h'.  Stop."), "-");
}

TEST(Causes, AFieldHasTheStructureThatOneOfItsMessagesNames) {
  std::vector<Diagnostic> errors(2);
  errors[0].tool = errors[1].tool = "gcc";
  errors[0].message = "assignment of read-only member 'state'";
  errors[1].message = "'struct a' has no member named 'state'";
  const auto causes = causes_of(errors);
  ASSERT_THAT(causes.subjects, SizeIs(1));
  EXPECT_EQ(causes.subjects[0].of, "struct a");
  EXPECT_THAT(causes.errors[0], testing::ElementsAre(0U, 1U));
}

}  // namespace
}  // namespace vgpukit::diagnostics
