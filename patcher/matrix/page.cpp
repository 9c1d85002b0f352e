#include <string_view>

#include "matrix/markdown.hpp"
#include "matrix_texts.hpp"  // patcher/matrix/page/, put into the program by CMake

namespace vgpukit::matrix {

namespace {

// In a <script> only a '<' could end or disturb it; JSON has another way to write that.
std::string for_script(const nlohmann::json& data) {
  const auto text = data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size() + text.size() / 64);
  for (const char c : text) {
    if (c == '<')
      safe += "\\u003c";
    else
      safe += c;
  }
  return safe;
}

}  // namespace

std::string html_of(const MatrixResult& result, const std::optional<Baseline>& baseline, bool with_diffs) {
  const auto data = for_script(page_data(result, baseline, with_diffs));
  std::string page;
  std::string_view rest = matrix_texts::page_html;
  const auto put = [&](std::string_view mark, std::string_view text) {
    const auto place = rest.find(mark);
    page.append(rest.substr(0, place)).append(text);
    rest.remove_prefix(place + mark.size());
  };
  put("/* style */", matrix_texts::page_css);
  put("{\"the\": \"data\"}", data);
  put("/* grid */", matrix_texts::grid_js);
  put("/* cell */", matrix_texts::cell_js);
  return page.append(rest);
}

}  // namespace vgpukit::matrix
