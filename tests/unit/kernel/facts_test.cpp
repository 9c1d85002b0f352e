#include <gtest/gtest.h>
#include <sys/stat.h>

#include "kernel/fake_kernel.hpp"

namespace vgpukit::kernel {
namespace {

class FactsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::can_build()) GTEST_SKIP() << "needs make and gcc";
    kernel_ = test::fake_kernel(folder_);
  }
  Result<Answer> ask(std::string_view text) {
    auto question = Question::parse(text);
    EXPECT_TRUE(question) << text;
    return Facts(kernel_).ask(*question);
  }
  Answer answer(std::string_view text) {
    auto result = ask(text);
    EXPECT_TRUE(result) << text << ": " << result.error().message();
    return result ? *result : Answer{};
  }
  static Question compiles(std::string code, std::vector<std::string> headers = {"linux/thing.h"}) {
    Question question;
    question.kind = Question::Kind::compiles;
    question.code = std::move(code);
    question.headers = std::move(headers);
    return question;
  }

  test::TempFolder folder_;
  Kernel kernel_;
};

TEST_F(FactsTest, EverythingThatCanBeDeclaredIsFound) {
  for (const char* name : {"struct thing", "union both", "enum colour", "RED", "number_t", "variable", "function",
                           "inlined", "MACRO", "CALL"})
    EXPECT_TRUE(answer("declaration " + std::string(name) + " linux/thing.h").yes) << name;
  for (const char* name : {"struct nothing", "union thing2", "struct opaque", "nothing", "printf", "struct_thing"}) {
    const auto no = answer("declaration " + std::string(name) + " linux/thing.h");
    EXPECT_FALSE(no.yes) << name;
    EXPECT_NE(no.evidence.find("linux/thing.h: "), std::string::npos) << no.evidence;
  }
}

TEST_F(FactsTest, AnAbsentHeaderIsANoAndABrokenOneIsNoAnswer) {
  const auto absent = answer("declaration thing linux/absent.h");
  EXPECT_FALSE(absent.yes);
  EXPECT_NE(absent.evidence.find("linux/absent.h: No such file"), std::string::npos) << absent.evidence;
  for (const char* question : {"declaration from_broken linux/broken.h", "declaration from_lacks linux/lacks.h",
                               "declaration other linux/broken.h"}) {
    const auto broken = ask(question);
    ASSERT_FALSE(broken) << question;
    EXPECT_NE(broken.error().message().find("does not compile here"), std::string::npos) << broken.error().message();
  }
}

TEST_F(FactsTest, AHeaderThatNeedsTheUsualOnesGetsThem) {
  EXPECT_TRUE(answer("declaration needs_size linux/needs_size.h").yes);
  EXPECT_FALSE(answer("declaration needs_nothing linux/needs_size.h").yes);
}

TEST_F(FactsTest, SnippetsCompileAsAModuleWould) {
  Facts facts(kernel_);
  EXPECT_TRUE(facts.ask(compiles("int f(void) { return function(1, 2); }")).value().yes);
  const auto no = facts.ask(compiles("\nint f(void) { return function(1); }")).value();
  EXPECT_FALSE(no.yes);
  EXPECT_NE(no.evidence.find("line 2 of the snippet: too few arguments"), std::string::npos) << no.evidence;
  EXPECT_FALSE(facts.ask(compiles("int f(void) { return undeclared(); }")).value().yes)
      << "an error in the kernel, a warning in plain gcc";
  EXPECT_TRUE(facts.ask(compiles("const char *name = KBUILD_MODNAME;")).value().yes);
  // The macro's text stands in a header, but the mistake is the snippet's.
  EXPECT_FALSE(facts.ask(compiles("int f(struct thing *t) { return CALL(t); }")).value().yes);
  EXPECT_FALSE(facts.ask(compiles("#include <linux/absent.h>\n")).value().yes);
  const auto broken = facts.ask(compiles("int x;", {"linux/broken.h"}));
  EXPECT_FALSE(broken) << "a broken header is no answer";
}

