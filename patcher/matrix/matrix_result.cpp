#include "matrix/matrix_result.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "config.hpp"
#include "support/atomic_file.hpp"
#include "support/json_file.hpp"

namespace vgpukit::matrix {

namespace {

// The names in the cells: first those in `order`, then the others as they appear.
std::vector<std::string> names_of(const std::vector<CellResult>& cells, std::string CellResult::*member,
                                  const std::vector<std::string>& order) {
  std::set<std::string> there;
  for (const auto& cell : cells) there.insert(cell.*member);
  std::vector<std::string> names;
  for (const auto& name : order)
    if (there.erase(name) > 0) names.push_back(name);
  for (const auto& cell : cells)
    if (there.erase(cell.*member) > 0) names.push_back(cell.*member);
  return names;
}

void append_new(std::vector<std::string>& to, const std::vector<std::string>& more) {
  for (const auto& name : more)
    if (std::find(to.begin(), to.end(), name) == to.end()) to.push_back(name);
}

// Only one of the machines had a guest for the modules: no contradiction.
bool only_one_loaded(const CellResult& one, const CellResult& other) {
  return one.verdict != other.verdict && std::max(one.verdict, other.verdict) <= Verdict::verified;
}

bool was_tried(const CellResult& cell) {
  return info_of(cell.verdict).tried;
}

}  // namespace

std::optional<Verdict> find_verdict(std::string_view word) {
  for (std::size_t i = 0; i < verdict_infos.size(); ++i)
    if (word == verdict_infos[i].word) return static_cast<Verdict>(i);
  return std::nullopt;
}

void to_json(nlohmann::json& json, Verdict verdict) {
  json = info_of(verdict).word;
}

void from_json(const nlohmann::json& json, Verdict& verdict) {
  const auto word = json.get<std::string>();
  const auto found = find_verdict(word);
  if (!found) throw std::invalid_argument("'" + word + "' is no verdict");
  verdict = *found;
}

std::vector<std::string> MatrixResult::drivers() const {
  return names_of(cells, &CellResult::driver, driver_order);
}

std::vector<std::string> MatrixResult::kernels() const {
  return names_of(cells, &CellResult::kernel, kernel_order);
}

MatrixOutcome MatrixResult::outcome() const {
  const auto any = [&](Verdict verdict) {
    return std::any_of(cells.begin(), cells.end(), [&](const CellResult& cell) { return cell.verdict == verdict; });
  };
  if (any(Verdict::failed) || !contradictions.empty()) return MatrixOutcome::failed;
  if (any(Verdict::missing)) return MatrixOutcome::missing;
  return any(Verdict::consent) ? MatrixOutcome::consent : MatrixOutcome::done;
}

nlohmann::json document_of(const MatrixResult& result) {
  nlohmann::json document = {{"vgpukit", result.vgpukit}, {"file", result.file}, {"cells", result.cells}};
  if (!result.driver_order.empty()) document["drivers"] = result.driver_order;
  if (!result.kernel_order.empty()) document["kernels"] = result.kernel_order;
  if (!result.contradictions.empty()) document["contradictions"] = result.contradictions;
  return document;
}

Result<MatrixResult> parse_result(const std::string& text, const std::string& name) {
  const std::string tried = "read the result " + name;
  const auto document = parse_json(text);
  if (document.is_discarded())
    return Error{ErrorKind::usage, tried, "it is not JSON, or it is cut off",
                 "name a file that vgpukit matrix run wrote"};
  if (!document.is_object() || !document.contains("vgpukit") || !document["vgpukit"].is_string() ||
      !document.contains("cells"))
    return Error{ErrorKind::usage, tried, "it is not the result of a matrix",
                 "name a file that vgpukit matrix run wrote"};
  MatrixResult result;
  const auto refuse = [&](const std::string& why) {
    const bool other = result.vgpukit != VGPUKIT_VERSION;
    return Error{ErrorKind::usage, tried,
                 why + (other ? "; vgpukit " + result.vgpukit + " wrote it, this is " VGPUKIT_VERSION : ""),
                 other ? "run the matrix again with this version" : "run the matrix again"};
  };
  try {
    result.vgpukit = document["vgpukit"].get<std::string>();
    result.file = document.value("file", "");
    result.cells = document["cells"].get<std::vector<CellResult>>();
    result.driver_order = document.value("drivers", result.driver_order);
    result.kernel_order = document.value("kernels", result.kernel_order);
    if (document.contains("contradictions"))
      result.contradictions = document["contradictions"].get<std::vector<Contradiction>>();
  } catch (const std::exception& bad) {
    return refuse("a cell is not as expected (" + std::string(bad.what()) + ")");
  }
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& cell : result.cells)
    if (!seen.emplace(cell.driver, cell.kernel).second)
      return refuse(cell.driver + " on " + cell.kernel + " is in it twice");
  return result;
}

Result<MatrixResult> read_result(const fs::path& path) {
  TRY_ASSIGN(const auto text, read_file(path));
  return parse_result(text, path.string());
}

Result<MatrixResult> merge_results(const std::vector<std::pair<std::string, MatrixResult>>& results) {
  MatrixResult merged;
  std::vector<std::string> from;  // the name of the result of merged.cells[i]
  for (const auto& [name, result] : results) {
    if (&result == &results.front().second) {
      merged.vgpukit = result.vgpukit;
      merged.file = result.file;
    }
    if (result.vgpukit != merged.vgpukit)
      return Error{ErrorKind::usage, "join " + name + " with " + results.front().first,
                   "vgpukit " + result.vgpukit + " wrote the first and " + merged.vgpukit + " the second",
                   "run all parts of the matrix with one version"};
    append_new(merged.driver_order, result.driver_order);
    append_new(merged.kernel_order, result.kernel_order);
    merged.contradictions.insert(merged.contradictions.end(), result.contradictions.begin(),
                                 result.contradictions.end());
    for (const auto& cell : result.cells) {
      const auto known = std::find_if(merged.cells.begin(), merged.cells.end(), [&](const CellResult& each) {
        return each.driver == cell.driver && each.kernel == cell.kernel;
      });
      if (known == merged.cells.end()) {
        merged.cells.push_back(cell);
        from.push_back(name);
        continue;
      }
      auto& source = from[static_cast<std::size_t>(known - merged.cells.begin())];
      if (was_tried(*known) != was_tried(cell)) {
        if (was_tried(*known)) continue;
      } else if (known->inputs == cell.inputs && only_one_loaded(*known, cell)) {
        if (known->verdict < cell.verdict) continue;
      } else if (known->inputs == cell.inputs && known->verdict != cell.verdict && was_tried(cell)) {
        merged.contradictions.push_back({cell.driver, cell.kernel, source, known->verdict, name, cell.verdict});
        if (!is_green(*known)) continue;
      }
      *known = cell;
      source = name;
    }
  }
  return merged;
}

}  // namespace vgpukit::matrix
