// Words, lines and times, as several rooms write and read them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vgpukit {

std::string joined(const std::vector<std::string>& words, std::string_view between);
std::vector<std::string> lines_of(std::string_view text);  // without their newlines; no empty one behind the last newline
std::string utc_now();                                     // 2026-11-20T16:00:00Z

}  // namespace vgpukit
