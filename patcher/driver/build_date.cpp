#include "driver/build_date.hpp"

#include <array>
#include <ctime>
#include <fstream>
#include <iomanip>
#include <sstream>

namespace vgpukit::driver {

namespace {

constexpr std::string_view mark = "NVIDIA UNIX x86_64 Kernel Module  ";

// "535.261.03  Sat Jun 14 16:05:50 UTC 2025" -> "2025-06-14"; empty if it has another form.
std::string date_in(const std::string& text) {
  std::istringstream words(text);
  std::string version;
  std::string zone;
  std::tm date{};
  words.imbue(std::locale::classic());
  words >> version >> std::get_time(&date, "%a %b %d %H:%M:%S") >> zone >> date.tm_year;
  if (!words || date.tm_year < 2000 || date.tm_year > 2100) return "";
  std::ostringstream iso;
  iso << date.tm_year << std::setfill('0') << '-' << std::setw(2) << date.tm_mon + 1 << '-' << std::setw(2)
      << date.tm_mday;
  return iso.str();
}

std::string date_in_file(const fs::path& file) {
  constexpr std::size_t longest = 128;  // of the mark and what follows it
  std::ifstream in(file, std::ios::binary);
  std::string window;
  std::array<char, 1 << 16> block{};
  while (in.read(block.data(), block.size()) || in.gcount() > 0) {
    window.append(block.data(), static_cast<std::size_t>(in.gcount()));
    for (auto at = window.find(mark); at != std::string::npos; at = window.find(mark, at + 1)) {
      if (in && window.size() - at < longest) break;  // the rest is in the next block
      const auto text = window.substr(at + mark.size(), longest - mark.size());
      if (auto date = date_in(text.substr(0, text.find('\0'))); !date.empty()) return date;
    }
    if (window.size() > longest) window.erase(0, window.size() - longest);
  }
  return "";
}

}  // namespace

BuildDate build_date(const Driver& driver) {
  for (const auto& object : driver.binary_objects)
    if (fs::path(object).filename().string().starts_with("nv-kernel."))
      if (auto date = date_in_file(driver.sources / object); !date.empty()) return {date, object};
  return {};
}

}  // namespace vgpukit::driver
