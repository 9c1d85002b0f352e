#include "matrix/matrix_result.hpp"

#include "config.hpp"
#include "matrix/markdown.hpp"
#include "matrix/matrix_fixtures.hpp"

namespace vgpukit::matrix {
namespace {

using test::cell;
using test::result_of;
using testing::HasSubstr;

MatrixResult merged(const MatrixResult& a, const MatrixResult& b) {
  auto both = merge_results({{"a.json", a}, {"b.json", b}});
  EXPECT_TRUE(both);
  return both ? *both : MatrixResult{};
}

TEST(MatrixResult, SurvivesBeingWritten) {
  auto one = test::cell("535", "6.12", Verdict::failed);
  one.reason = "nv.c:3: no such thing";
  one.recipes = {"6.12-x"};
  one.seconds = 12.5;
  one.build = {{"result", "failed"}};
  const auto read =
      parse_result(document_of(test::result_of({one, test::cell("535", "6.1", Verdict::verified)})).dump(), "x.json");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->cells.size(), 2U);
  EXPECT_EQ(nlohmann::json(read->cells[0]), nlohmann::json(one));
  EXPECT_EQ(nlohmann::json(one)["verdict"], "failed");
  EXPECT_EQ(read->outcome(), MatrixOutcome::failed);
}

TEST(MatrixResult, OtherDocumentsAreRefused) {
  const auto why = [](const std::string& text) {
    const auto read = parse_result(text, "x.json");
    EXPECT_FALSE(read) << text;
    return read ? "" : read.error().message();
  };
  EXPECT_THAT(why("{\"vgpukit\": \"0.1"), HasSubstr("it is cut off"));
  EXPECT_THAT(why("[]"), HasSubstr("not the result of a matrix"));
  EXPECT_THAT(why("{\"result\": \"built\"}"), HasSubstr("not the result of a matrix"));
  EXPECT_THAT(why(R"({"vgpukit": ")" VGPUKIT_VERSION R"(", "cells": [{"driver": "a"}]})"),
              HasSubstr("a cell is not as expected"));
  EXPECT_THAT(why(R"({"vgpukit": "9.9.9", "cells": [{"driver": "a"}]})"),
              testing::AllOf(HasSubstr("vgpukit 9.9.9 wrote it"), HasSubstr("this is " VGPUKIT_VERSION)));
  auto other_verdict = document_of(test::result_of({test::cell("a", "b", Verdict::verified)}));
  other_verdict["cells"][0]["verdict"] = "splendid";
  EXPECT_THAT(why(other_verdict.dump()), HasSubstr("'splendid' is no verdict"));
  EXPECT_THAT(
      why(document_of(test::result_of({test::cell("a", "b", Verdict::verified), test::cell("a", "b", Verdict::failed)}))
              .dump()),
      HasSubstr("is in it twice"));
}

TEST(MatrixResult, TheOutcomeIsThatOfTheWorstCell) {
  EXPECT_EQ(test::result_of({test::cell("a", "1", Verdict::verified), test::cell("a", "2", Verdict::compiled),
                             test::cell("a", "3", Verdict::skipped), test::cell("a", "4", Verdict::unsupported)})
                .outcome(),
            MatrixOutcome::done);
  EXPECT_EQ(test::result_of({test::cell("a", "1", Verdict::consent), test::cell("a", "2", Verdict::missing)}).outcome(),
            MatrixOutcome::missing);
  EXPECT_EQ(test::result_of({test::cell("a", "1", Verdict::missing), test::cell("a", "2", Verdict::failed)}).outcome(),
            MatrixOutcome::failed);
  EXPECT_EQ(test::result_of({test::cell("a", "1", Verdict::consent)}).outcome(), MatrixOutcome::consent);
}

TEST(Merge, JoinsShards) {
  const auto both =
      merged(test::result_of({test::cell("a", "1", Verdict::verified)}),
             test::result_of({test::cell("a", "2", Verdict::failed), test::cell("b", "1", Verdict::verified)}));
  EXPECT_EQ(both.cells.size(), 3U);
  EXPECT_TRUE(both.contradictions.empty());
  EXPECT_EQ(both.kernels(), (std::vector<std::string>{"1", "2"}));
}

TEST(Merge, ABuiltCellWinsOverOneThatWasNotTried) {
  EXPECT_EQ(merged(test::result_of({test::cell("a", "1", Verdict::verified)}),
                   test::result_of({test::cell("a", "1", Verdict::missing, "")}))
                .cells[0]
                .verdict,
            Verdict::verified);
  EXPECT_EQ(merged(test::result_of({test::cell("a", "1", Verdict::skipped, "")}),
                   test::result_of({test::cell("a", "1", Verdict::failed)}))
                .cells[0]
                .verdict,
            Verdict::failed);
}

TEST(Merge, SameInputsAndAnotherVerdictContradict) {
  for (const bool failed_first : {true, false}) {
    const auto both =
        merged(test::result_of({test::cell("a", "1", failed_first ? Verdict::failed : Verdict::verified)}),
               test::result_of({test::cell("a", "1", failed_first ? Verdict::verified : Verdict::failed)}));
    ASSERT_EQ(both.contradictions.size(), 1U);
    EXPECT_EQ(both.contradictions[0].one, "a.json");
    EXPECT_EQ(both.contradictions[0].other, "b.json");
    EXPECT_EQ(both.cells[0].verdict, Verdict::failed);
    EXPECT_EQ(both.outcome(), MatrixOutcome::failed);
    EXPECT_THAT(markdown_of(both), HasSubstr("contradict"));
  }
}

TEST(Merge, AMachineWithoutAGuestIsNoContradiction) {
  for (const bool loads_first : {true, false}) {
    const auto both = merged(test::result_of({test::cell("a", "1", loads_first ? Verdict::loads : Verdict::verified)}),
                             test::result_of({test::cell("a", "1", loads_first ? Verdict::verified : Verdict::loads)}));
    EXPECT_TRUE(both.contradictions.empty());
    EXPECT_EQ(both.cells[0].verdict, Verdict::loads);
  }
  for (const auto other : {Verdict::verified, Verdict::loads}) {
    const auto works = test::result_of({test::cell("a", "1", Verdict::works)});
    const auto less = test::result_of({test::cell("a", "1", other)});
    EXPECT_EQ(merged(works, less).cells[0].verdict, Verdict::works);
    EXPECT_EQ(merged(less, works).cells[0].verdict, Verdict::works);
    EXPECT_TRUE(merged(less, works).contradictions.empty());
  }
  EXPECT_EQ(merged(test::result_of({test::cell("a", "1", Verdict::loads)}),
                   test::result_of({test::cell("a", "1", Verdict::failed)}))
                .cells[0]
                .verdict,
            Verdict::failed);
  EXPECT_EQ(merged(test::result_of({test::cell("a", "1", Verdict::failed)}),
                   test::result_of({test::cell("a", "1", Verdict::loads)}))
                .contradictions.size(),
            1U);
}

TEST(Merge, OfDifferentInputsTheLaterResultWins) {
  const auto both = merged(test::result_of({test::cell("a", "1", Verdict::failed, "yesterday")}),
                           test::result_of({test::cell("a", "1", Verdict::verified, "today")}));
  EXPECT_TRUE(both.contradictions.empty());
  EXPECT_EQ(both.cells[0].verdict, Verdict::verified);
}

TEST(Merge, VersionsAreNotMixed) {
  const auto both = merge_results({{"a.json", test::result_of({}, "0.1.0")}, {"b.json", test::result_of({}, "0.2.0")}});
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().kind, ErrorKind::usage);
  EXPECT_THAT(both.error().message(), testing::AllOf(HasSubstr("0.1.0"), HasSubstr("0.2.0"), HasSubstr("b.json")));
}

}  // namespace
}  // namespace vgpukit::matrix
