// Messages on stderr, with the prefixes "error: " and "warning: " and without timestamps. A thin layer over spdlog.
#pragma once

#include <string_view>

namespace vgpukit::log {

enum class Color { automatic, always, never };

// `verbosity`: -2 errors only, -1 also warnings, 0 also information, 1 also debug messages, 2 everything.
// `automatic`: colour when stderr is a terminal with colours and NO_COLOR is not set.
// Without a call the settings are (0, automatic).
void setup(int verbosity, Color color);

void error(std::string_view text);
void warning(std::string_view text);
void info(std::string_view text);   // without a prefix
void debug(std::string_view text);  // -v
void trace(std::string_view text);  // -vv

}  // namespace vgpukit::log
