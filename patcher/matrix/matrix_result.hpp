// What became of each cell, as a document: written by `matrix run`, read by report, merge and the next run.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::matrix {

namespace fs = std::filesystem;

struct CellResult {
  std::string driver, kernel;        // the names of the matrix file
  std::string verdict;               // a word of verdict_words()
  std::string reason, hint;          // why it is not green: the first cause, and what to do
  std::vector<std::string> recipes;  // that were applied
  double seconds = 0;                // from start to end, and of all processors
  double cpu_seconds = 0;
  bool unchanged = false;  // taken from an earlier run: nothing had changed
  std::string inputs;      // hash of all that decides on the result; empty when the cell could not be opened
  std::string
      tree;  // hash of what was compiled, and where: the same although a recipe that does not apply here has changed
  std::string command;   // reproduces the cell
  std::string log;       // every line that make printed; empty when make did not run
  std::string run;       // which run made it; for going on after an interruption
  nlohmann::json build;  // what `build --format json` printed; null when it was not run
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CellResult, driver, kernel, verdict, reason, hint, recipes, seconds, cpu_seconds,
                                   unchanged, inputs, tree, command, log, run, build)

// loads        verified, and loaded by that kernel in a guest (MatrixDriver::loads)
// verified     built, and the kernel would load every module
// compiled     compiled and verified but for what the package's missing binary object would define
// failed       not built, or refused by the verification
// missing      a driver, a root, headers or a compiler is not there
// consent      a notice was not accepted
// unsupported  the matrix file says that it is, and why
// skipped      the matrix file says that the driver or the root may be absent, and it is
struct VerdictWord {
  const char* word;
  const char* symbol;
  bool wanted;  // as it should be, or said in the file to be otherwise
  bool tried;   // a build was run
};
const std::vector<VerdictWord>& verdict_words();
const VerdictWord* find_verdict(const std::string& word);
inline bool is_green(const CellResult& cell) {
  return cell.verdict == "loads" || cell.verdict == "verified" || cell.verdict == "compiled";
}

struct Contradiction {
  std::string driver, kernel, one, verdict_one, other, verdict_other;  // the results' names and what each says
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Contradiction, driver, kernel, one, verdict_one, other, verdict_other)

struct MatrixResult {
  std::string vgpukit;  // the version that wrote it
  std::string file;     // the matrix file
  std::vector<CellResult> cells;
  std::vector<Contradiction> contradictions;
  std::vector<std::string> driver_order = {},
                           kernel_order = {};  // of the matrix file: shards have their cells in no such order

  [[nodiscard]] std::vector<std::string> drivers()
      const;  // of the cells, in the matrix file's order, else as they first appear
  [[nodiscard]] std::vector<std::string> kernels() const;
  [[nodiscard]] Exit exit_code()
      const;  // done when all is green or said to be otherwise; else failed, missing or consent
};

nlohmann::json document_of(const MatrixResult& result);
// Error: usage - unreadable, no JSON, not a result; the version that wrote it is named where it is another one.
Result<MatrixResult> read_result(const fs::path& path);
Result<MatrixResult> parse_result(const std::string& text, const std::string& name);

// Joins results, named for messages. A cell that was built in one and not tried in another is taken from the first; two
// builds of the same inputs that disagree are a contradiction, of which the worse verdict is kept; of different inputs
// the later result wins. Error: usage when they were written by different versions of vgpukit.
Result<MatrixResult> merge_results(const std::vector<std::pair<std::string, MatrixResult>>& results);

}  // namespace vgpukit::matrix