TEST_F(FactsTest, ManyQuestionsDoNotDisturbEachOther) {
  Facts facts(kernel_);
  std::vector<Question> questions;
  for (const char* text :
       {"declaration nothing linux/thing.h", "declaration RED linux/thing.h", "declaration while linux/thing.h",
        "declaration MACRO linux/thing.h", "declaration x linux/broken.h", "declaration RED linux/thing.h"})
    questions.push_back(Question::parse(text).value());
  // The same names in two snippets
  questions.push_back(compiles("struct own { int a; }; int f(void) { return 1; }"));
  questions.push_back(compiles("struct own { int b; }; int f(int a) { return a; }"));
  questions.push_back(compiles("int g(void) { return 1 }"));
  ASSERT_TRUE(facts.prefetch(questions));
  const bool expected[] = {false, true, false, true, false, true, true, true, false};
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const auto result = facts.ask(questions[i]);
    if (i == 4) {
      EXPECT_FALSE(result) << "a broken header is no answer";
      continue;
    }
    ASSERT_TRUE(result) << result.error().message();
    EXPECT_EQ(result->yes, expected[i]) << questions[i].key() << ": " << result->evidence;
  }
  EXPECT_EQ(facts.report().size(), 7U);
  EXPECT_EQ(test::builds_of(folder_), 1U);
}

// Headers of which some bring others, and a compiler that counts how often it is run.
class SharedFactsTest : public FactsTest {
 protected:
  void SetUp() override {
    FactsTest::SetUp();
    if (IsSkipped()) return;
    header("small", "struct small { int a; };\nextern int in_small;\n");
    header("large",
           "#include <linux/small.h>\nstruct large { int a; };\nextern int in_large;\nextern int called(int a);\n");
    header("largest", "#include <linux/large.h>\nextern int in_largest;\n");
    header("other", "extern int in_other;\n");
    header("twisted", "#include <linux/small.h>\n#include <linux/broken.h>\n");
    const auto makefile = read_file(folder_ / "build/Makefile").value();
    const std::string count = (folder_ / "counting-gcc").string();
    test::put(folder_ / "build/Makefile", std::string(makefile).replace(makefile.find(":= gcc") + 3, 3, count));
    test::put(count, "#!/bin/sh\necho x >> " + (folder_ / "runs").string() + "\nexec gcc \"$@\"\n", 0755);
  }
  void header(const std::string& name, const std::string& text) {
    test::put(folder_ / ("build/include/linux/" + name + ".h"),
              "#ifndef " + name + "_h\n#define " + name + "_h\n" + text + "#endif\n");
  }
  std::size_t runs() {
    const auto text = read_file(folder_ / "runs");
    return text ? text->size() / 2 : 0;
  }
  // Asks them all together; each answer must be the one that it has alone.
  void expect_as_alone(const std::vector<Question>& questions) {
    Facts together(kernel_);
    ASSERT_TRUE(together.prefetch(questions));
    runs_together_ = runs();
    for (const auto& question : questions) {
      Kernel fresh = kernel_;
      fresh.host.cache = folder_ / "cache-of-one";
      fs::remove_all(fresh.host.cache);
      auto alone = Facts(fresh).ask(question);
      auto shared = together.ask(question);
      ASSERT_EQ(static_cast<bool>(alone), static_cast<bool>(shared)) << question.key();
      if (!alone) continue;
      EXPECT_EQ(alone->yes, shared->yes) << question.key() << ": " << shared->evidence;
      EXPECT_EQ(alone->evidence, shared->evidence) << question.key();
      EXPECT_EQ(alone->doubt, shared->doubt) << question.key();
    }
  }
  static std::vector<Question> parsed(std::initializer_list<const char*> texts) {
    std::vector<Question> questions;
    for (const char* text : texts) questions.push_back(Question::parse(text).value());
    return questions;
  }
  std::size_t runs_together_ = 0;
};

TEST_F(SharedFactsTest, AQuestionSeesNothingThatOnlyItsNeighboursInclude) {
  auto questions = parsed({"declaration in_large linux/small.h", "declaration in_small linux/large.h",
                           "declaration in_large linux/large.h", "declaration struct large linux/small.h",
                           "declaration in_largest linux/large.h", "declaration in_other linux/largest.h",
                           "declaration in_small linux/other.h", "declaration in_largest linux/largest.h",
                           "declaration struct large linux/largest.h"});
  questions.push_back(
      compiles("int vgpukit_probe(void);\nint vgpukit_probe(void) { return in_large; }", {"linux/small.h"}));
  questions.push_back(
      compiles("int vgpukit_probe(void);\nint vgpukit_probe(void) { return in_large; }", {"linux/large.h"}));
  questions.push_back(
      compiles("int vgpukit_probe(void);\nint vgpukit_probe(void) { return in_small + 0; }", {"linux/largest.h"}));
  expect_as_alone(questions);
  // Who includes whom; small, large and largest; other; and struct large of largest.h, which the same question about
  // small.h had named
  EXPECT_EQ(runs_together_, 4U);
}

