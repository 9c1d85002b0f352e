#include "diagnostics/header_texts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vgpukit::diagnostics {
namespace {

using testing::ElementsAre;
using Names = std::set<std::string, std::less<>>;

std::vector<std::string> found_in(HeaderTexts& texts, const Names& names, const Names& types) {
  std::vector<std::string> all;
  for (const auto& [name, found] : texts.find(names, types))
    for (const auto& each : found) all.push_back(each.file->name + ": " + each.declaration->text);
  return all;
}

// Few names are looked up one by one, many by reading all words.
TEST(HeaderTextsTest, FewAndManyNamesAreFoundAlike) {
  HeaderTexts texts(
      kernel::KernelHeaders{"6.1",
                            {},
                            {{"linux/a.h", "struct ring { int size; };\nint ring_halt(struct ring *r);\n"},
                             {"linux/b.h", "struct ring;\nint halt(int a);\n#define halt_all(x) halt(x)\n"}}});
  Names names = {"halt", "halt_all"};
  const Names types = {"ring"};
  const auto few = found_in(texts, names, types);
  EXPECT_THAT(few,
              ElementsAre("linux/b.h: int halt(int a)", "linux/b.h: #define halt_all(x)", "linux/a.h: struct ring"));
  for (int i = 0; i < 40; ++i) names.insert("never_" + std::to_string(i));
  EXPECT_EQ(found_in(texts, names, types), few);
}

}  // namespace
}  // namespace vgpukit::diagnostics
