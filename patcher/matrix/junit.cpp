#include "matrix/junit.hpp"

#include <cstdio>

#include "support/text.hpp"

namespace vgpukit::matrix {

namespace {

std::string number(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", seconds);
  return text;
}

std::string test_of(const CellResult& cell) {
  std::string text = "    <testcase classname=\"" + xml_escaped(cell.driver) + "\" name=\"" + xml_escaped(cell.kernel) +
                     "\" time=\"" + number(cell.seconds) + "\"";
  if (is_green(cell)) return text + "/>\n";
  const auto& verdict = info_of(cell.verdict);
  const std::string tag = verdict.expected ? "skipped" : cell.verdict == Verdict::failed ? "failure" : "error";
  text += ">\n      <" + tag + " message=\"" + xml_escaped(std::string(verdict.word) + ": " + cell.reason) + "\"";
  if (tag == "skipped") return text + "/>\n    </testcase>\n";
  text += std::string(" type=\"") + verdict.word + "\">";
  if (!cell.hint.empty()) text += xml_escaped(cell.hint) + "\n";
  if (!cell.command.empty()) text += xml_escaped(cell.command) + "\n";
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
      ++(info_of(cell.verdict).expected ? skipped : cell.verdict == Verdict::failed ? failures : errors);
    }
    text += "  <testsuite name=\"" + xml_escaped(driver) + "\" tests=\"" + std::to_string(count) + "\" failures=\"" +
            std::to_string(failures) + "\" errors=\"" + std::to_string(errors) + "\" skipped=\"" +
            std::to_string(skipped) + "\" time=\"" + number(seconds) + "\">\n" + tests + "  </testsuite>\n";
  }
  return text + "</testsuites>\n";
}

}  // namespace vgpukit::matrix
