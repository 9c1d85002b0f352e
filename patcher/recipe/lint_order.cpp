#include "recipe/lint_order.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "recipe/plan.hpp"

namespace vgpukit::recipe {

namespace {

// A kernel and a driver to which both recipes of a pair apply.
struct Overlap {
  std::map<std::string, bool> facts;
  Version kernel, driver;
  driver::Flavour flavour = driver::Flavour::general;
};

// False if the conditions contradict the facts.
bool add_facts(const std::vector<KernelCondition>& conditions, std::map<std::string, bool>& facts) {
  for (const auto& condition : conditions) {
    const auto [found, fresh] = facts.emplace(condition.question.key(), condition.wanted);
    if (!fresh && found->second != condition.wanted) return false;
    if (condition.question.of.empty()) continue;
    const auto [absent, first] = facts.emplace("absent " + condition.question.key(), condition.absent);
    if (!first && absent->second != condition.absent) return false;
  }
  return true;
}

std::optional<Overlap> overlap_of(const Recipe& a, const Recipe& b) {
  Overlap overlap;
  if (!add_facts(a.kernel, overlap.facts) || !add_facts(b.kernel, overlap.facts)) return std::nullopt;
  // The conditions of `any` that contradict no other fact. The plan decides whether they are enough.
  for (const auto* recipe : {&a, &b})
    for (const auto& choice : recipe->kernel_any) overlap.facts.emplace(choice.question.key(), choice.wanted);
  std::vector<VersionRange> kernels;
  std::vector<VersionRange> drivers;
  std::vector<driver::Flavour> flavours;
  for (const auto* recipe : {&a, &b}) {
    if (recipe->kernel_versions) kernels.push_back(*recipe->kernel_versions);
    if (recipe->driver.versions) drivers.push_back(*recipe->driver.versions);
    const auto& wanted = recipe->driver.flavours;
    if (wanted.empty()) continue;
    if (flavours.empty()) {
      flavours = wanted;
    } else {
      std::erase_if(flavours, [&](driver::Flavour each) {
        return std::find(wanted.begin(), wanted.end(), each) == wanted.end();
      });
      if (flavours.empty()) return std::nullopt;
    }
  }
  const auto kernel = version_in(kernels);
  const auto driver = version_in(drivers);
  if (!kernel || !driver) return std::nullopt;
  overlap.kernel = *kernel;
  overlap.driver = *driver;
  if (!flavours.empty()) overlap.flavour = flavours.front();
  return overlap;
}

// Applies the recipes in this order to a copy of the tree: the edits; nothing if not all of them apply.
std::optional<transform::SourceTree::Edits> edits(const std::vector<const Recipe*>& recipes, const Overlap& overlap,
                                                  transform::SourceTree tree) {
  for (const auto* recipe : recipes) {
    driver::Driver driver;
    driver.version = overlap.driver;
    driver.flavour = overlap.flavour;
    kernel::Kernel kernel;
    kernel.version = overlap.kernel;
    kernel::Facts facts(std::move(kernel), overlap.facts);
    std::set<std::string> accepted;
    if (recipe->notice) accepted.insert(recipe->notice->name);
    const auto line = plan_recipe(*recipe, driver, facts, tree, accepted);
    if (!line || line->decision != Decision::applies) return std::nullopt;
  }
  return tree.edits();
}

bool share_a_file(const transform::SourceTree::Edits& a, const transform::SourceTree::Edits& b) {
  return std::any_of(a.begin(), a.end(), [&](const auto& edit) { return b.contains(edit.first); });
}

// For each recipe which of them go before it, directly or through others.
std::vector<std::vector<bool>> all_earlier(const std::vector<const Recipe*>& recipes) {
  std::map<std::string_view, std::size_t> by_id;
  for (std::size_t i = 0; i < recipes.size(); ++i) by_id.emplace(recipes[i]->id, i);
  std::vector<std::vector<bool>> all(recipes.size(), std::vector<bool>(recipes.size()));
  for (std::size_t i = 0; i < recipes.size(); ++i) {
    std::vector<std::size_t> rest = {i};
    while (!rest.empty()) {
      const auto late = rest.back();
      rest.pop_back();
      for (const auto& id : recipes[late]->after) {
        const auto found = by_id.find(id);
        if (found == by_id.end() || all[i][found->second]) continue;
        all[i][found->second] = true;
        rest.push_back(found->second);
      }
    }
  }
  return all;
}

}  // namespace

std::vector<LintFinding> lint_order(const std::vector<const Recipe*>& recipes, const std::vector<LintTree>& trees) {
  const auto earlier = all_earlier(recipes);

  std::vector<LintFinding> findings;
  std::set<std::pair<const Recipe*, const Recipe*>> reported;
  for (const auto& [name, tree] : trees) {
    // Only recipes that change the tree alone can conflict in it; in most trees these are few.
    std::vector<std::pair<std::size_t, transform::SourceTree::Edits>> active;
    for (std::size_t i = 0; i < recipes.size(); ++i)
      if (const auto overlap = overlap_of(*recipes[i], *recipes[i]))
        if (auto alone = edits({recipes[i]}, *overlap, tree)) active.emplace_back(i, *std::move(alone));
    for (std::size_t i = 0; i < active.size(); ++i)
      for (std::size_t j = i + 1; j < active.size(); ++j) {
        const auto first = active[i].first;
        const auto second = active[j].first;
        if (earlier[second][first] || earlier[first][second]) continue;
        const auto* a = recipes[first];
        const auto* b = recipes[second];
        if (!share_a_file(active[i].second, active[j].second) || reported.contains({a, b})) continue;
        const auto overlap = overlap_of(*a, *b);
        if (!overlap) continue;
        const auto one = edits({a, b}, *overlap, tree);
        const auto other = edits({b, a}, *overlap, tree);
        if (one == other) continue;
        reported.emplace(a, b);
        findings.push_back(
            {false, b->id,
             "it and " + a->id + " edit the same place, and the result depends on which goes first (" + name + ")",
             "write after: [" + a->id + "] here, or after: [" + b->id + "] there", b->where});
      }
  }
  return findings;
}

}  // namespace vgpukit::recipe
