#include "matrix/cell_inputs.hpp"

#include "config.hpp"
#include "history/history.hpp"
#include "recipe/plan.hpp"
#include "support/hash.hpp"

namespace vgpukit::matrix {

namespace {

// The path of the root is left out: the same headers and compiler give the same result on every machine.
Status add_base(Hasher& hasher, kernel::Facts& facts, const CellRequest& request) {
  TRY_ASSIGN(const auto headers, facts.fingerprint());
  hasher.add(VGPUKIT_VERSION).add(request.driver->content).add(headers).add(facts.kernel().release);
  hasher.add(facts.kernel().compiler.identity);
  for (const auto& name : request.accepted) hasher.add("accept").add(name);
  for (const auto& name : request.modules) hasher.add("module").add(name);
  for (const auto& name : request.driver->missing_binary_objects) hasher.add("lacks").add(name);
  for (const auto& [question, answer] : facts.assumptions()) hasher.add("assume").add(question).add(answer ? "y" : "n");
  hasher.add(request.compile_only ? "compile only" : "");
  if (!request.image.empty()) hasher.add("image").add(request.image);  // also stands for its libraries and tools
  for (std::size_t i = 0; i < request.loads.size(); ++i)
    hasher.add(word_of(request.loaded)).add(i == 0 ? fs::path(request.loads[i]).filename().string() : request.loads[i]);
  return {};
}

Result<std::string> diff_of(const transform::SourceTree& tree) {
  if (tree.edits().empty()) return std::string();
  std::map<std::string, std::string> before;  // only of changed files
  for (const auto& [path, text] : tree.edits())
    if (const auto original = tree.original(path)) before.emplace(path, *original);
  TRY_ASSIGN(auto history, history::History::create({}, transform::SourceTree::of(std::move(before)), "unpatched"));
  TRY(history.commit(tree.edits(), "patched"));
  return history.diff(0, 1);
}

}  // namespace

Result<std::string> inputs_of_cell(kernel::Facts& facts, const CellRequest& request) {
  Hasher hasher;
  TRY(add_base(hasher, facts, request));
  for (const auto& recipe : request.catalogue->recipes()) hasher.add(recipe.text).add(recipe.diffs);
  return hasher.hex();
}

Result<CellTree> tree_of_cell(kernel::Facts& facts, const CellRequest& request) {
  Hasher hasher;
  TRY(add_base(hasher, facts, request));
  TRY_ASSIGN(auto tree, transform::SourceTree::open(request.driver->sources));
  TRY_ASSIGN(const auto plan,
             recipe::make_plan(*request.catalogue, *request.driver, facts, tree, request.accepted, request.modules));
  for (const auto& line : plan.lines)
    if (line.decision != recipe::Decision::not_needed && line.decision != recipe::Decision::already_fixed)
      hasher.add(line.recipe->id).add(recipe::decision_name(line.decision));
  for (const auto& [path, text] : tree.edits()) hasher.add(path).add(text ? "is" : "gone").add(text ? *text : "");
  TRY_ASSIGN(auto diff, diff_of(tree));
  return CellTree{hasher.hex(), std::move(diff)};
}

}  // namespace vgpukit::matrix
