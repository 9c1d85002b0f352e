#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "recipe/lint.hpp"
#include "recipe/plan.hpp"

namespace vgpukit::recipe {

namespace {

// What a pair of recipes wants of a kernel and a driver, as facts to plan with; nothing where they can never meet.
struct Overlap {
  std::map<std::string, bool> facts;
  Version kernel, driver;
  driver::Flavour flavour = driver::Flavour::general;
};

bool want(const std::vector<KernelCondition>& conditions, std::map<std::string, bool>& facts) {
  for (const auto& condition : conditions) {
    const auto [found, fresh] = facts.emplace(condition.question.key(), condition.wanted);
    if (!fresh && found->second != condition.wanted) return false;
  }
  return true;
}

std::optional<Overlap> overlap_of(const Recipe& a, const Recipe& b) {
  Overlap meet;
  if (!want(a.kernel, meet.facts) || !want(b.kernel, meet.facts)) return std::nullopt;
  // Of the choices, those that do not contradict what is wanted for certain; planning says whether one of them is
  // enough.
  for (const auto* recipe : {&a, &b})
    for (const auto& choice : recipe->kernel_any) meet.facts.emplace(choice.question.key(), choice.wanted);
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
  meet.kernel = *kernel;
  meet.driver = *driver;
  if (!flavours.empty()) meet.flavour = flavours.front();
  return meet;
}

// The recipes in this order on a copy of the tree: the edits, or nothing where not all of them apply.
std::optional<transform::SourceTree::Edits> edits(const std::vector<const Recipe*>& recipes, const Overlap& meet,
                                                  transform::SourceTree tree) {
  for (const auto* recipe : recipes) {
    driver::Driver driver;
    driver.version = meet.driver;
    driver.flavour = meet.flavour;
    kernel::Kernel kernel;
    kernel.version = meet.kernel;
    kernel::Facts facts(std::move(kernel), meet.facts);
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
  // Whether `late` goes after `early`, directly or by way of others.
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
    // Alone first: most recipes have nothing to do in most trees.
    std::vector<std::pair<const Recipe*, transform::SourceTree::Edits>> active;
    for (const auto* recipe : recipes)
      if (const auto meet = overlap_of(*recipe, *recipe))
        if (auto alone = edits({recipe}, *meet, tree)) active.emplace_back(recipe, *std::move(alone));
    for (std::size_t i = 0; i < active.size(); ++i)
      for (std::size_t j = i + 1; j < active.size(); ++j) {
        const auto* a = active[i].first;
        const auto* b = active[j].first;
        if (!share_a_file(active[i].second, active[j].second) || reported.contains({a, b})) continue;
        const auto meet = overlap_of(*a, *b);
        if (!meet) continue;
        asked.clear();
        if (ordered(b, a)) continue;
        asked.clear();
        if (ordered(a, b)) continue;
        const auto one = edits({a, b}, *meet, tree);
        const auto other = edits({b, a}, *meet, tree);
        if (one == other) continue;
        reported.emplace(a, b);
        findings.push_back(
            {false, b->id,
             "it and " + a->id + " edit the same place, and what comes out depends on which goes first (" + name + ")",
             "write after: [" + a->id + "] here, or after: [" + b->id + "] there", b->where});
      }
  }
  return findings;
}

}  // namespace vgpukit::recipe
