#include "recipe/lint_order.hpp"

#include <algorithm>
#include <functional>
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

}  // namespace

std::vector<LintFinding> lint_order(const std::vector<const Recipe*>& recipes, const std::vector<LintTree>& trees) {
  std::map<std::string_view, const Recipe*> by_id;
  for (const auto* recipe : recipes) by_id.emplace(recipe->id, recipe);
  // Whether `late` goes after `early`, directly or through others.
  std::set<std::pair<const Recipe*, const Recipe*>> asked;
  const std::function<bool(const Recipe*, const Recipe*)> ordered = [&](const Recipe* late, const Recipe* early) {
    if (!asked.emplace(late, early).second) return false;
    return std::any_of(late->after.begin(), late->after.end(), [&](const std::string& id) {
      const auto found = by_id.find(id);
      return id == early->id || (found != by_id.end() && ordered(found->second, early));
    });
  };

  std::vector<LintFinding> findings;
  std::set<std::pair<const Recipe*, const Recipe*>> reported;
  for (const auto& [name, tree] : trees) {
    // Only recipes that change the tree alone can conflict in it; in most trees these are few.
    std::vector<std::pair<const Recipe*, transform::SourceTree::Edits>> active;
    for (const auto* recipe : recipes)
      if (const auto overlap = overlap_of(*recipe, *recipe))
        if (auto alone = edits({recipe}, *overlap, tree)) active.emplace_back(recipe, *std::move(alone));
    for (std::size_t i = 0; i < active.size(); ++i)
      for (std::size_t j = i + 1; j < active.size(); ++j) {
        const auto* a = active[i].first;
        const auto* b = active[j].first;
        if (!share_a_file(active[i].second, active[j].second) || reported.contains({a, b})) continue;
        const auto overlap = overlap_of(*a, *b);
        if (!overlap) continue;
        asked.clear();
        if (ordered(b, a)) continue;
        asked.clear();
        if (ordered(a, b)) continue;
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
