#include "support/hash.hpp"

#include <gtest/gtest.h>

#include "support/atomic_file.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit {
namespace {

TEST(Hash, IsXxh3Of128BitsOfLengthAndBytes) {
  EXPECT_EQ(hash_of("").size(), 32U);
  EXPECT_NE(hash_of(""), hash_of(std::string_view("\0", 1)));
  EXPECT_EQ(hash_of("abc"), Hasher().add("abc").hex());
}

TEST(Hash, WhereOnePieceEndsMatters) {
  EXPECT_NE(Hasher().add("ab").add("c").hex(), Hasher().add("a").add("bc").hex());
  EXPECT_NE(Hasher().add("ab").hex(), Hasher().add("ab").add("").hex());
}

TEST(Hash, OfAFileChangesWithItsBytes) {
  const test::TempFolder folder;
  const auto hash = [&](std::string_view text) {
    EXPECT_TRUE(write_file(folder / "f", text));
    Hasher hasher;
    EXPECT_TRUE(hasher.add_file(folder / "f"));
    return hasher.hex();
  };
  EXPECT_EQ(hash("one"), hash("one"));
  EXPECT_NE(hash("one"), hash("two"));
  EXPECT_NE(hash(std::string(300'000, 'a')), hash(std::string(300'000, 'a') + "b"));
  Hasher hasher;
  const auto missing = hasher.add_file(folder / "absent");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message().find("absent"), std::string::npos);
}

}  // namespace
}  // namespace vgpukit
