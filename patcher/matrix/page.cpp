#include "matrix/page.hpp"

#include <functional>
#include <map>
#include <string_view>

#include "matrix_texts.hpp"  // patcher/matrix/page/, compiled in by CMake

namespace vgpukit::matrix {

namespace {

using nlohmann::json;

// Members of `build`, which is from a file: a missing member or one of another type is treated as empty.
std::string text_at(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

const json& at(const json& object, const char* key) {
  static const json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

const json& list_at(const json& object, const char* key) {
  static const json empty = json::array();
  const auto& list = at(object, key);
  return list.is_array() ? list : empty;
}

void put(json& object, const char* key, std::string text) {
  if (!text.empty()) object[key] = std::move(text);
}

// Values that many cells share. Each is stored once; cells have its index.
class Shared {
 public:
  std::size_t place_of(const std::string& key, const std::function<json()>& make) {
    const auto [found, fresh] = places_.try_emplace(key, all_.size());
    if (fresh) all_.push_back(make());
    return found->second;
  }
  // Adds a member to the value at `place`, unless the value has it already.
  void tell(std::size_t place, const char* key, std::string text) {
    if (!text.empty() && !all_[place].contains(key)) all_[place][key] = std::move(text);
  }
  json take() { return std::move(all_); }

 private:
  std::map<std::string, std::size_t> places_;
  json all_ = json::array();
};

class Page {
 public:
  Page(const MatrixResult& result, bool with_diffs) : result_(result), with_diffs_(with_diffs) {}

  json all(const std::optional<Baseline>& baseline) {
    std::map<std::pair<std::string, std::string>, std::string> changed;
    json gone = json::array();
    if (baseline) {
      for (auto& change : changes_since(baseline->result, result_)) {
        if (change.gone)
          gone.push_back({{"driver", change.driver}, {"kernel", change.kernel}, {"change", change.text}});
        changed[{change.driver, change.kernel}] = std::move(change.text);
      }
    }
    for (const auto& name : result_.drivers()) drivers_.place_of(name, [&] { return json{{"name", name}}; });
    for (const auto& name : result_.kernels()) kernels_.place_of(name, [&] { return json{{"name", name}}; });
    json cells = json::array();
    for (const auto& cell : result_.cells) {
      cells.push_back(cell_of(cell));
      if (const auto change = changed.find({cell.driver, cell.kernel}); change != changed.end())
        cells.back()["change"] = change->second;
    }
    json verdicts = json::array();
    for (const auto& verdict : verdict_infos)
      verdicts.push_back({{"word", verdict.word}, {"symbol", verdict.symbol}, {"tried", verdict.tried}});
    json page = {{"vgpukit", result_.vgpukit},
                 {"file", result_.file},
                 {"verdicts", verdicts},
                 {"drivers", drivers_.take()},
                 {"kernels", kernels_.take()},
                 {"recipes", recipes_.take()},
                 {"decisions", decisions_.take()},
                 {"diffs", diffs_.take()},
                 {"cells", cells},
                 {"contradictions", result_.contradictions}};
    if (baseline) page["baseline"] = {{"name", baseline->name}, {"gone", gone}};
    return page;
  }

 private:
  json cell_of(const CellResult& cell) {
    json one = {{"driver", place_of_driver(cell)},
                {"kernel", place_of_kernel(cell)},
                {"verdict", static_cast<std::size_t>(cell.verdict)}};
    put(one, "reason", cell.reason);
    put(one, "hint", cell.hint);
    put(one, "command", cell.command);
    put(one, "log", cell.log);
    if (cell.seconds > 0) one["seconds"] = cell.seconds;
    if (cell.cpu_seconds > 0) one["cpu"] = cell.cpu_seconds;
    if (cell.unchanged) one["unchanged"] = true;
    one["applied"] = cell.recipes.size();
    add_recipes(cell, one);
    add_build(cell.build, one);
    return one;
  }

  void add_recipes(const CellResult& cell, json& one) {
    json list = json::array();
    for (const auto& recipe : list_at(cell.build, "recipes")) list.push_back(decision(recipe));
    if (list.empty())
      for (const auto& id : cell.recipes) list.push_back(decision({{"id", id}, {"state", "applies"}}));
    if (!list.empty()) one["recipes"] = std::move(list);
  }

  // The decision about a recipe, and the reason.
  std::size_t decision(const json& recipe) {
    const auto id = text_at(recipe, "id");
    const auto number = recipes_.place_of(id, [&] {
      return json{{"id", id}, {"summary", text_at(recipe, "summary")}};
    });
    json made = {number, text_at(recipe, "state"), text_at(recipe, "reason"), list_at(recipe, "files")};
    return decisions_.place_of(made.dump(-1, ' ', false, json::error_handler_t::replace),
                               [&] { return std::move(made); });
  }

  void add_build(const json& build, json& one) {
    if (!build.is_object()) return;
    json modules = json::array();
    for (const auto& module : list_at(build, "modules"))
      modules.push_back({text_at(module, "name"), at(module, "bytes")});
    if (!modules.empty()) one["modules"] = std::move(modules);
    if (at(build, "seconds").is_object()) one["steps"] = build["seconds"];
    if (at(build, "conftest").is_object()) one["conftest"] = build["conftest"];
    if (at(build, "load").is_object()) one["load"] = build["load"];
    if (at(build, "adapt").is_object()) one["adapt"] = build["adapt"];
    add_errors(build, one);
    json warnings = json::array();
    for (const auto& warning : list_at(build, "warnings")) {
      // The compiler's own warnings are in the log.
      const auto tool = text_at(warning, "tool");
      if (tool != "gcc" && tool != "clang" && !tool.empty())
        warnings.push_back(tool + ": " + text_at(warning, "message"));
    }
    if (!warnings.empty()) one["warnings"] = std::move(warnings);
    json notices = json::array();
    for (const auto& notice : list_at(build, "notices")) notices.push_back(text_at(notice, "name"));
    if (!notices.empty()) one["notices"] = std::move(notices);
    const auto diff = text_at(build, "diff");
    if (with_diffs_ && !diff.empty()) one["diff"] = diffs_.place_of(diff, [&] { return json(diff); });
  }

  // The first errors. The log has all of them; hundreds may follow from a few causes.
  static void add_errors(const json& build, json& one) {
    constexpr std::size_t most = 12;
    const auto& errors = list_at(build, "errors");
    json first = json::array();
    for (const auto& error : errors) {
      if (first.size() == most) break;
      if (error.is_object()) first.push_back(error);
    }
    if (first.empty()) return;
    one["errors"] = std::move(first);
    one["errors_in_all"] = errors.size();
  }

  std::size_t place_of_driver(const CellResult& cell) {
    const auto place = drivers_.place_of(cell.driver, [&] { return json{{"name", cell.driver}}; });
    const auto& driver = at(cell.build, "driver");
    drivers_.tell(place, "version", text_at(driver, "version"));
    drivers_.tell(place, "flavour", text_at(driver, "flavour"));
    return place;
  }

  std::size_t place_of_kernel(const CellResult& cell) {
    const auto place = kernels_.place_of(cell.kernel, [&] { return json{{"name", cell.kernel}}; });
    const auto& kernel = at(cell.build, "kernel");
    kernels_.tell(place, "release", text_at(kernel, "release"));
    kernels_.tell(place, "compiler", text_at(kernel, "compiler"));
    return place;
  }

  const MatrixResult& result_;
  bool with_diffs_;
  Shared drivers_, kernels_, recipes_, decisions_, diffs_;
};

// In a <script> element '<' could end the element, so it is escaped.
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

nlohmann::json page_data(const MatrixResult& result, const std::optional<Baseline>& baseline, bool with_diffs) {
  return Page(result, with_diffs).all(baseline);
}

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