TEST_F(SharedFactsTest, AnErrorLeavesNothingForTheOthers) {
  auto questions = parsed({"declaration struct nowhere linux/small.h", "declaration struct nowhere linux/largest.h",
                           "declaration nowhere linux/small.h", "declaration while linux/large.h",
                           "declaration in_large linux/large.h"});
  for (const char* header : {"linux/small.h", "linux/large.h", "linux/largest.h"}) {
    questions.push_back(compiles("int vgpukit_probe(void);\nint vgpukit_probe(void) { return called(1); }", {header}));
    questions.push_back(
        compiles("int vgpukit_probe(void);\nint vgpukit_probe(void) { return 2 + called(1); }", {header}));
    questions.push_back(compiles(
        "int vgpukit_probe(struct nowhere *p);\nint vgpukit_probe(struct nowhere *p) { return p->a; }", {header}));
    questions.push_back(compiles("int vgpukit_probe(void);\nint vgpukit_probe(void) { return 1 }", {header}));
    questions.push_back(
        compiles("struct own { int a; };\nint vgpukit_probe(struct own *p) { return p->b; }", {header}));
  }
  expect_as_alone(questions);
}

TEST_F(SharedFactsTest, ABrokenHeaderIsNobodyElsesMatter) {
  expect_as_alone(parsed({"declaration in_small linux/small.h", "declaration in_small linux/twisted.h",
                          "declaration in_large linux/large.h", "declaration needs_size linux/needs_size.h",
                          "declaration x linux/absent.h", "declaration y linux/lacks.h",
                          "declaration in_other linux/other.h", "declaration thing linux/thing.h"}));
}

// A form of something has a third answer: there is no such thing.
TEST_F(FactsTest, AFormOfWhatDoesNotExistIsAbsent) {
  const auto ask = [&](const std::string& code, const std::string& of) {
    auto question = compiles(code, {"linux/thing.h"});
    question.of = of;
    const auto answer = Facts(kernel_).ask(question);
    EXPECT_TRUE(answer) << answer.error().message();
    return answer ? *answer : Answer{};
  };
  EXPECT_FALSE(ask("MACRO(x);", "MACRO").yes);
  EXPECT_FALSE(ask("MACRO(x);", "MACRO").absent) << "it exists in another form";
  const auto none = ask("NO_MACRO(1);", "NO_MACRO");
  EXPECT_FALSE(none.yes);
  EXPECT_TRUE(none.absent);
  EXPECT_EQ(none.evidence, "linux/thing.h declares no NO_MACRO");
  const auto implicit = ask("NO_MACRO(x);", "NO_MACRO");  // this compiler takes it for a declaration
  EXPECT_FALSE(implicit.yes);
  EXPECT_TRUE(implicit.absent);
  EXPECT_FALSE(ask("NO_MACRO(2);", "").absent) << "nothing was asked about";
}

TEST_F(FactsTest, WhatNeedsNoCompilerIsReadFromFiles) {
  EXPECT_TRUE(answer("symbol printk").yes);
  EXPECT_NE(answer("symbol printk").evidence.find("Module.symvers:1: EXPORT_SYMBOL, vmlinux"), std::string::npos);
  EXPECT_FALSE(answer("symbol-is-gpl printk").yes);
  EXPECT_FALSE(answer("symbol-is-gpl absent").yes);
  EXPECT_TRUE(answer("config CONFIG_MODVERSIONS").yes);
  EXPECT_TRUE(answer("config CONFIG_DRM").yes);
  EXPECT_TRUE(answer("config CONFIG_DRM=m").yes);
  EXPECT_FALSE(answer("config CONFIG_DRM=y").yes);
  EXPECT_FALSE(answer("config CONFIG_HZ").yes) << "neither y nor m";
  EXPECT_TRUE(answer("config CONFIG_HZ=250").yes);
  EXPECT_FALSE(answer("config CONFIG_ABSENT").yes);
  EXPECT_TRUE(answer("config CONFIG_ABSENT=n").yes);
  EXPECT_TRUE(answer("header linux/thing.h").yes);
  EXPECT_FALSE(answer("header linux").yes) << "a folder is no header";
  EXPECT_FALSE(answer("header linux/absent.h").yes);
  EXPECT_TRUE(answer("compiler gcc").yes);
  EXPECT_TRUE(answer("compiler gcc>=12,<13").yes);
  EXPECT_FALSE(answer("compiler gcc>=15").yes);
  EXPECT_FALSE(answer("compiler clang").yes);
  EXPECT_TRUE(answer("behaviour symbol-get-gpl-only").yes) << "6.99";
  EXPECT_EQ(test::builds_of(folder_), 0U);
}

