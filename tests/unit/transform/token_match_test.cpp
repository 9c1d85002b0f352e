#include "transform/token_match.hpp"

#include <gtest/gtest.h>

#include <string>

#include "transform/source_tree.hpp"

namespace vgpukit::transform {
namespace {

bool contains_tokens(const std::string& source, std::string_view tokens) {
  return TokenSearch(tokens).in(SourceTree::of({{"a.c", source}}), "a.c").has_value();
}

TEST(ContainsTokens, LooksInCodeAndDirectivesOnly) {
  EXPECT_TRUE(contains_tokens("x = no_llseek;", "no_llseek"));
  EXPECT_FALSE(contains_tokens("/* no_llseek */ \"no_llseek\" // no_llseek\n", "no_llseek"));
  EXPECT_FALSE(contains_tokens("my_no_llseek no_llseek2", "no_llseek"));
  EXPECT_TRUE(contains_tokens("#if defined(NV_X_PRESENT) \\\n && Y", "Y"));
  EXPECT_FALSE(contains_tokens("#if A // NV_X\n#endif", "NV_X"));
}

TEST(ContainsTokens, WhiteSpaceAndCommentsDoNotMatter) {
  EXPECT_TRUE(contains_tokens("MODULE_LICENSE(\"NVIDIA\");", "MODULE_LICENSE ( \"NVIDIA\" )"));
  EXPECT_TRUE(contains_tokens("struct\n  /* old */ dma_buf_map *m;", "struct dma_buf_map"));
  EXPECT_FALSE(contains_tokens("MODULE_LICENSE(\"GPL\");", "MODULE_LICENSE(\"NVIDIA\")"));
  EXPECT_FALSE(contains_tokens("struct x; dma_buf_map", "struct dma_buf_map"));
}

TEST(ContainsTokens, AWildcardIsOneExpression) {
  EXPECT_TRUE(contains_tokens("x = PDE(file_inode(f))->data;", "PDE($1)->data"));
  EXPECT_FALSE(contains_tokens("x = PDE(a, b)->data;", "PDE($1)->data"));
}

TEST(ContainsTokens, TheLineOfTheFirstMatch) {
  const auto tree = SourceTree::of({{"a.c", "int x;\n\n// f\ng(f,\n  f);\n"}});
  EXPECT_EQ(TokenSearch("f").in(tree, "a.c"), 4);
  EXPECT_EQ(TokenSearch("f").in(tree, "b.c"), std::nullopt);
}

TEST(ContainsTokens, DirectivesBoundASequence) {
  EXPECT_FALSE(contains_tokens("a\n#if X\nb\n#endif\n", "a b"));
  EXPECT_TRUE(contains_tokens("#define NV_X 1\n", "#define NV_X"));
  EXPECT_TRUE(contains_tokens("#include <linux/mm.h>\n", "#include <linux/mm.h>"));
  EXPECT_FALSE(contains_tokens("#include <linux/mmzone.h>\n", "#include <linux/mm.h>"));
  EXPECT_FALSE(contains_tokens("anything", ""));
  EXPECT_FALSE(contains_tokens("anything", "/* only a comment */"));
}

}  // namespace
}  // namespace vgpukit::transform
