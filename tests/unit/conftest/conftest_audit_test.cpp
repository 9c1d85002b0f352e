#include "conftest/conftest_audit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::conftest {
namespace {

using testing::ElementsAre;

ConftestFailure classified(bool inverted, std::vector<kernel::CompileError> errors) {
  return classify_failure({"x", "NV_X", "void conftest_x(void) { x(); }", inverted, {false, std::move(errors)}})
      .failure;
}
kernel::CompileError own(std::string message) {
  return {"", 3, false, std::move(message)};
}
kernel::CompileError in_header(std::string message) {
  return {"/usr/src/linux/include/linux/mm.h", 12, false, std::move(message)};
}

TEST(ConftestAudit, WrongArgumentsAreWhatAFunctionTestWants) {
  for (const char* message :
       {"too few arguments to function 'follow_pfn'", "too few arguments to function 'follow_pfn'; expected 3, have 0",
        "too few arguments to function call, expected 3, have 0", "too many arguments to function 'get_num_physpages'",
        "macro \"timer_setup\" requires 3 arguments, but only 1 given",
        "too few arguments provided to function-like macro invocation",
        "called object is not a function or function pointer",
        "called object type 'int' is not a function or function pointer", "void value not ignored as it ought to be",
        "conflicting types for 'get_user_pages'; have 'long int(void)'"})
    EXPECT_EQ(classified(true, {own(message)}), ConftestFailure::expected) << message;
}

TEST(ConftestAudit, AnyOtherErrorIsNoSignOfAFunction) {
  EXPECT_EQ(classified(true, {own("implicit declaration of function 'x' [-Wimplicit-function-declaration]")}),
            ConftestFailure::other);
  EXPECT_EQ(
      classified(
          true,
          {own("call to undeclared function 'x'; ISO C99 and later do not support implicit function declarations")}),
      ConftestFailure::other);
  EXPECT_EQ(classified(true, {{"", 1, true, "linux/gone.h: No such file or directory"}}), ConftestFailure::other);
  EXPECT_EQ(classified(true, {own("no return statement in function returning non-void [-Werror=return-type]")}),
            ConftestFailure::form);
  EXPECT_EQ(classified(true, {in_header("unknown type name 'u33'")}), ConftestFailure::header);
}

TEST(ConftestAudit, AFunctionThatIsDeclaredIsThereHoweverBrokenAHeaderIs) {
  EXPECT_EQ(classified(true, {in_header("unknown type name 'u33'"), own("too few arguments to function 'x'")}),
            ConftestFailure::expected);
}

TEST(ConftestAudit, AbsentBecauseOfAHeaderOrOfTheTestsOwnShape) {
  EXPECT_EQ(classified(false, {own("'struct vm_fault' has no member named 'address'")}), ConftestFailure::expected);
  EXPECT_EQ(classified(false, {{"", 1, true, "linux/gone.h: No such file or directory"}}), ConftestFailure::expected);
  EXPECT_EQ(classified(false, {in_header("unknown type name 'u33'")}), ConftestFailure::header);
  EXPECT_EQ(classified(false, {in_header("unknown type name 'u33'"), own("'DRM_X' undeclared")}),
            ConftestFailure::expected);
  EXPECT_EQ(classified(false, {own("no return statement in function returning non-void [-Werror=return-type]")}),
            ConftestFailure::form);
}

TEST(ConftestAudit, AFunctionsTestThatCallsNothingMeansWhatItSays) {
  const ConftestVerdict undeclared{false, {own("'DMA_BUF' undeclared here (not in a function)")}};
  EXPECT_EQ(classify_failure({"x", "NV_X", "#include <linux/module.h>\nMODULE_IMPORT_NS(DMA_BUF);", true, undeclared})
                .failure,
            ConftestFailure::expected);
}

TEST(ConftestAudit, ReadsTheTestsCode) {
  const std::string code =
      "\n#if defined(NV_X)\n  #include <linux/mm.h>\n#endif\n#include <drm/drm_drv.h>\nint conftest_f(void) {\n    "
      "return "
      "follow_pfn ();\n}";
  EXPECT_EQ(called_function(code), "follow_pfn");
  EXPECT_THAT(headers_of(code), ElementsAre("linux/mm.h", "drm/drm_drv.h"));
  EXPECT_EQ(called_function("struct x y;"), "");
}

}  // namespace
}  // namespace vgpukit::conftest