TEST_F(FactsTest, AnAssumptionComesBeforeEverything) {
  Facts facts(kernel_, {{"declaration RED linux/thing.h", false}, {"symbol nowhere", true}});
  const auto red = facts.ask(Question::parse("declaration RED linux/thing.h").value()).value();
  EXPECT_FALSE(red.yes);
  EXPECT_TRUE(red.assumed);
  EXPECT_TRUE(facts.ask(Question::parse("symbol nowhere").value()).value().yes);
  EXPECT_EQ(test::builds_of(folder_), 0U);
}

TEST_F(FactsTest, AnswersAreKeptOnDiskUntilAHeaderChanges) {
  EXPECT_FALSE(answer("declaration RED linux/thing.h").cached);
  const auto again = answer("declaration RED linux/thing.h");
  EXPECT_TRUE(again.cached);
  EXPECT_TRUE(again.yes);
  EXPECT_EQ(test::builds_of(folder_), 1U);
  test::put(kernel_.build / "include/linux/thing.h", "enum colour { BLUE };\n");
  const auto changed = answer("declaration RED linux/thing.h");
  EXPECT_FALSE(changed.cached);
  EXPECT_FALSE(changed.yes);
  EXPECT_EQ(test::builds_of(folder_), 2U);
}

TEST_F(FactsTest, ABrokenOrForeignCacheIsNotBelieved) {
  EXPECT_TRUE(answer("declaration RED linux/thing.h").yes);
  const auto fingerprint = Facts(kernel_).fingerprint().value();
  const fs::path file = kernel_.host.cache / "facts" / (fingerprint + ".json");
  ASSERT_TRUE(fs::exists(file));
  for (const std::string text : {"", "{", "[]", "{\"fingerprint\": 3}", "null",
                                 "{\"fingerprint\": \"another\", \"answers\": {\"declaration RED linux/thing.h\": "
                                 "{\"yes\": false, \"evidence\": \"\"}}}"}) {
    test::put(file, text);
    EXPECT_TRUE(answer("declaration RED linux/thing.h").yes) << text;
  }
  for (const std::string answers : {"3", "{\"declaration RED linux/thing.h\": 3}",
                                    "{\"declaration RED linux/thing.h\": {\"yes\": \"no\", \"evidence\": 1}}"}) {
    test::put(file, "{\"fingerprint\": \"" + fingerprint +
                        "\", \"probe\": {\"compile\": [1]}, \"answers\": " + answers + "}");
    EXPECT_TRUE(answer("declaration RED linux/thing.h").yes) << answers;
  }
}

TEST_F(FactsTest, ACacheThatCannotBeWrittenIsOnlySlower) {
  test::put(folder_ / "file", "");
  kernel_.host.cache = folder_ / "file/cache";
  EXPECT_TRUE(answer("declaration RED linux/thing.h").yes);
  EXPECT_FALSE(answer("declaration RED linux/thing.h").cached);
}

TEST_F(FactsTest, WithoutSymversTheQuestionCannotBeAsked) {
  fs::remove(kernel_.build / "Module.symvers");
  const auto result = ask("symbol printk");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::missing);
}

TEST_F(FactsTest, QuestionsThatMakeNoSenseAreNotAsked) {
  Question question;
  question.kind = Question::Kind::declaration;
  question.name = "x); int evil(";
  question.headers = {"linux/thing.h"};
  const auto result = Facts(kernel_).ask(question);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::usage);
  EXPECT_EQ(test::builds_of(folder_), 0U);
}

}  // namespace
}  // namespace vgpukit::kernel
