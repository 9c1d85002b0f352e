#include "system/grub_defaults.hpp"

#include <gtest/gtest.h>

#include "support/process.hpp"

namespace vgpukit::system {
namespace {

constexpr const char* name = "GRUB_CMDLINE_LINUX_DEFAULT";

struct Quoting {
  const char* about;
  const char* text;
  const char* value;  // as the shell reads it
  const char* with;   // the text with intel_iommu=on iommu=pt added
};

// The value that a real shell, and so grub-mkconfig, reads.
std::string as_bash_sees(const std::string& text) {
  Command command;
  command.argv = {"bash", "-c", "eval \"$(cat)\"; printf %s \"$GRUB_CMDLINE_LINUX_DEFAULT\""};
  command.input = text + "\n";
  const auto outcome = run(command);
  return outcome ? outcome->out : "bash could not be run";
}

class GrubQuoting : public testing::TestWithParam<Quoting> {};

TEST_P(GrubQuoting, IsReadAndPreserved) {
  const auto& param = GetParam();
  const auto all = assignments_of(param.text, name, "/etc/default/grub");
  ASSERT_TRUE(all) << all.error().message();
  EXPECT_EQ(value_after(*all, name, ""), param.value);
  const auto with = with_words(param.text, name, {"intel_iommu=on", "iommu=pt"}, "/etc/default/grub");
  ASSERT_TRUE(with) << with.error().message();
  EXPECT_EQ(*with, param.with);
  if (std::string(param.text).find('\r') != std::string::npos) return;
  EXPECT_EQ(as_bash_sees(param.text), param.value);
  const std::string value = param.value;
  EXPECT_EQ(as_bash_sees(*with),
            value + (value.empty() || value.ends_with(' ') ? "" : " ") + "intel_iommu=on iommu=pt");
}

INSTANTIATE_TEST_SUITE_P(
    All, GrubQuoting,
    testing::Values(
        Quoting{"double", "A=1\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash\"\nB=2\n", "quiet splash",
                "A=1\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash intel_iommu=on iommu=pt\"\nB=2\n"},
        Quoting{"empty", "GRUB_CMDLINE_LINUX_DEFAULT=\"\"\n", "",
                "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on iommu=pt\"\n"},
        Quoting{"single", "GRUB_CMDLINE_LINUX_DEFAULT='quiet'\n", "quiet",
                "GRUB_CMDLINE_LINUX_DEFAULT='quiet intel_iommu=on iommu=pt'\n"},
        Quoting{"empty_single", "GRUB_CMDLINE_LINUX_DEFAULT=''", "",
                "GRUB_CMDLINE_LINUX_DEFAULT='intel_iommu=on iommu=pt'"},
        Quoting{"bare", "GRUB_CMDLINE_LINUX_DEFAULT=quiet # a note\n", "quiet",
                "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on iommu=pt\" # a note\n"},
        Quoting{"nothing", "GRUB_CMDLINE_LINUX_DEFAULT=\nB=1\n", "",
                "GRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on iommu=pt\"\nB=1\n"},
        Quoting{"escapes", "GRUB_CMDLINE_LINUX_DEFAULT=quiet\\ splash\n", "quiet splash",
                "GRUB_CMDLINE_LINUX_DEFAULT=quiet\\ splash\\ intel_iommu=on\\ iommu=pt\n"},
        Quoting{"escaped_quote", "GRUB_CMDLINE_LINUX_DEFAULT=\"a=\\\"b c\\\" q\"\n", "a=\"b c\" q",
                "GRUB_CMDLINE_LINUX_DEFAULT=\"a=\\\"b c\\\" q intel_iommu=on iommu=pt\"\n"},
        Quoting{"pieces", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"' splash'\n", "quiet splash",
                "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"' splash intel_iommu=on iommu=pt'\n"},
        Quoting{"piece_bare", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet a=\"1\n", "quiet a=1",
                "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet a=\"1\\ intel_iommu=on\\ iommu=pt\n"},
        Quoting{
            "added", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX_DEFAULT+=\" splash\"\n", "quiet splash",
            "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX_DEFAULT+=\" splash intel_iommu=on iommu=pt\"\n"},
        Quoting{"self",
                "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT x\"\n",
                "quiet x",
                "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT x "
                "intel_iommu=on "
                "iommu=pt\"\n"},
        Quoting{"continued", "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet \\\n splash\"\n", "quiet  splash",
                "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet \\\n splash intel_iommu=on iommu=pt\"\n"},
        Quoting{"commented", "#GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"", "",
                "#GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on iommu=pt\"\n"},
        Quoting{"exported", "export GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n", "quiet",
                "export GRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on iommu=pt\"\n"},
        Quoting{
            "in_another_value", "X=\"\nGRUB_CMDLINE_LINUX_DEFAULT=no\n\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"yes\"\n", "yes",
            "X=\"\nGRUB_CMDLINE_LINUX_DEFAULT=no\n\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"yes intel_iommu=on iommu=pt\"\n"},
        Quoting{"windows", "A=1\r\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\r\n", "quiet",
                "A=1\r\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet intel_iommu=on iommu=pt\"\r\n"},
        Quoting{"windows_none", "A=1\r\n", "", "A=1\r\nGRUB_CMDLINE_LINUX_DEFAULT=\"intel_iommu=on iommu=pt\"\r\n"}),
    [](const testing::TestParamInfo<Quoting>& each) { return std::string(each.param.about); });

TEST(GrubDefaults, AQuoteThatNeverEndsIsNamedWithItsLine) {
  const auto bad = with_words("A=1\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\nB=1\n", name, {"x"}, "/etc/default/grub");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::usage);
  EXPECT_EQ(bad.error().where->line, 2);
}

TEST(GrubDefaults, AnotherVariableWithALongerNameIsNone) {
  const auto all = assignments_of("GRUB_CMDLINE_LINUX_DEFAULT_XEN=1\n", name, "f");
  ASSERT_TRUE(all);
  EXPECT_TRUE(all->empty());
}

TEST(GrubDefaults, ALastLineThatGoesOnIsNotGoneOnWith) {
  for (const auto& [text, value] :
       std::vector<std::pair<std::string, std::string>>{{"OTHER=x\\", "iommu=pt"},
                                                        {"OTHER=x\\\n", "iommu=pt"},
                                                        {"OTHER=x\r\nOTHER=y\\\r\n", "iommu=pt"},
                                                        {"OTHER=x\r\nOTHER=y\\\n", "iommu=pt"},
                                                        {std::string(name) + "=quiet\\", "quiet iommu=pt"},
                                                        {std::string(name) + "='quiet'\\\n", "quiet iommu=pt"}}) {
    const auto more = with_words(text, name, {"iommu=pt"}, "f");
    ASSERT_TRUE(more);
    const auto all = assignments_of(*more, name, "f");
    ASSERT_TRUE(all && all->size() == 1) << *more;
    EXPECT_EQ(value_after(*all, name, ""), value) << *more;
  }
}

TEST(GrubDefaults, AVariableThatIsDoubledEndsSomewhere) {
  std::string text = "GRUB_CMDLINE_LINUX=\"quiet \"\n";
  for (int i = 0; i < 40; ++i) text += "GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX$GRUB_CMDLINE_LINUX\"\n";
  const auto all = assignments_of(text, "GRUB_CMDLINE_LINUX", "grub");
  ASSERT_TRUE(all);
  EXPECT_LE(value_after(*all, "GRUB_CMDLINE_LINUX", "").size(), 65536u);
}

}  // namespace
}  // namespace vgpukit::system
