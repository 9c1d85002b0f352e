#include "recipe/catalogue.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <map>
#include <numeric>
#include <set>

#include "recipe/parse_recipe.hpp"
#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/yaml_reader.hpp"

namespace vgpukit::recipe {

namespace {

// Each recipe's rank without regard to `after`: by the version in front of the id (5.19-x before 6.1-x before 6.12-x),
// ids without one last, then alphabetically.
std::vector<std::size_t> ranks(const std::vector<Recipe>& recipes) {
  std::vector<std::optional<Version>> versions;
  for (const auto& recipe : recipes) versions.push_back(Version::leading(recipe.id));
  std::vector<std::size_t> by_rank(recipes.size());
  std::iota(by_rank.begin(), by_rank.end(), std::size_t{0});
  std::sort(by_rank.begin(), by_rank.end(), [&](std::size_t a, std::size_t b) {
    const auto& left = versions[a];
    const auto& right = versions[b];
    if (left.has_value() != right.has_value()) return left.has_value();
    if (left && *left != *right) return *left < *right;
    return recipes[a].id < recipes[b].id;
  });
  std::vector<std::size_t> all(recipes.size());
  for (std::size_t rank = 0; rank < by_rank.size(); ++rank) all[by_rank[rank]] = rank;
  return all;
}

std::string nearest_id(const std::string& name, const std::vector<Recipe>& recipes) {
  std::vector<std::string_view> known;
  for (const auto& recipe : recipes) known.push_back(recipe.id);
  return nearest(name, known);
}

Error bad_order(const Recipe& recipe, std::string why, std::string next) {
  return Error{ErrorKind::usage, "", std::move(why), std::move(next), recipe.where};
}

// A topological order: of the recipes whose predecessors are placed, the one with the lowest rank comes next.
Result<std::vector<std::size_t>> order(const std::vector<Recipe>& recipes) {
  std::map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < recipes.size(); ++i) index.emplace(recipes[i].id, i);
  std::vector<std::set<std::size_t>> predecessors(recipes.size());
  for (std::size_t i = 0; i < recipes.size(); ++i) {
    for (const auto& name : recipes[i].after) {
      const auto found = index.find(name);
      if (found == index.end()) {
        const auto near = nearest_id(name, recipes);
        return bad_order(recipes[i],
                         "the recipe '" + recipes[i].id + "' goes after '" + name + "', and no recipe has that id",
                         near.empty() ? "" : "did you mean '" + near + "'?");
      }
      predecessors[i].insert(found->second);
    }
  }
  const auto rank = ranks(recipes);
  std::vector<std::size_t> sorted;
  std::vector<bool> placed(recipes.size(), false);
  while (sorted.size() < recipes.size()) {
    std::optional<std::size_t> next;
    for (std::size_t i = 0; i < recipes.size(); ++i) {
      if (placed[i]) continue;
      const bool ready =
          std::all_of(predecessors[i].begin(), predecessors[i].end(), [&](std::size_t other) { return placed[other]; });
      if (ready && (!next || rank[i] < rank[*next])) next = i;
    }
    if (next) {
      placed[*next] = true;
      sorted.push_back(*next);
      continue;
    }
    // No recipe is ready: following the predecessors of any recipe that is left leads into a cycle.
    std::size_t at = static_cast<std::size_t>(std::find(placed.begin(), placed.end(), false) - placed.begin());
    std::vector<std::size_t> trail;
    while (std::find(trail.begin(), trail.end(), at) == trail.end()) {
      trail.push_back(at);
      at = *std::find_if(predecessors[at].begin(), predecessors[at].end(),
                         [&](std::size_t other) { return !placed[other]; });
    }
    std::string text = recipes[at].id;
    for (auto it = std::find(trail.begin(), trail.end(), at) + 1; it != trail.end(); ++it)
      text += " -> " + recipes[*it].id;
    return bad_order(recipes[at], "the order of the recipes has a cycle: " + text + " -> " + recipes[at].id,
                     "remove one 'after:' of the cycle");
  }
  return sorted;
}

}  // namespace

