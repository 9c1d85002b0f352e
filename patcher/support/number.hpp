// Numbers in text.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace vgpukit {

// The whole text as a number without white space. Nothing for other text, or if the number does not fit.
template <class Number>
std::optional<Number> number_in(std::string_view text, int base = 10) {
  Number number{};
  const char* const last = text.data() + text.size();
  const auto [end, bad] = std::from_chars(text.data(), last, number, base);
  return bad == std::errc() && end == last ? std::optional<Number>(number) : std::nullopt;
}

// The whole text after `prefix` as a number. Nothing if the text does not begin with the prefix.
template <class Number>
std::optional<Number> number_after(std::string_view prefix, std::string_view text, int base = 10) {
  return text.starts_with(prefix) ? number_in<Number>(text.substr(prefix.size()), base) : std::nullopt;
}

}  // namespace vgpukit
