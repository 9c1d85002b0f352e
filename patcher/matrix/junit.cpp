#include <cstdio>

#include "matrix/markdown.hpp"

namespace vgpukit::matrix {

namespace {

// XML 1.0 has no way at all to write most control characters.
std::string xml(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&')
      escaped += "&amp;";
    else if (c == '<')
      escaped += "&lt;";
    else if (c == '>')
      escaped += "&gt;";
    else if (c == '"')
      escaped += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t')
      escaped += c;
  }
  return escaped;
}

std::string number(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", seconds);
  return text;
}

std::string test_of(const CellResult& cell) {
  std::string text = "    <testcase classname=\"" + xml(cell.driver) + "\" name=\"" + xml(cell.kernel) + "\" time=\"" +
                     number(cell.seconds) + "\"";
  if (is_green(cell)) return text + "/>\n";
  const auto* verdict = find_verdict(cell.verdict);
  const std::string tag = verdict && verdict->wanted ? "skipped" : cell.verdict == "failed" ? "failure" : "error";
  text += ">\n      <" + tag + " message=\"" + xml(cell.verdict + ": " + cell.reason) + "\"";
  if (tag == "skipped") return text + "/>\n    </testcase>\n";
  text += " type=\"" + xml(cell.verdict) + "\">";
  if (!cell.hint.empty()) text += xml(cell.hint) + "\n";
  if (!cell.command.empty()) text += xml(cell.command) + "\n";
  return text + "</" + tag + ">\n    </testcase>\n";
}

}  // namespace

std::string junit_of(const MatrixResult& result) {
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"vgpukit matrix\">\n";
  for (const auto& driver : result.drivers()) {
    std::string tests;
    int count = 0, failures = 0, errors = 0, skipped = 0;
    double seconds = 0;
    for (const auto& cell : result.cells) {
      if (cell.driver != driver) continue;
      tests += test_of(cell);
      ++count;
      seconds += cell.seconds;
      if (is_green(cell)) continue;
      const auto* verdict = find_verdict(cell.verdict);
      ++(verdict && verdict->wanted ? skipped : cell.verdict == "failed" ? failures : errors);
    }
    text += "  <testsuite name=\"" + xml(driver) + "\" tests=\"" + std::to_string(count) + "\" failures=\"" +
            std::to_string(failures) + "\" errors=\"" + std::to_string(errors) + "\" skipped=\"" +
            std::to_string(skipped) + "\" time=\"" + number(seconds) + "\">\n" + tests + "  </testsuite>\n";
  }
  return text + "</testsuites>\n";
}

}  // namespace vgpukit::matrix
