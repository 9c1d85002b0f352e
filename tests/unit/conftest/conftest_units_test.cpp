#include "conftest/conftest_units.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::conftest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

TEST(IncludeProbe, ConditionsAreKeptAndIncludesBecomeWords) {
  const ConftestSnippet snippet{
      "", "#if defined(NV_A)\n#include <a.h>\n#endif\n#include <b.h>\n#error no\nvoid f(void) { }\n", false};
  const auto text = include_probe("#include \"conftest/headers.h\"", {snippet}, {shape_of(snippet)});
  EXPECT_THAT(text, HasSubstr("#include \"conftest/headers.h\"\n"));
  EXPECT_THAT(text, HasSubstr("#if defined(NV_A)\n\"vgpukit-include-a.h\"\n#if "
                              "!__has_include(<a.h>)\n\"vgpukit-missing\"\n#endif\n#endif\n"));
  EXPECT_THAT(text, Not(HasSubstr("#include <")));
  EXPECT_THAT(text, Not(HasSubstr("#error")));
  EXPECT_THAT(text, Not(HasSubstr("void f")));
  const auto read = read_include_probe(
      "\"vgpukit-snippet-0\"\n\n "
      "\"vgpukit-include-b.h\"\n\"vgpukit-snippet-4\"\n\"vgpukit-include-c.h\"\n\"vgpukit-missing\"\n");
  ASSERT_THAT(read, SizeIs(2));
  EXPECT_THAT(read.at(0).headers, ElementsAre("b.h"));
  EXPECT_FALSE(read.at(0).missing);
  EXPECT_TRUE(read.at(4).missing);
}

TEST(ChoosePrefixes, HeadersThatManySnippetsIncludeArePrecompiled) {
  // Six sets of headers contain {1, 2, 3}. Precompiling costs less than reading them twelve times.
  std::map<std::size_t, std::set<int>> closures = {{0, {1, 2, 3}}, {1, {9}}};
  for (int i = 2; i < 7; ++i) closures[static_cast<std::size_t>(i)] = {1, 2, 3, 10 + i};
  EXPECT_THAT(choose_prefixes(closures), ElementsAre(0));
}

TEST(ChoosePrefixes, HeadersThatFewSnippetsIncludeAreNot) {
  EXPECT_THAT(choose_prefixes({{0, {1, 2, 3}}, {1, {1, 2, 3, 4}}}), IsEmpty());
  // However many snippets there are: those that include the same share a unit.
  EXPECT_THAT(choose_prefixes({{0, {1, 2}}, {1, {1, 2}}, {2, {1, 2}}, {3, {1, 2}}, {4, {1, 2}}}), IsEmpty());
  EXPECT_THAT(choose_prefixes({}), IsEmpty());
}

TEST(ChoosePrefixes, ALargerOneForThoseThatIncludeMore) {
  std::map<std::size_t, std::set<int>> closures = {{0, {1, 2}}, {1, {1, 2, 3, 4, 5, 6}}};
  for (int i = 2; i < 10; ++i) closures[static_cast<std::size_t>(i)] = {1, 2, 10 + i};
  for (int i = 10; i < 20; ++i) closures[static_cast<std::size_t>(i)] = {1, 2, 3, 4, 5, 6, 30 + i};
  EXPECT_THAT(choose_prefixes(closures), testing::UnorderedElementsAre(0, 1));
}

std::vector<ConftestUnit> plan(const std::vector<std::string>& codes, const std::vector<std::set<int>>& closures) {
  std::vector<SnippetShape> shapes;
  std::map<std::size_t, std::set<int>> by_number;
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    shapes.push_back(shape_of({codes[i], codes[i], false}));
    by_number[i] = closures[i];
    which.push_back(i);
  }
  return plan_units(which, shapes, by_number);
}

TEST(PlanUnits, ASnippetWithMoreHeadersComesLater) {
  EXPECT_THAT(plan({"void a(void) { f(); }", "void b(void) { g(); }"}, {{1, 2, 3}, {1, 2}}),
              ElementsAre(ElementsAre(1, 0)));
}

TEST(PlanUnits, SnippetsWithDifferentHeadersShareNoUnit) {
  EXPECT_THAT(plan({"void a(void) { f(); }", "void b(void) { g(); }"}, {{1, 2}, {1, 3}}), SizeIs(2));
}

TEST(PlanUnits, TheSameNameIsNotUsedTwice) {
  // In one unit, the first snippet would declare f() for the second.
  EXPECT_THAT(plan({"void a(void) { f(); }", "void b(void) { (void)f; }"}, {{1}, {1}}), SizeIs(2));
  EXPECT_THAT(plan({"void a(void) { f(); }", "void b(void) { x = f; }"}, {{1}, {1}}), SizeIs(2));
}

TEST(PlanUnits, NoHeaderFollowsAVariableOfAnIncompleteType) {
  // In one unit, the header of the second snippet could complete the type of the first.
  const auto units = plan({"struct s a;", "void b(void) { g(); }"}, {{1}, {1, 2}});
  EXPECT_THAT(units, SizeIs(2));
  EXPECT_THAT(plan({"struct s a;", "void b(void) { g(); }"}, {{1, 2}, {1}}), ElementsAre(ElementsAre(1, 0)));
}

TEST(ReadUnit, ErrorsBelongToTheirSnippets) {
  const auto reading = read_unit(
      {3, 5}, false,
      "vgpukit-test-5: In function 'conftest_b':\nvgpukit-test-5:7:5: error: too few arguments to function 'g'\n"
      "cc1: some warnings being treated as errors\n");
  EXPECT_TRUE(reading.reliable);
  ASSERT_THAT(reading.errors, SizeIs(1));
  EXPECT_EQ(reading.errors.at(5).front().line, 7);
  EXPECT_THAT(reading.unreliable, IsEmpty());
}

TEST(ReadUnit, AnErrorInAHeaderMakesAllResultsUnreliable) {
  EXPECT_FALSE(read_unit({0}, false,
                         "vgpukit-test-0:7:5: error: too few\n/usr/include/x.h:1:2: error: unknown type name 'u33'\n")
                   .reliable);
  EXPECT_FALSE(read_unit({0}, false, "").reliable) << "it failed without an error message";
  EXPECT_FALSE(read_unit({0}, false, "vgpukit-test-9:7:5: error: not of this unit\n").reliable);
  EXPECT_TRUE(read_unit({0}, true, "/usr/include/x.h:1:2: warning: odd\n").reliable);
}

TEST(ReadUnit, ASnippetWithASyntaxErrorIsUnreliable) {
  EXPECT_THAT(read_unit({0, 1}, false, "vgpukit-test-0:7:5: error: expected ';' before '}' token\n").unreliable,
              ElementsAre(0));
  EXPECT_THAT(read_unit({0, 1}, false, "vgpukit-test-0:7:5: fatal error: x.h: No such file or directory\n").unreliable,
              ElementsAre(0));
}

}  // namespace
}  // namespace vgpukit::conftest
