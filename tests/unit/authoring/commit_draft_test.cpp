#include "authoring/commit_draft.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "recipe/parse_recipe.hpp"
#include "support/scratch.hpp"

namespace vgpukit::authoring {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const std::string head =
    "From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.test>\nSubject: [PATCH "
    "2/3] "
    "ticker: one "
    "argument is enough\n\nIt was always 1.\n---\n";

std::string file(const std::string& path, const std::string& hunks) {
  return "diff --git a/" + path + " b/" + path + "\n--- a/" + path + "\n+++ b/" + path + "\n" + hunks;
}

class CommitDraft : public testing::Test {
 protected:
  Result<CommitDrafts> drafts(const std::string& mail) {
    const auto read = commit_of_mail(scratch_.write("0002-ticker.patch", mail));
    if (!read) return read.error();
    commit_ = *read;
    auto made = draft_from_commit(commit_);
    if (!made) return made;
    for (const auto& each : made->drafts)
      EXPECT_TRUE(recipe::parse_recipe(each.text, each.id + ".yaml", scratch_.path())) << each.text;
    return made;
  }
  Draft only(const std::string& mail) {
    auto made = drafts(mail);
    EXPECT_TRUE(made) << made.error().message();
    if (!made) return {};
    EXPECT_THAT(made->drafts, SizeIs(1));
    return made->drafts.front();
  }
  std::string why(const std::string& mail) {
    const auto made = drafts(mail);
    return made ? "no error" : made.error().message();
  }

