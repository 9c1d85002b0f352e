#include <algorithm>
#include <array>

#include "recipe/cases.hpp"
#include "support/yaml_reader.hpp"

namespace vgpukit::recipe {

namespace {

constexpr std::array<std::pair<std::string_view, Decision>, 4> refusals = {{{"not-needed", Decision::not_needed},
                                                                            {"already-fixed", Decision::already_fixed},
                                                                            {"needs-consent", Decision::needs_consent},
                                                                            {"cannot", Decision::cannot}}};

// How a test names a fact: as --assume does, and a snippet by what it is about.
std::string fact_name(const KernelCondition& condition) {
  return condition.question.kind == kernel::Question::Kind::compiles ? "compiles " + condition.about
                                                                     : condition.question.key();
}

class CaseParser {
 public:
  CaseParser(const std::string& file, const Recipe& recipe) : yaml_(file), recipe_(recipe) {
    for (const auto* group : {&recipe.kernel, &recipe.kernel_any})
      for (const auto& condition : *group) keys_.emplace(fact_name(condition), condition.question.key());
  }

  Result<std::vector<RecipeCase>> parse(const std::string& text) {
    TRY_ASSIGN(const auto root, yaml_.parse(text));
    TRY(yaml_.check_keys(root, "a recipe's test", {"kernel", "driver", "cases"}, {"cases"}));
    RecipeCase common;
    if (root["kernel"]) TRY(kernel(root["kernel"], common));
    if (root["driver"]) TRY(driver(root["driver"], common));
    if (!root["cases"].is_sequence() || root["cases"].size() == 0)
      return yaml_.expected(root["cases"], "a list of cases");
    std::vector<RecipeCase> all;
    for (const auto& node : root["cases"].items()) {
      TRY_ASSIGN(auto one, a_case(node, common));
      const auto same =
          std::find_if(all.begin(), all.end(), [&](const RecipeCase& other) { return other.name == one.name; });
      if (same != all.end()) return yaml_.wrong(node, "a second case with the name '" + one.name + "'");
      all.push_back(std::move(one));
    }
    return all;
  }

 private:
  Result<RecipeCase> a_case(const YamlNode& node, const RecipeCase& common) const {
    TRY(yaml_.check_keys(
        node, "a case",
        {"name", "kernel", "driver", "before", "after", "not-needed", "already-fixed", "needs-consent", "cannot"},
        {"name", "before"}));
    RecipeCase one = common;
    one.where = yaml_.at(node);
    TRY_ASSIGN(one.name, yaml_.text(node["name"], "name"));
    if (node["kernel"]) TRY(kernel(node["kernel"], one));
    if (node["driver"]) TRY(driver(node["driver"], one));
    for (const auto& [name, key] : keys_)
      if (!one.facts.contains(key))
        return yaml_.wrong(node, "the recipe asks '" + name + "', and no answer is given",
                           "write it into the test's 'kernel:' or the case's: " + name + ": yes (or no)");
    if (recipe_.kernel_versions && one.kernel.text.empty())
      return yaml_.wrong(node, "the recipe asks for the kernel's version, and none is given",
                         "kernel: {version: \"6.12.1\"}");
    if (recipe_.driver.versions && one.driver.text.empty())
      return yaml_.wrong(node, "the recipe asks for the driver's version, and none is given",
                         "driver: {version: 535.161.05}");
    TRY(files(node["before"], "before", one.before));
    int outcomes = 0;
    if (node["after"]) {
      ++outcomes;
      one.result = Decision::applies;
      TRY(files(node["after"], "after", one.after));
    }
    for (const auto& [key, decision] : refusals) {
      const auto reason = node[std::string(key)];
      if (!reason) continue;
      ++outcomes;
      one.result = decision;
      TRY_ASSIGN(one.reason, yaml_.text(reason, key));
    }
    if (outcomes != 1)
      return yaml_.wrong(
          node,
          std::string(outcomes == 0 ? "the case does not say" : "the case says more than once") + " what comes out",
          "give it 'after' (the files), or one of not-needed, already-fixed, needs-consent, cannot (a part of the "
          "reason)");
    return one;
  }

  Status kernel(const YamlNode& node, RecipeCase& into) const {
    if (!node.is_map()) return yaml_.expected(node, "a map of facts for kernel");
    std::vector<std::string_view> known = {"version"};
    for (const auto& [name, key] : keys_) known.push_back(name);
    TRY(yaml_.check_keys(node, "the facts that this recipe asks", known, {}));
    for (const auto& pair : node.entries()) {
      const std::string name = pair.first.scalar();
      TRY_ASSIGN(const auto word, yaml_.text(pair.second, name));
      if (name == "version") {
        TRY_ASSIGN(into.kernel, version(pair.second, word));
        continue;
      }
      if (word != "yes" && word != "no") return yaml_.expected(pair.second, "yes or no");
      into.facts[keys_.at(name)] = word == "yes";
    }
    return {};
  }

  Status driver(const YamlNode& node, RecipeCase& into) const {
    TRY(yaml_.check_keys(node, "driver", {"version", "flavour"}, {}));
    if (node["version"]) {
      TRY_ASSIGN(const auto word, yaml_.text(node["version"], "version"));
      TRY_ASSIGN(into.driver, version(node["version"], word));
    }
    if (node["flavour"]) {
      TRY_ASSIGN(const auto word, yaml_.text(node["flavour"], "flavour"));
      const auto flavour = driver::flavour_from(word);
      if (!flavour)
        return yaml_.wrong(node["flavour"], "'" + word + "' is no flavour", "known: vgpu-kvm, grid, general, open");
      into.flavour = *flavour;
    }
    return {};
  }

  Result<Version> version(const YamlNode& node, const std::string& word) const {
    auto parsed = Version::parse(word);
    if (!parsed) return yaml_.expected(node, "a version, digits and dots,");
    return *std::move(parsed);
  }

  Status files(const YamlNode& node, std::string_view what, std::map<std::string, std::string>& into) const {
    if (!node.is_map() || node.size() == 0)
      return yaml_.expected(node, "a map of paths and texts for " + std::string(what));
    for (const auto& pair : node.entries()) {
      if (!pair.first.is_scalar() || pair.first.scalar().empty()) return yaml_.expected(pair.first, "a path");
      if (!pair.second.is_scalar()) return yaml_.expected(pair.second, "the text of " + pair.first.scalar());
      if (!into.emplace(pair.first.scalar(), pair.second.scalar()).second)
        return yaml_.wrong(pair.first, "the file " + pair.first.scalar() + " stands twice in " + std::string(what));
    }
    return {};
  }

  YamlReader yaml_;
  const Recipe& recipe_;
  std::map<std::string, std::string> keys_;  // fact_name() -> Question::key()
};

}  // namespace

fs::path cases_file(const Recipe& recipe) {
  return fs::path(recipe.where.file).parent_path() / "tests" / (recipe.id + ".yaml");
}

Result<std::vector<RecipeCase>> parse_cases(const std::string& yaml, const std::string& file, const Recipe& recipe) {
  return CaseParser(file, recipe).parse(yaml);
}

}  // namespace vgpukit::recipe
