// What vgpukit says on the terminal: stderr, plain "error: " and "warning: " in front, no timestamps. A thin layer over
// spdlog.
#pragma once

#include <string_view>

namespace vgpukit::log {

enum class Color { automatic, always, never };

// verbosity: the count of -v minus the count of -q. -2: errors only, -1: and warnings, 0: and what happens, 1: and why,
// 2: every command. automatic: colour when stderr is a terminal that has it and NO_COLOR is not set. Called once by
// main; without it, as for (0, automatic).
void setup(int verbosity, Color color);

void error(std::string_view text);
void warning(std::string_view text);
void info(std::string_view text);   // without a prefix
void debug(std::string_view text);  // -v
void trace(std::string_view text);  // -vv

}  // namespace vgpukit::log
