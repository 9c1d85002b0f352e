#include "transform/transform.hpp"

#include <set>

#include "transform/transform_fixtures.hpp"

namespace vgpukit::test {
namespace {

using transform::Place;
using transform::Places;

TEST(Kinds, AreAllThere) {
  List names;
  for (const transform::TransformKind& kind : transform::transform_kinds()) names.emplace_back(kind.name);
  EXPECT_THAT(
      names, testing::UnorderedElementsAre("rename-call", "rename-token", "replace-function-body", "remove-initializer",
                                           "export-gpl", "add-include", "kbuild-variable", "replace", "patch"));
  EXPECT_EQ(transform::find_transform("rename"), nullptr);
}

TEST(Kinds, SayWhatTheyTake) {
  for (const transform::TransformKind& kind : transform::transform_kinds()) {
    SCOPED_TRACE(kind.name);
    EXPECT_THAT(std::string(kind.summary), testing::HasSubstr("one already"));  // it says when the edit counts as done
    std::set<std::string_view> names;
    for (const transform::ParameterSpec& spec : kind.parameters) {
      EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
      EXPECT_FALSE(spec.help.empty()) << spec.name;
      EXPECT_EQ(spec.choices.empty(), spec.type != transform::ParameterSpec::Type::choice) << spec.name;
    }
    EXPECT_EQ(&kind, transform::find_transform(kind.name));
  }
}

TEST(Kinds, DescribeThemselvesInOneLine) {
  const auto line = [](std::string_view kind, const transform::Parameters& parameters) {
    auto made = transform::find_transform(kind)->make(parameters);
    return made ? (*made)->describe() : made.error().message();
  };
  const std::string c = "nvidia/*.c";
  EXPECT_EQ(
      line("rename-call", {{"files", c}, {"from", std::string("follow_pfn")}, {"to", std::string("nv_follow_pfn")}}),
      "rename-call follow_pfn -> nv_follow_pfn in nvidia/*.c");
  EXPECT_EQ(line("rename-call", {{"files", c},
                                 {"from", std::string("f")},
                                 {"to", std::string("f")},
                                 {"arguments", std::string("$1")},
                                 {"when-arguments", std::string("2")}}),
            "rename-call f (with 2 arguments) -> f($1) in nvidia/*.c");
  EXPECT_EQ(line("rename-token", {{"files", List{"a.c", "b.c"}}, {"from", std::string("a")}, {"to", std::string("b")}}),
            "rename-token a -> b in a.c, b.c");
  EXPECT_EQ(
      line("remove-initializer", {{"files", c}, {"field", std::string("llseek")}, {"value", std::string("no_llseek")}}),
      "remove-initializer .llseek = no_llseek in nvidia/*.c");
  EXPECT_EQ(line("kbuild-variable", {{"files", std::string("Kbuild")},
                                     {"action", std::string("append")},
                                     {"name", std::string("ccflags-y")},
                                     {"value", std::string("-std=gnu17")}}),
            "kbuild-variable append ccflags-y += -std=gnu17 in Kbuild");
  EXPECT_EQ(line("replace", {{"files", c}, {"find", std::string("a();\nb();\n")}, {"insert-after", std::string("c")}}),
            "replace: insert after `a(); ...` in nvidia/*.c");
}

TEST(PlacesTest, Parse) {
  const auto text = [](std::string_view given) {
    const auto places = Places::parse(given);
    return places ? places->text() : "refused";
  };
  EXPECT_EQ(text("1"), "exactly 1");
  EXPECT_EQ(text("2"), "exactly 2");
  EXPECT_EQ(text("1..3"), "1 to 3");
  EXPECT_EQ(text("1.."), "at least 1");
  EXPECT_EQ(text("0..2"), "0 to 2");
  EXPECT_EQ(text("any"), "any number");
  for (const char* bad :
       {"", "0", "0..0", "x", "1x", "3..1", "..2", "1...2", "-1", "1..x", " 1", "99999999999999999999999"})
    EXPECT_EQ(text(bad), "refused") << bad;
}

TEST(UnexpectedPlaces, NamesThem) {
  const Places one{1, 1};
  std::vector<Place> many;
  for (int i = 1; i <= 25; ++i) many.push_back({"a.c", i});
  const std::string message = transform::unexpected_places("rename-call", "calls of f", one, many, {"a.c"}).message();
  EXPECT_THAT(message, testing::HasSubstr("found 25 calls of f, expected exactly 1: a.c:1, a.c:2,"));
  EXPECT_THAT(message, testing::HasSubstr("a.c:20 and 5 more"));
  const Error none = transform::unexpected_places("rename-call", "calls of f", one, {}, {"a", "b", "c", "d", "e", "f"});
  EXPECT_EQ(none.kind, ErrorKind::failed);
  EXPECT_EQ(none.message(), "cannot apply rename-call: found no calls of f in 6 files (a, b, c, d and 2 more)");
}

}  // namespace
}  // namespace vgpukit::test
