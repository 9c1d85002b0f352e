#include "matrix/cell_adapt.hpp"

#include "support/atomic_file.hpp"
#include "support/interrupt.hpp"
#include "support/json_file.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::matrix {
namespace {

// The page's part of adapt's document.
nlohmann::json proposals_of(const nlohmann::json& document, const fs::path& folder) {
  nlohmann::json made = {{"result", document.value("result", "")}, {"ended", document.value("ended", "")}};
  // It could not be tried: docs/schemas/error.json.
  if (const auto errors = document.value("errors", nlohmann::json::array());
      !document.contains("ended") && !errors.empty())
    made["ended"] = errors[0].value("message", "");
  auto& proposals = made["proposals"] = nlohmann::json::array();
  for (const auto& each : document.value("proposals", nlohmann::json::array())) {
    nlohmann::json one;
    for (const char* key : {"id", "class", "change", "why"}) one[key] = each.value(key, "");
    const auto text = read_file(folder / (one["id"].get<std::string>() + ".yaml"));
    one["text"] = text ? *text : "";
    proposals.push_back(std::move(one));
  }
  return made;
}

}  // namespace

Status adapt_cell(const CellBuild& what, CellResult& result) {
  auto command = vgpukit_command(what, adapt_words(what));
  const fs::path folder = what.output.string() + ".adapted";
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  for (const auto& word : {std::string("--output"), folder.string(), std::string("--jobs"), std::to_string(what.jobs),
                           std::string("--format"), std::string("json"), std::string("-q")})
    command.argv.push_back(word);
  command.deadline = time_left(what, result);
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = run(command);
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (Interrupt::caught() != 0) {
    fs::remove_all(folder, ignored);
    return Error{ErrorKind::interrupted, "run the matrix", "interrupted", ""};
  }
  result.seconds += seconds;
  auto& adapted = result.build["adapt"];
  if (!outcome) {
    adapted = {{"result", "failed"}, {"ended", outcome.error().why}};
  } else {
    result.cpu_seconds += outcome->cpu_seconds;
    const auto document = parse_json(outcome->out);
    try {
      adapted = proposals_of(document, folder);
    } catch (const nlohmann::json::exception&) {  // not the document of adapt
      adapted = {{"result", "failed"},
                 {"ended", outcome->timed_out ? "the cell's deadline passed"
                                              : "vgpukit adapt ended with status " + std::to_string(outcome->status) +
                                                    ": " + outcome->last_error_line()}};
    }
  }
  adapted["seconds"] = seconds;
  adapted["command"] = "vgpukit " + join(adapt_words(what), " ", shell_word);
  fs::remove_all(folder, ignored);
  return {};
}

}  // namespace vgpukit::matrix
