#include <gtest/gtest.h>

#include "kernel/facts.hpp"

namespace vgpukit::kernel {
namespace {

TEST(Question, TheTextFormGoesBothWays) {
  for (const char* text : {"symbol follow_pfn", "symbol-is-gpl follow_pte", "config CONFIG_MODVERSIONS",
                           "config CONFIG_HZ=250", "header linux/iosys-map.h", "declaration no_llseek linux/fs.h",
                           "declaration struct dma_buf_map linux/types.h linux/dma-buf-map.h", "compiler gcc>=15",
                           "compiler clang", "behaviour symbol-get-gpl-only"}) {
    const auto question = Question::parse(text);
    ASSERT_TRUE(question) << question.error().message();
    EXPECT_EQ(question->key(), text);
  }
  EXPECT_EQ(Question::parse("  compiler  gcc >= 15 ").value().key(), "compiler gcc>=15");
}

TEST(Question, AKeyTellsQuestionsApart) {
  Question a;
  a.kind = Question::Kind::compiles;
  a.code = "int x;";
  Question b = a;
  b.headers = {"linux/fs.h"};
  Question c = a;
  c.code = "int y;";
  EXPECT_NE(a.key(), b.key());
  EXPECT_NE(a.key(), c.key());
  EXPECT_EQ(a.key(), Question(a).key());
}

TEST(Question, BadOnesSayWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {{"", "empty"},
                                                       {"symbool x", "not a kind of question"},
                                                       {"symbol", "name is missing"},
                                                       {"symbol a b", "one word too many"},
                                                       {"symbol a-b", "not a symbol name"},
                                                       {"config MODVERSIONS", "begin with CONFIG_"},
                                                       {"config CONFIG_X=", "no value after the ="},
                                                       {"header /etc/passwd", "not a header"},
                                                       {"header ../x.h", "not a header"},
                                                       {"declaration x", "header that declares it is missing"},
                                                       {"declaration struct", "name after struct"},
                                                       {"declaration x> linux/fs.h", "neither an identifier"},
                                                       {"declaration x \"linux/fs.h\"", "not a header"},
                                                       {"compiler icc>=3", "not a compiler"},
                                                       {"compiler gcc>=x", "not a version"},
                                                       {"behaviour magic", "symbol-get-gpl-only"},
                                                       {"compiles x", "cannot be written on one line"}};
  for (const auto& [text, why] : cases) {
    const auto question = Question::parse(text);
    ASSERT_FALSE(question) << text;
    EXPECT_EQ(question.error().kind, ErrorKind::usage);
    EXPECT_NE(question.error().message().find(why), std::string::npos) << text << ": " << question.error().message();
  }
}

TEST(Question, KindsHaveNames) {
  for (const char* name :
       {"symbol", "symbol-is-gpl", "config", "header", "declaration", "compiles", "compiler", "behaviour"})
    EXPECT_EQ(Question::kind_name(Question::kind_from(name).value()), name);
  EXPECT_FALSE(Question::kind_from("symbols"));
}

}  // namespace
}  // namespace vgpukit::kernel
