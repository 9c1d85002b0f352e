// Recipes on any sources: the shipped ones, and changed ones.
#include "fuzz.hpp"
#include "recipe/cases.hpp"
#include "recipe/catalogue.hpp"
#include "recipe/parse_recipe.hpp"
#include "support/text.hpp"
#include "transform/code_view.hpp"

namespace vgpukit::fuzz {

namespace {

struct Shipped {
  recipe::Catalogue catalogue;
  std::map<std::string, std::vector<recipe::RecipeCase>, std::less<>> cases;
};

const Shipped& shipped() {
  static const auto all = [] {
    const fs::path source = VGPUKIT_SOURCE_DIR;
    auto catalogue = recipe::Catalogue::load({source / "recipes"}, source / "patches");
    require(bool(catalogue));
    Shipped read{*std::move(catalogue), {}};
    for (const auto& each : read.catalogue.recipes()) {
      const auto file = recipe::cases_file(each);
      auto cases = recipe::parse_cases(bytes_of(file), file, each);
      require(bool(cases));
      read.cases[each.id] = *std::move(cases);
    }
    return read;
  }();
  return all;
}

std::optional<recipe::Decision> plan(const recipe::Recipe& recipe, const recipe::RecipeCase& one, Texts& texts) {
  auto tree = transform::SourceTree::of(texts);
  const auto line = recipe::plan_case(recipe, one, tree);
  if (!line) return std::nullopt;
  Texts after;
  for (const auto& path : tree.files())
    if (auto text = tree.read(path)) after.emplace(path, *std::move(text));
  require(line->decision == recipe::Decision::applies || after == texts);
  texts = std::move(after);
  return line->decision;
}

// A C file without unknown tokens and open brackets; a makefile whose conditionals end.
bool is_well_formed(const std::string& path, const std::string& text) {
  if (!path.ends_with(".c") && !path.ends_with(".h")) {
    int depth = 0;
    bool opened = false;
    each_line(text, [&](std::string_view line) {
      const auto words = words_of(line);
      if (words.empty()) return;
      depth += words[0] == "endif" ? -1 : words[0].starts_with("if") ? 1 : 0;
      opened = opened || depth < 0 || words[0] == "define";
    });
    return !opened && depth == 0;
  }
  const transform::CodeView view(text);
  for (std::size_t i = 0; i < view.code().size(); ++i) {
    const auto& token = view.code()[i];
    if (token.kind == transform::Token::Kind::unknown) return false;
    if (token.text.size() == 1 && contains("(){}[]", token.text) && view.partner(i) == view.npos) return false;
  }
  return true;
}

// The input: the line "ID N", a recipe and the number of one of its cases, whose answers about the kernel count; then
// the files.
void run_recipes(const std::string& input) {
  const auto first = std::string_view(input).substr(0, input.find('\n'));
  const auto words = words_of(first);
  if (words.size() != 2) return;
  const auto* recipe = shipped().catalogue.find(words[0]);
  if (recipe == nullptr) return;
  const auto& cases = shipped().cases.at(recipe->id);
  const auto& one = cases[std::strtoull(std::string(words[1]).c_str(), nullptr, 10) % cases.size()];
  auto texts = texts_in(std::string_view(input).substr(std::min(input.size(), first.size() + 1)));
  const auto given = texts;
  if (plan(*recipe, one, texts) != recipe::Decision::applies) return;
  // The result of a compilable text needs no further change.
  for (const auto& [path, text] : given)
    if (!is_well_formed(path, text)) return;
  const auto once = texts;
  static_cast<void>(plan(*recipe, one, texts));
  require(texts == once);
}

std::vector<std::string> recipes_seeds() {
  std::vector<std::string> all;
  for (const auto& [id, cases] : shipped().cases) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      auto text = id + " " + std::to_string(i) + "\n" + text_of(cases[i].before);
      if (text.size() <= 6'000) all.push_back(std::move(text));
    }
  }
  return all;
}

// Any recipe's steps on any files, whatever the kernel is. The input: the recipe, then the files.
void run_transforms(const std::string& input) {
  const auto end = std::min(input.find("==> "), input.size());
  const auto recipe = recipe::parse_recipe(input.substr(0, end), "x.yaml", fs::path(VGPUKIT_SOURCE_DIR) / "patches");
  if (!recipe) return;
  auto tree = transform::SourceTree::of(texts_in(std::string_view(input).substr(end)));
  for (const auto& step : recipe->steps) static_cast<void>(step.transform->apply(tree));
}

std::vector<std::string> transforms_seeds() {
  std::vector<std::string> all;
  for (const auto& recipe : shipped().catalogue.recipes()) {
    auto text = bytes_of(recipe.where.file) + text_of(shipped().cases.at(recipe.id).front().before);
    if (text.size() <= 8'000) all.push_back(std::move(text));
  }
  return all;
}

}  // namespace

const Target recipes = {"recipes", run_recipes, recipes_seeds};
const Target transforms = {"transforms", run_transforms, transforms_seeds};

}  // namespace vgpukit::fuzz
