#include "transform/transform_fixtures.hpp"

namespace vgpukit::test {
namespace {

std::string numbered(int from, int to) {
  std::string text;
  for (int i = from; i <= to; ++i) text += "line " + std::to_string(i) + "\n";
  return text;
}

const std::string change =
    "diff --git a/nvidia/nv.c b/nvidia/nv.c\n"
    "--- a/nvidia/nv.c\n"
    "+++ b/nvidia/nv.c\n"
    "@@ -3,7 +3,8 @@ int context(void)\n"
    " line 3\n line 4\n line 5\n-line 6\n+LINE 6\n+line 6b\n line 7\n line 8\n line 9\n"
    "@@ -20,6 +21,5 @@\n"
    " line 20\n line 21\n line 22\n-line 23\n line 24\n line 25\n";
const std::string changed = numbered(1, 5) + "LINE 6\nline 6b\n" + numbered(7, 22) + numbered(24, 30);

const std::string new_file =
    "diff --git a/nvidia/new.c b/nvidia/new.c\nnew file mode 100644\n--- /dev/null\n+++ b/nvidia/new.c\n@@ -0,0 +1,2 "
    "@@\n+one\n+two\n";
const std::string old_file =
    "diff --git a/nvidia/old.c b/nvidia/old.c\ndeleted file mode 100644\n--- a/nvidia/old.c\n+++ /dev/null\n@@ -1,2 "
    "+0,0 "
    "@@\n-one\n-two\n";

transform::Parameters patch(std::string diff) {
  return {{"diff", std::move(diff)}, {"file", std::string("x.patch")}};
}

class Patch : public testing::TestWithParam<Case> {};
TEST_P(Patch, Edits) {
  expect_case("patch", GetParam());
}

std::string without_git_line(std::string diff) {
  return diff.erase(0, diff.find("---"));
}

INSTANTIATE_TEST_SUITE_P(
    Table, Patch,
    testing::ValuesIn(std::vector<Case>{
        {"a_change",
         patch(change),
         {{"nvidia/nv.c", numbered(1, 30)}, {"nvidia/other.c", "x\n"}},
         {{"nvidia/nv.c", changed}, {"nvidia/other.c", "x\n"}},
         2},
        {"plain_diff",
         patch(without_git_line(change)),
         {{"nvidia/nv.c", numbered(1, 30)}},
         {{"nvidia/nv.c", changed}},
         2},
        {"mail",
         patch("From 1234 Mon Sep 17 00:00:00 2001\nFrom: A <a@b>\nSubject: [PATCH] x\n\ntext\n---\n nvidia/nv.c | 3 "
               "++-\n 1 file "
               "changed\n\n" +
               change + "-- \n2.39.2\n\n"),
         {{"nvidia/nv.c", numbered(1, 30)}},
         {{"nvidia/nv.c", changed}},
         2},
        {"elsewhere_in_the_file",
         patch(change),
         {{"nvidia/nv.c", numbered(100, 160) + numbered(1, 30)}},
         {{"nvidia/nv.c", numbered(100, 160) + changed}},
         2},
        {"further_up",
         patch(change),
         {{"nvidia/nv.c", numbered(3, 30)}},
         {{"nvidia/nv.c", changed.substr(changed.find("line 3\n"))}},
         2},
        {"the_second_hunk_moved_as_far_as_the_first",
         patch(change),
         {{"nvidia/nv.c", numbered(101, 120) + numbered(1, 11) + numbered(20, 25) + numbered(18, 30)}},
         {{"nvidia/nv.c", numbered(101, 120) + numbered(1, 5) + "LINE 6\nline 6b\n" + numbered(7, 11) +
                              numbered(20, 25) + numbered(18, 22) + numbered(24, 30)}},
         2},
        {"new_and_old_files",
         patch(change + new_file + old_file),
         {{"nvidia/nv.c", numbered(1, 30)}, {"nvidia/old.c", "one\ntwo\n"}},
         {{"nvidia/nv.c", changed}, {"nvidia/new.c", "one\ntwo\n"}},
         4,
         true,
         false},
        {"made_one_folder_up",
         patch("diff --git a/kernel/Kbuild b/kernel/Kbuild\n--- a/kernel/Kbuild\n+++ b/kernel/Kbuild\n@@ -1,2 +1,2 "
               "@@\n-a\n+b\n c\n"),
         {{"Kbuild", "a\nc\n"}},
         {{"Kbuild", "b\nc\n"}}},
        {"no_newline_at_the_end",
         patch("--- a/Kbuild\n+++ b/Kbuild\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline "
               "at end of "
               "file\n"),
         {{"Kbuild", "a\nb"}},
         {{"Kbuild", "a\nc"}}},
        {"only_removes",
         patch("--- a/Kbuild\n+++ b/Kbuild\n@@ -1,3 +1,2 @@\n a\n-b\n c\n"),
         {{"Kbuild", "a\nb\nc\na\nc\n"}},
         {{"Kbuild", "a\nc\na\nc\n"}}},
        {"adds_at_the_end",
         patch("--- a/Kbuild\n+++ b/Kbuild\n@@ -1,2 +1,3 @@\n a\n b\n+b\n"),
         {{"Kbuild", "a\nb\n"}},
         {{"Kbuild", "a\nb\nb\n"}}},
    }),
    NameOf());

class PatchRefuses : public testing::TestWithParam<Refusal> {};
TEST_P(PatchRefuses, Says) {
  expect_refusal("patch", GetParam());
}

std::string renamed(const std::string& path) {
  std::string diff = change;
  for (std::size_t at = diff.find("nvidia/nv.c"); at != std::string::npos;
       at = diff.find("nvidia/nv.c", at + path.size()))
    diff.replace(at, 11, path);
  return diff;
}

INSTANTIATE_TEST_SUITE_P(
    Table, PatchRefuses,
    testing::ValuesIn(std::vector<Refusal>{
        {"first_hunk",
         patch(change),
         {{"nvidia/nv.c", numbered(1, 5) + "line six\n" + numbered(7, 30)}},
         {"cannot apply the patch x.patch: nvidia/nv.c: hunk @@ -3,7 +3,8 @@ int context(void) needs `line 6` in line "
          "6, and `line six` is there",
          "differs from the one"}},
        {"second_hunk",
         patch(change),
         {{"nvidia/nv.c", "new\n" + numbered(1, 23)}},
         {"nvidia/nv.c: hunk @@ -20,6 +21,5 @@ needs `line 24` in line 25, and the end of the file is there"}},
        {"no_such_file", patch(change), {{"nvidia/other.c", ""}}, {"nvidia/nv.c is not among the driver's sources"}},
        {"new_file_is_there",
         patch(new_file),
         {{"nvidia/new.c", "other\n"}},
         {"nvidia/new.c exists with another content"}},
        {"old_file_is_another",
         patch(old_file),
         {{"nvidia/old.c", "one\nthree\n"}},
         {"nvidia/old.c: hunk @@ -1,2 +0,0 @@ needs `two` in line 2, and `three` is there"}},
        {"half_of_it",
         patch(change + new_file),
         {{"nvidia/nv.c", numbered(1, 30)}, {"nvidia/new.c", "one\ntwo\n"}},
         {"only a part of it is applied: nvidia/new.c has it, nvidia/nv.c does not", "split"}},
        {"no_diff", patch("just text\n"), {}, {"cannot read the patch x.patch"}, ErrorKind::usage},
        {"empty", patch(""), {}, {"cannot read the patch x.patch"}, ErrorKind::usage},
        {"cut_off",
         patch(change.substr(0, change.size() - 20)),
         {},
         {"cannot read the patch x.patch"},
         ErrorKind::usage},
        {"upwards",
         patch(renamed("../../etc/x")),
         {},
         {"cannot read the patch x.patch", "../../etc/x"},
         ErrorKind::usage},
        {"upwards_inside", patch(renamed("nvidia/../../x")), {}, {"nvidia/../../x"}, ErrorKind::usage},
        {"rename",
         patch("diff --git a/a.c b/b.c\nsimilarity index 100%\nrename from a.c\nrename to b.c\n"),
         {{"a.c", "x"}},
         {"renames a.c to b.c"},
         ErrorKind::usage},
        {"binary",
         patch("diff --git a/a.o b/a.o\nindex 1234567..89abcde 100644\nBinary files a/a.o and b/a.o differ\n"),
         {{"a.o", "x"}},
         {"binary"},
         ErrorKind::usage},
        {"zero_byte",
         patch("--- a/Kbuild\n+++ b/Kbuild\n@@ -1,2 +1,2 @@\n a" + std::string(1, '\0') + "b\n-c\n+d\n"),
         {{"Kbuild", "a\nc\n"}},
         {"line 4 has a zero byte"},
         ErrorKind::usage},
    }),
    NameOf());

TEST(PatchDescribes, ItsFiles) {
  const auto made = transform::find_transform("patch")->make(patch(change + new_file));
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->describe(), "patch x.patch to nvidia/nv.c, nvidia/new.c");
}

}  // namespace
}  // namespace vgpukit::test
