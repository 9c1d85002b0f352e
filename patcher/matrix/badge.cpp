#include "matrix/badge.hpp"

namespace vgpukit::matrix {

namespace {

// The approximate width in 11 px Verdana or DejaVu Sans. With `textLength` other fonts get the same width.
unsigned width_of(std::string_view text) {
  unsigned tenths = 0;
  for (const char c : text) tenths += std::string_view(" .,/il1").find(c) != std::string_view::npos ? 45 : 70;
  return tenths / 10;
}

std::string text_at(unsigned middle, unsigned width, std::string_view text) {
  const auto part = [&](const char* more) {
    return "<text x=\"" + std::to_string(middle) + "\"" + more + " textLength=\"" + std::to_string(width) + "\">" +
           std::string(text) + "</text>";
  };
  return part(" y=\"15\" fill=\"#000\" fill-opacity=\".35\" aria-hidden=\"true\"") + part(" y=\"14\"");
}

}  // namespace

std::string svg_of(const MatrixResult& result) {
  std::size_t wanted = 0, green = 0;
  for (const auto& cell : result.cells) {
    if (cell.verdict == Verdict::unsupported || cell.verdict == Verdict::skipped) continue;
    ++wanted;
    green += is_green(cell) ? 1 : 0;
  }
  const std::string left = "drivers on kernels";
  const std::string right =
      wanted == 0 ? "nothing built" : std::to_string(green) + " / " + std::to_string(wanted) + " green";
  const auto outcome = result.outcome();
  const char* colour = wanted == 0                        ? "#6e7781"
                       : outcome == MatrixOutcome::done   ? "#1a7f37"
                       : outcome == MatrixOutcome::failed ? "#cf222e"
                                                          : "#9a6700";
  const auto left_text = width_of(left), right_text = width_of(right);
  const auto left_width = left_text + 12, right_width = right_text + 12;
  const auto whole = std::to_string(left_width + right_width);
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + whole + "\" height=\"20\" role=\"img\" aria-label=\"" +
         left + ": " + right + "\"><title>" + left + ": " + right + "</title><clipPath id=\"r\"><rect width=\"" +
         whole + "\" height=\"20\" rx=\"4\"/></clipPath><g clip-path=\"url(#r)\"><rect width=\"" + whole +
         "\" height=\"20\" fill=\"#424a53\"/><rect x=\"" + std::to_string(left_width) + "\" width=\"" +
         std::to_string(right_width) + "\" height=\"20\" fill=\"" + colour +
         "\"/></g><g fill=\"#fff\" text-anchor=\"middle\" font-family=\"Verdana,DejaVu Sans,sans-serif\" "
         "font-size=\"11\">" +
         text_at(left_width / 2, left_text, left) + text_at(left_width + right_width / 2, right_text, right) +
         "</g></svg>\n";
}

}  // namespace vgpukit::matrix
