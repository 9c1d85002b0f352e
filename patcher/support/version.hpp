// Dotted versions: 535.247.02, 6.12, 5.10.223. Missing parts count as 0 in comparisons, so 6.12 == 6.12.0.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"

namespace vgpukit {

struct Version {
  std::vector<unsigned> parts;
  std::string text;  // as written

  // Digits and dots only; nothing otherwise. "6.1.0-50-amd64" is not a version, see leading().
  static std::optional<Version> parse(std::string_view text);
  // The version at the start of a longer word: "6.1.0-50-amd64" -> 6.1.0.
  static std::optional<Version> leading(std::string_view text);
  std::strong_ordering operator<=>(const Version& other) const;
  bool operator==(const Version& other) const { return (*this <=> other) == 0; }
};

// ">=535,<550": comparisons that must all hold. Operators: >= > <= < == (a version alone means ==). Only the parts that
// the bound has are compared: "==535" and "<=535" hold for 535.247.02, ">6.12" does not hold for 6.12.95.
struct VersionRange {
  // Error: usage, with the part that is wrong and what was expected.
  static Result<VersionRange> parse(std::string_view text);
  [[nodiscard]] bool contains(const Version& version) const;
  std::string text;

  struct Bound {
    std::string op;
    Version version;
  };
  std::vector<Bound> bounds;
};

}  // namespace vgpukit
