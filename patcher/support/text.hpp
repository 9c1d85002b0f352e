// Words, lines and times, as several rooms write and read them.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace vgpukit {

std::string joined(const std::vector<std::string>& words, std::string_view between);
std::vector<std::string> lines_of(std::string_view text);  // without their newlines; no empty one behind the last newline
// The same, one after the other, without copying them.
template <class Use>
void each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const auto newline = std::min(text.find('\n'), text.size());
    use(text.substr(0, newline));
    text.remove_prefix(std::min(newline + 1, text.size()));
  }
}
std::string utc_now();  // 2026-11-20T16:00:00Z

}  // namespace vgpukit