  const std::string prototype_ =
      file("include/linux/ticker.h",
           "@@ -3,3 +3,3 @@\n struct ticker;\n-int ticker_ring(struct ticker *ticker, int count);\n"
           "+int ticker_ring(struct ticker *ticker);\n int ticker_wait(struct ticker *one);\n");
  Scratch scratch_;
  KernelCommit commit_;
};

TEST_F(CommitDraft, CallersShowHowArgumentsChange) {
  const auto draft = only(
      head + prototype_ +
      file("drivers/a/a.c", "@@ -9 +9 @@ int a(void)\n-\tticker_ring(a->ticker, 1);\n+\tticker_ring(a->ticker);\n") +
      file("drivers/b/b.c",
           "@@ -9 +9 @@ int b(void)\n-\treturn ticker_ring(t(x, y), 2);\n+\treturn ticker_ring(t(x, y));\n"));
  EXPECT_EQ(commit_.id, "0123456789abcdef0123456789abcdef01234567");
  EXPECT_EQ(commit_.subject, "ticker: one argument is enough");
  EXPECT_EQ(draft.id, "new-ticker-ring-changed");
  EXPECT_EQ(draft.change, "rename-call ticker_ring -> ticker_ring of arguments 2 with $1");
  EXPECT_THAT(
      draft.text,
      AllOf(HasSubstr(
                "- rename-call: {files: \"**/*.{c,h}\", from: \"ticker_ring\", to: \"ticker_ring\", when-arguments: "
                "\"2\", arguments: \"$1\"}"),
            HasSubstr(
                "int ticker_ring(struct ticker *ticker);\n      about: ticker_ring() as it is declared in the commit\n"
                "      header: linux/ticker.h"),
            HasSubstr("# upstream: [{release: \"TODO\", subject: \"ticker: one argument is enough\", commit: "
                      "\"0123456789ab\"}]"),
            HasSubstr("recipe new --from-commit 0123456789ab"), Not(HasSubstr("TODO-finish"))));
}

TEST_F(CommitDraft, LinesAreShownIfTheCallersChangedDifferently) {
  for (const std::string other : {"ticker_ring(a->other)", "ticker_ring(a->ticker, 1, NULL)"}) {
    const auto draft = only(
        head + prototype_ +
        file("drivers/a/a.c", "@@ -9 +9 @@ int a(void)\n-\tticker_ring(a->ticker, 1);\n+\tticker_ring(a->ticker);\n") +
        file("drivers/b/b.c", "@@ -9 +9 @@ int b(void)\n-\tticker_ring(a->ticker, 2);\n+\t" + other + ";\n"));
    EXPECT_EQ(draft.change, "");
    EXPECT_THAT(draft.text, AllOf(HasSubstr("TODO-finish-this-draft"), HasSubstr("# -\tticker_ring(a->ticker, 2);"),
                                  HasSubstr("# +\t" + other + ";"), HasSubstr("before: <linux/ticker.h>")));
  }
}

TEST_F(CommitDraft, TheDefinitionIsNotACaller) {
  const auto draft = only(
      head +
      file("include/linux/ticker.h",
           "@@ -1,2 +1,2 @@\n-int ticker_ring(struct ticker *t);\n+int ticker_ring(struct ticker *t, int n);\n \n") +
      file("kernel/ticker.c",
           "@@ -1 +1 @@\n-int ticker_ring(struct ticker *t)\n+int ticker_ring(struct ticker *t, int n)\n") +
      file("drivers/a/a.c", "@@ -9 +9 @@ int a(void)\n-\tticker_ring(a->ticker);\n+\tticker_ring(a->ticker, 0);\n"));
  EXPECT_EQ(draft.change, "rename-call ticker_ring -> ticker_ring of arguments 1 with $1, 0");
}

TEST_F(CommitDraft, ARenameInCallersIsARename) {
  const auto draft = only(
      head +
      file("include/linux/ticker.h",
           "@@ -1,2 +1,2 @@\n-void stop_it(struct ticker *ticker);\n+void ticker_halt(struct ticker *ticker);\n \n") +
      file("drivers/a/a.c", "@@ -9 +9 @@ int a(void)\n-\tstop_it(a->ticker);\n+\tticker_halt(a->ticker);\n"));
  EXPECT_EQ(draft.change, "rename-call stop_it -> ticker_halt");
  EXPECT_THAT(draft.text, AllOf(HasSubstr("lacks: {declaration: stop_it, header: linux/ticker.h}"),
                                HasSubstr("token: \"stop_it\"")));
}

TEST_F(CommitDraft, ARemovedWrapperIsARename) {
  const auto draft =
      only(head + file("include/linux/ticker.h",
                       "@@ -1,6 +1,2 @@\n void ticker_stop_sync(struct ticker *ticker);\n"
                       "-static inline void stop_ticker_sync(struct ticker *t)\n-{\n-\tticker_stop_sync(t);\n-}\n \n"));
  EXPECT_EQ(draft.change, "rename-call stop_ticker_sync -> ticker_stop_sync");
}

TEST_F(CommitDraft, TheHunksHeaderNamesTheStructureOfAField) {
  const auto made = drafts(
      head + file("include/linux/ticker.h",
                  "@@ -20,5 +20,4 @@ struct ticker_ops {\n \tint (*start)(struct ticker *t);\n-\tint (*stop)(struct "
                  "ticker *t);\n"
                  "-\tint (*ring)(struct ticker *t, int n);\n+\tint (*ring)(struct ticker *t);\n \tint owner;\n };\n"));
  ASSERT_TRUE(made) << made.error().message();
  ASSERT_THAT(made->drafts, SizeIs(2));
  EXPECT_EQ(made->drafts[0].subject, "field stop of struct ticker_ops");
  EXPECT_THAT(made->drafts[0].text,
              AllOf(HasSubstr("offsetof(struct ticker_ops, stop)"), HasSubstr("remove-initializer")));
  EXPECT_EQ(made->drafts[1].subject, "field ring of struct ticker_ops");
  EXPECT_THAT(made->drafts[1].text, HasSubstr("int (*ring)(struct ticker *t)"));
}

TEST_F(CommitDraft, ExportsThatAreRemovedOrBecomeGplOnly) {
  const auto made =
      drafts(head + file("kernel/ticker.c",
                         "@@ -1,6 +1,5 @@\n }\n-EXPORT_SYMBOL(ticker_ring);\n+EXPORT_SYMBOL_GPL(ticker_ring);\n \n"
                         "-EXPORT_SYMBOL_GPL(ticker_secret);\n-EXPORT_SYMBOL_NS(ticker_moved, "
                         "A);\n+EXPORT_SYMBOL_NS(ticker_moved, \"A\");\n \n"));
  ASSERT_TRUE(made) << made.error().message();
  ASSERT_THAT(made->drafts, SizeIs(2));
  EXPECT_THAT(made->drafts[0].text, HasSubstr("has: {symbol-is-gpl: ticker_ring}"));
  EXPECT_THAT(made->drafts[1].text, HasSubstr("lacks: {symbol: ticker_secret}"));
}

TEST_F(CommitDraft, RemovedHeadersAndMovedNames) {
  const auto gone = only(head +
                         "diff --git a/include/linux/ticker.h b/include/linux/ticker.h\ndeleted file mode 100644\n--- "
                         "a/include/linux/ticker.h\n"
                         "+++ /dev/null\n@@ -1 +0,0 @@\n-#include <linux/clock.h>\n");
  EXPECT_THAT(gone.text, HasSubstr("lacks: {header: linux/ticker.h}"));
  EXPECT_THAT(
      why(head + file("include/linux/ticker.h", "@@ -1,2 +1 @@\n-int ticker_ring(int n);\n \n") +
          file("include/linux/clock.h", "@@ -1 +1,2 @@\n \n+int ticker_ring(int n);\n")),
      AllOf(HasSubstr("only moves names to other headers, such as ticker_ring: linux/ticker.h -> linux/clock.h"),
            HasSubstr("add-include")));
}

TEST_F(CommitDraft, ChangesThatNoModuleUsesAreAnError) {
  // The name of a parameter, a branch of an #if, the value of a macro, a function inside the kernel.
  EXPECT_THAT(
      why(head +
          file("include/linux/ticker.h",
               "@@ -1,7 +1,7 @@\n-int ticker_ring(struct ticker *t, int n);\n+int ticker_ring(struct ticker *ticker, "
               "int "
               "count);\n #ifdef CONFIG_X\n"
               " int tick(int a);\n #else\n-static inline int tick(int a) { return 1; }\n+static inline int tick(int "
               "a) { "
               "return 0; }\n #endif\n"
               "-#define TICK 1\n+#define TICK 2\n") +
          file("kernel/ticker.c", "@@ -1 +1 @@\n-int inside(int a);\n+int inside(void);\n")),
      AllOf(HasSubstr("removes or changes nothing that a module includes or links to"),
            HasSubstr("2 files, and 1 of the headers")));
  EXPECT_THAT(why("no patch\n"), HasSubstr("0002-ticker.patch"));
  const auto none = commit_of_mail(scratch_.path() / "absent.patch");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::usage);
}

