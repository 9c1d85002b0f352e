// Texts of others: build logs, patches, JSON, GRUB's file, and what a terminal gets.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "diagnostics/diagnostics.hpp"
#include "support/json_file.hpp"
#include "support/text.hpp"
#include "system/grub_defaults.hpp"
#include "transform/unified_diff.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  vgpukit::diagnostics::DiagnosticCollector collector("/tree");
  vgpukit::each_line(text, [&](std::string_view line) { collector.line(line); });
  static_cast<void>(collector.errors());
  static_cast<void>(static_cast<bool>(vgpukit::transform::read_diff(text, "x.patch")));
  static_cast<void>(vgpukit::json_text(vgpukit::parse_json(text)));
  if (const auto all = vgpukit::system::assignments_of(text, "GRUB", "grub"))
    static_cast<void>(vgpukit::system::value_after(*all, "GRUB", ""));
  const auto shown = vgpukit::terminal_text(text, false);
  if (shown.find('\x1b') != std::string::npos || vgpukit::terminal_text(shown, false) != shown) std::abort();
  return 0;
}
