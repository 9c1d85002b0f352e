#include "support/version.hpp"

#include <algorithm>
#include <charconv>

#include "support/text.hpp"

namespace vgpukit {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool holds(std::string_view op, std::strong_ordering order) {
  if (op == ">=") return order >= 0;
  if (op == "<=") return order <= 0;
  if (op == ">") return order > 0;
  if (op == "<") return order < 0;
  return order == 0;
}

}  // namespace

std::optional<Version> Version::parse(std::string_view text) {
  auto version = leading(text);
  if (!version || version->text.size() != text.size()) return std::nullopt;
  return version;
}

std::optional<Version> Version::leading(std::string_view text) {
  Version version;
  std::size_t pos = 0;
  while (pos < text.size() && is_digit(text[pos])) {
    unsigned part = 0;
    const auto [end, error] = std::from_chars(text.data() + pos, text.data() + text.size(), part);
    if (error != std::errc{}) return std::nullopt;
    version.parts.push_back(part);
    pos = static_cast<std::size_t>(end - text.data());
    // A dot belongs to the version only when a digit follows: "6.1.x" is 6.1.
    if (pos + 1 >= text.size() || text[pos] != '.' || !is_digit(text[pos + 1])) break;
    ++pos;
  }
  if (version.parts.empty()) return std::nullopt;
  version.text = text.substr(0, pos);
  return version;
}

std::strong_ordering Version::operator<=>(const Version& other) const {
  const auto count = std::max(parts.size(), other.parts.size());
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned mine = i < parts.size() ? parts[i] : 0;
    const unsigned theirs = i < other.parts.size() ? other.parts[i] : 0;
    if (mine != theirs) return mine <=> theirs;
  }
  return std::strong_ordering::equal;
}

Result<VersionRange> VersionRange::parse(std::string_view text) {
  const auto refuse = [&](std::string why) {
    return Error{ErrorKind::usage, "read the version range \"" + std::string(text) + "\"", std::move(why),
                 "write comparisons like \">=535,<550\" or \"==6.12\""};
  };
  VersionRange range;
  range.text = text;
  for (const auto& comparison : split(text, ',')) {
    const auto part = trimmed(comparison);
    if (part.empty()) return refuse("it has an empty comparison");
    const auto op_length = std::min(part.find_first_not_of("<>=!~^"), part.size());
    const auto op = part.substr(0, op_length);
    if (!op.empty() && op != ">=" && op != ">" && op != "<=" && op != "<" && op != "==")
      return refuse("\"" + std::string(op) + "\" is not a comparison (they are >= > <= < ==)");
    const auto number = trimmed(part.substr(op_length));
    auto version = Version::parse(number);
    if (!version) return refuse("\"" + std::string(number) + "\" is not a version (digits and dots)");
    range.bounds.push_back({op.empty() ? "==" : std::string(op), *std::move(version)});
  }
  return range;
}

bool VersionRange::contains(const Version& version) const {
  return std::all_of(bounds.begin(), bounds.end(), [&](const Bound& bound) {
    Version cut = version;
    cut.parts.resize(bound.version.parts.size());  // shorter versions are filled with zeros
    return holds(bound.op, cut <=> bound.version);
  });
}

}  // namespace vgpukit
