// Fixtures for the table-driven tests of the transforms: files before and after.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "transform/source_tree.hpp"
#include "transform/transform.hpp"

namespace vgpukit::test {

using Files = std::map<std::string, std::string>;
using List = std::vector<std::string>;

inline Result<transform::Applied> apply(std::string_view kind, const transform::Parameters& parameters,
                                        transform::SourceTree& tree) {
  const transform::TransformKind* found = transform::find_transform(kind);
  if (found == nullptr) return Error{ErrorKind::usage, "find the transform " + std::string(kind), "there is none", ""};
  auto made = found->make(parameters);
  if (!made) return made.error();
  return (*made)->apply(tree);
}

inline Files texts(const transform::SourceTree& tree) {
  Files files;
  for (const std::string& path : tree.files()) files[path] = std::string(*tree.read(path));
  return files;
}

inline std::string dos(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\n') result += '\r';
    result += c;
  }
  return result;
}

inline Files dos(Files files) {
  for (auto& [path, text] : files) text = dos(text);
  return files;
}

struct Case {
  std::string name;
  transform::Parameters parameters;
  Files before;
  Files after;
  std::size_t places = 1;
  bool leaves_evidence = true;  // whether a second run can see from the files alone that the edit was made
  bool dos_too = true;          // whether the same holds with DOS line endings
};
inline std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << c.name;
}

// Applies the transform to the files, again to the same tree, and to a new tree with the result. All this also with DOS
// line endings.
inline void expect_case(std::string_view kind, const Case& c) {
  for (const bool with_dos : {false, true}) {
    if (with_dos && !c.dos_too) break;
    SCOPED_TRACE(with_dos ? "with DOS line endings" : "");
    const Files before = with_dos ? dos(c.before) : c.before;
    const Files after = with_dos ? dos(c.after) : c.after;

    transform::SourceTree tree = transform::SourceTree::of(before);
    const auto applied = apply(kind, c.parameters, tree);
    ASSERT_TRUE(applied) << applied.error().message();
    EXPECT_FALSE(applied->already);
    EXPECT_EQ(applied->places(), c.places);
    ASSERT_EQ(texts(tree), after);
    EXPECT_EQ(applied->files.size(), tree.edits().size());

    const auto again = apply(kind, c.parameters, tree);
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_TRUE(again->already);
    EXPECT_TRUE(again->files.empty());
    EXPECT_EQ(texts(tree), after);

    transform::SourceTree fresh = transform::SourceTree::of(after);
    const auto later = apply(kind, c.parameters, fresh);
    if (c.leaves_evidence) {
      ASSERT_TRUE(later) << later.error().message();
      EXPECT_TRUE(later->already);
    } else {
      EXPECT_FALSE(later);
    }
    EXPECT_TRUE(fresh.edits().empty());
  }
}

// An expected error: its kind, and parts of its message. Nothing is changed.
struct Refusal {
  std::string name;
  transform::Parameters parameters;
  Files files;
  List says;
  ErrorKind code = ErrorKind::failed;
};
inline std::ostream& operator<<(std::ostream& out, const Refusal& r) {
  return out << r.name;
}

inline void expect_refusal(std::string_view kind, const Refusal& r) {
  transform::SourceTree tree = transform::SourceTree::of(r.files);
  const auto applied = apply(kind, r.parameters, tree);
  ASSERT_FALSE(applied) << (applied->already ? "already" : "applied");
  EXPECT_EQ(applied.error().kind, r.code) << applied.error().message();
  for (const std::string& part : r.says) EXPECT_THAT(applied.error().message(), testing::HasSubstr(part));
  EXPECT_TRUE(tree.edits().empty());
}

struct NameOf {
  template <class T>
  std::string operator()(const testing::TestParamInfo<T>& info) const {
    return info.param.name;
  }
};

}  // namespace vgpukit::test
