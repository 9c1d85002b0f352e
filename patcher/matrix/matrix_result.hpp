// The results of the cells, as a document: `matrix run` writes it; report, merge and the next run read it.
#pragma once

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::matrix {

namespace fs = std::filesystem;

enum class Verdict {
  works,        // verified, and used by that kernel in a guest with a fake card (MatrixDriver::loads)
  loads,        // verified, and loaded by that kernel in a guest (MatrixDriver::loads)
  verified,     // built, and the kernel would load every module
  compiled,     // compiled and verified, except for what the package's missing binary object would define
  failed,       // not built, or refused by the verification
  missing,      // a driver, a root, headers or a compiler is missing
  consent,      // a notice was not accepted
  unsupported,  // the matrix file says so, with a reason
  skipped,      // the driver or the root is missing, and the matrix file says that it may be
};
struct VerdictInfo {
  const char* word;  // in JSON and in text
  const char* symbol;
  bool expected;  // green, or declared in the matrix file
  bool tried;     // a build was run
};
// By Verdict.
inline constexpr std::array<VerdictInfo, 9> verdict_infos = {{{"works", "◆", true, true},
                                                              {"loads", "★", true, true},
                                                              {"verified", "✔", true, true},
                                                              {"compiled", "◐", true, true},
                                                              {"failed", "✘", false, true},
                                                              {"missing", "∅", false, false},
                                                              {"consent", "!", false, false},
                                                              {"unsupported", "–", true, false},
                                                              {"skipped", "·", true, false}}};
constexpr const VerdictInfo& info_of(Verdict verdict) {
  return verdict_infos[static_cast<std::size_t>(verdict)];
}
inline std::string word_of(Verdict verdict) {
  return info_of(verdict).word;
}
std::optional<Verdict> find_verdict(std::string_view word);
void to_json(nlohmann::json& json, Verdict verdict);
void from_json(const nlohmann::json& json, Verdict& verdict);  // throws std::exception for an unknown word

struct CellResult {
  std::string driver, kernel;  // the names of the matrix file
  Verdict verdict = Verdict::failed;
  std::string reason, hint;          // if it is not green: the first cause, and what to do
  std::vector<std::string> recipes;  // the applied ones
  double seconds = 0;                // from start to end
  double cpu_seconds = 0;            // of all processors
  bool unchanged = false;            // the result of an earlier run: nothing has changed
  std::string inputs;                // a hash of all inputs; empty if the cell could not be opened
  std::string tree;      // a hash of what was compiled, and where; recipes that do not apply are not part of it
  std::string command;   // reproduces the cell
  std::string log;       // every line that make printed; empty if make did not run
  std::string run;       // the name of the run; an interrupted run continues under its name
  nlohmann::json build;  // what `build --format json` printed; null if it was not run
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CellResult, driver, kernel, verdict, reason, hint, recipes, seconds, cpu_seconds,
                                   unchanged, inputs, tree, command, log, run, build)

inline bool is_green(const CellResult& cell) {
  return cell.verdict <= Verdict::compiled;  // by the order of Verdict
}

// Two results with the same inputs and different verdicts.
struct Contradiction {
  std::string driver, kernel, one;  // `one` and `other`: the names of the results
  Verdict verdict_one = Verdict::failed;
  std::string other;
  Verdict verdict_other = Verdict::failed;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Contradiction, driver, kernel, one, verdict_one, other, verdict_other)

// The worst of all cells. done: each is green, unsupported or skipped.
enum class MatrixOutcome { done, consent, missing, failed };

struct MatrixResult {
  std::string vgpukit;  // the version that wrote it
  std::string file;     // the matrix file
  std::vector<CellResult> cells;
  std::vector<Contradiction> contradictions;
  // The order of the matrix file. Merged shards have their cells in another order.
  std::vector<std::string> driver_order = {}, kernel_order = {};

  // The names in the cells, in the order of the matrix file; names that it does not have follow as they appear.
  [[nodiscard]] std::vector<std::string> drivers() const;
  [[nodiscard]] std::vector<std::string> kernels() const;
  [[nodiscard]] MatrixOutcome outcome() const;
};

nlohmann::json document_of(const MatrixResult& result);
// Error: usage if it cannot be read, is no JSON or no result; it names the version that wrote it if that is another
// one.
Result<MatrixResult> read_result(const fs::path& path);
Result<MatrixResult> parse_result(const std::string& text, const std::string& name);

// Joins results, which have names for messages. A cell that was built wins over one that was not tried. Of two builds
// with the same inputs and different verdicts the worse one is taken, and there is a contradiction. Of builds with
// different inputs the later one wins. Error: usage if different versions of vgpukit wrote the results.
Result<MatrixResult> merge_results(const std::vector<std::pair<std::string, MatrixResult>>& results);

}  // namespace vgpukit::matrix