Result<Catalogue> Catalogue::of(std::vector<Recipe> recipes) {
  TRY_ASSIGN(const auto sorted, order(recipes));
  Catalogue catalogue;
  for (const auto i : sorted) catalogue.recipes_.push_back(std::move(recipes[i]));
  return catalogue;
}

Result<std::vector<fs::path>> recipe_files(const fs::path& folder) {
  std::error_code bad;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, bad))
    if (const auto extension = entry.path().extension(); extension == ".yaml" || extension == ".yml")
      files.push_back(entry.path());
  if (bad)
    return Error{ErrorKind::usage, "read the recipes in " + folder.string(), bad.message(),
                 "name a folder that holds recipe files (*.yaml)"};
  std::sort(files.begin(), files.end());
  return files;
}

namespace {

// Parses the files in parallel, because reading YAML takes most of the time of a plan. The results have the order of
// the files.
std::vector<Result<Recipe>> parse_all(const std::vector<fs::path>& files, const fs::path& patches) {
  std::vector<std::optional<Result<Recipe>>> parsed(files.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < files.size(); i = next++) {
      const auto text = read_file(files[i]);
      parsed[i] = text ? parse_recipe(*text, files[i].string(), patches) : Result<Recipe>(text.error());
    }
  };
  std::vector<std::future<void>> helpers;
  for (unsigned n = 1; n < default_jobs() && n * 8 < files.size(); ++n)
    helpers.push_back(std::async(std::launch::async, work));
  work();
  for (auto& helper : helpers) helper.get();
  std::vector<Result<Recipe>> results;
  for (auto& one : parsed) results.push_back(std::move(*one));
  return results;
}

}  // namespace

Result<Catalogue> Catalogue::load(const std::vector<fs::path>& folders, const fs::path& patches) {
  std::map<std::string, Recipe> by_id;
  for (const auto& folder : folders) {
    TRY_ASSIGN(const auto files, recipe_files(folder));
    std::map<std::string, std::string> here;
    // A recipe folder may have its own patches/.
    const auto own_patches = folder / "patches";
    std::error_code bad;
    auto parsed = parse_all(files, fs::is_directory(own_patches, bad) ? own_patches : patches);
    for (std::size_t i = 0; i < files.size(); ++i) {
      TRY_ASSIGN(auto recipe, std::move(parsed[i]));
      const auto [first, fresh] = here.emplace(recipe.id, files[i].string());
      if (!fresh)
        return Error{ErrorKind::usage, "",
                     "a second recipe with the id '" + recipe.id + "'; the first is in " + first->second,
                     "give one of them another id", recipe.where};
      by_id.insert_or_assign(recipe.id, std::move(recipe));
    }
  }
  std::vector<Recipe> recipes;
  for (auto& [id, recipe] : by_id) recipes.push_back(std::move(recipe));
  return of(std::move(recipes));
}

Status Catalogue::leave_out(const std::vector<std::string>& ids) {
  for (const auto& id : ids) {
    if (find(id)) continue;
    const auto near = nearest_id(id, recipes_);
    return Error{ErrorKind::usage, "leave out the recipe '" + id + "'", "no recipe has that id",
                 near.empty() ? "vgpukit recipe list shows their ids" : "did you mean '" + near + "'?"};
  }
  std::erase_if(recipes_,
                [&](const Recipe& recipe) { return std::find(ids.begin(), ids.end(), recipe.id) != ids.end(); });
  return {};
}

const Recipe* Catalogue::find(std::string_view id) const {
  const auto found =
      std::find_if(recipes_.begin(), recipes_.end(), [&](const Recipe& recipe) { return recipe.id == id; });
  return found == recipes_.end() ? nullptr : &*found;
}

}  // namespace vgpukit::recipe
