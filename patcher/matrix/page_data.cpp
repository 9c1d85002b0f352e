#include <functional>
#include <map>

#include "matrix/markdown.hpp"
#include "matrix/result_changes.hpp"

namespace vgpukit::matrix {

namespace {

using nlohmann::json;

// `build` is whatever stood in the result's file: nothing in it is believed to be there or to be of its type.
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

// A null is iterated over as an empty list, and so is everything that is none.
const json& list_at(const json& object, const char* key) {
  static const json empty = json::array();
  const auto& list = at(object, key);
  return list.is_array() ? list : empty;
}

void put(json& object, const char* key, std::string text) {
  if (!text.empty()) object[key] = std::move(text);
}

// Values that many cells share: each once, and its place.
class Shared {
 public:
  std::size_t place_of(const std::string& key, const std::function<json()>& make) {
    const auto [found, fresh] = places_.try_emplace(key, all_.size());
    if (fresh) all_.push_back(make());
    return found->second;
  }
  // One more thing that is known of the value at `place`; what was said first counts.
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
        if (change.is.empty())
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
    for (const auto& verdict : verdict_words())
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
    const auto verdict = static_cast<std::size_t>(find_verdict(cell.verdict) - verdict_words().data());
    json one = {{"driver", place_of_driver(cell)}, {"kernel", place_of_kernel(cell)}, {"verdict", verdict}};
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

  // What was decided about a recipe, and why.
  std::size_t decision(const json& recipe) {
    const auto id = text_at(recipe, "id");
    const auto number = recipes_.place_of(id, [&] {
      return json{{"id", id}, {"summary", text_at(recipe, "summary")}};
    });
    const json made = {number, text_at(recipe, "state"), text_at(recipe, "reason"), list_at(recipe, "files")};
    return decisions_.place_of(made.dump(-1, ' ', false, json::error_handler_t::replace), [&] { return made; });
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
    add_errors(build, one);
    json warnings = json::array();
    for (const auto& warning : list_at(build, "warnings")) {
      // The compiler's about the driver's own code have no tool here: they are in the log.
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

  // The first ones: hundreds of them follow from a few causes, and the log has them all.
  static void add_errors(const json& build, json& one) {
    constexpr std::size_t most = 12;
    const auto& errors = list_at(build, "errors");
    json kept = json::array();
    for (const auto& error : errors) {
      if (kept.size() == most) break;
      if (error.is_object()) kept.push_back(error);
    }
    if (kept.empty()) return;
    one["errors"] = std::move(kept);
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

}  // namespace

nlohmann::json page_data(const MatrixResult& result, const std::optional<Baseline>& baseline, bool with_diffs) {
  return Page(result, with_diffs).all(baseline);
}

}  // namespace vgpukit::matrix