TEST_F(CommitDraft, ARemovedValueMayBeAnInitializer) {
  const auto draft = only(head + file("include/linux/ticker.h", "@@ -1,2 +1 @@\n-#define no_ticker NULL\n \n"));
  EXPECT_THAT(draft.text, AllOf(HasSubstr("- remove-initializer: {files: \"**/*.c\", field: FIELD, value: no_ticker}"),
                                Not(HasSubstr("rename-call"))));
}

TEST_F(CommitDraft, ArgumentsOfOneCallerAreNotApplied) {
  const auto draft = only(
      head +
      file("include/linux/ticker.h",
           "@@ -1,2 +1,2 @@\n-int ticker_ring(struct ticker *t);\n+int ticker_ring(struct ticker *t, int n);\n \n") +
      file("drivers/a/a.c",
           "@@ -9 +9 @@ int a(void)\n-\tticker_ring(a->ticker);\n+\tticker_ring(a->ticker, a->count);\n"));
  EXPECT_EQ(draft.change, "") << "the driver's callers do not have a->count";
  const auto constant = only(
      head +
      file("include/linux/ticker.h",
           "@@ -1,2 +1,2 @@\n-int ticker_ring(struct ticker *t);\n+int ticker_ring(struct ticker *t, int n);\n \n") +
      file("drivers/a/a.c",
           "@@ -9 +9 @@ int a(void)\n-\tticker_ring(a->ticker);\n+\tticker_ring(a->ticker, TICKER_ALL);\n"));
  EXPECT_THAT(constant.change, HasSubstr("$1, TICKER_ALL"));
}

TEST_F(CommitDraft, OfACleanUpIsRefused) {
  auto mail = head;
  for (int i = 0; i < 501; ++i)
    mail += file("include/linux/h" + std::to_string(i) + ".h", "@@ -1 +1 @@\n-int a(void);\n+int a(int b);\n");
  const auto made = drafts(mail);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(), HasSubstr("it changes more than 500 headers"));
}

}  // namespace
}  // namespace vgpukit::authoring
