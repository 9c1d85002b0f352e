#include "recipe/parse_recipe.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "support/atomic_file.hpp"
#include "support/text.hpp"
#include "support/yaml_reader.hpp"
#include "transform/first_of.hpp"

namespace vgpukit::recipe {

namespace {

// Reads one recipe file. Each method reads one node and fills its part of the recipe.
class RecipeParser {
 public:
  RecipeParser(const std::string& file, const fs::path& patches) : yaml_(file), patches_(patches) {}

  Result<Recipe> parse(const std::string& text) {
    TRY_ASSIGN(const auto root, yaml_.parse(text));
    Recipe recipe;
    recipe.text = text;
    recipe.where = yaml_.at(root);
    TRY(yaml_.check_keys(root, "a recipe",
                         {"id", "summary", "upstream", "when", "already-fixed", "modules", "after", "transforms",
                          "ensures", "notice", "adapted", "explains", "run-time", "unused-because"},
                         {"id", "summary", "when", "transforms"}));
    TRY_ASSIGN(recipe.id, yaml_.text(root["id"], "id"));
    TRY(check_id(root["id"], recipe.id));
    TRY_ASSIGN(recipe.summary, yaml_.text(root["summary"], "summary"));
    if (root["upstream"]) TRY(upstream(root["upstream"], recipe));
    TRY(when(root["when"], recipe));
    if (root["already-fixed"]) TRY(fixed(root["already-fixed"], recipe));
    if (root["modules"]) {
      TRY_ASSIGN(recipe.modules, yaml_.texts(root["modules"], "modules"));
    }
    if (root["after"]) {
      TRY_ASSIGN(recipe.after, yaml_.texts(root["after"], "after"));
    }
    TRY(transforms(root["transforms"], recipe));
    if (root["ensures"]) TRY(ensures(root["ensures"], recipe));
    if (root["notice"]) TRY(notice(root["notice"], recipe));
    if (root["adapted"]) TRY(adapted(root["adapted"], recipe));
    if (root["explains"]) {
      TRY_ASSIGN(recipe.explains, yaml_.texts(root["explains"], "explains"));
    }
    if (root["run-time"]) {
      TRY_ASSIGN(recipe.run_time, yaml_.text(root["run-time"], "run-time"));
    }
    if (root["unused-because"]) {
      TRY_ASSIGN(recipe.unused_because, yaml_.text(root["unused-because"], "unused-because"));
    }
    return recipe;
  }

 private:
  Status check_id(const YamlNode& node, const std::string& id) const {
    const auto fine = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-'; };
    if (!std::all_of(id.begin(), id.end(), fine))
      return yaml_.wrong(node, "the id '" + id + "' has other characters than a-z, 0-9, '.' and '-'",
                         "name it KERNEL-what-changed, such as 6.12-no-llseek-removed");
    return {};
  }

  Status upstream(const YamlNode& node, Recipe& recipe) const {
    TRY_ASSIGN(const auto items, yaml_.items(node, "upstream"));
    for (const auto& item : items) {
      TRY(yaml_.check_keys(item, "upstream", {"release", "subject", "commit"}, {"release", "subject"}));
      Upstream one;
      TRY_ASSIGN(one.release, yaml_.text(item["release"], "release"));
      TRY_ASSIGN(one.subject, yaml_.text(item["subject"], "subject"));
      if (item["commit"]) {
        TRY_ASSIGN(one.commit, yaml_.text(item["commit"], "commit"));
      }
      recipe.upstream.push_back(std::move(one));
    }
    return {};
  }

  Result<VersionRange> range(const YamlNode& node, std::string_view what) const {
    TRY_ASSIGN(const auto text, yaml_.text(node, what));
    auto parsed = VersionRange::parse(text);
    if (!parsed) return yaml_.wrong(node, parsed.error().why, "a range looks like \">=6.12\" or \">=535,<550\"");
    return parsed;
  }

  Status when(const YamlNode& node, Recipe& recipe) const {
    TRY(yaml_.check_keys(node, "when", {"kernel", "driver"}, {}));
    if (!node["kernel"] && !node["driver"]) return yaml_.expected(node, "'kernel' or 'driver' in when");
    if (const auto kernel = node["kernel"]) TRY(when_kernel(kernel, recipe));
    if (const auto driver = node["driver"]) TRY(when_driver(driver, recipe));
    return {};
  }

  Status when_kernel(const YamlNode& node, Recipe& recipe) const {
    if (node.is_scalar()) {
      TRY_ASSIGN(recipe.kernel_versions, range(node, "a kernel version range"));
      return {};
    }
    TRY(yaml_.check_keys(node, "when.kernel", {"version", "has", "lacks", "absent", "any"}, {}));
    if (node["version"]) {
      TRY_ASSIGN(recipe.kernel_versions, range(node["version"], "a kernel version range"));
    }
    TRY(kernel_conditions(node, recipe.kernel));
    if (const auto any = node["any"]) {
      TRY_ASSIGN(const auto items, yaml_.items(any, "when.kernel.any"));
      for (const auto& item : items) {
        TRY(yaml_.check_keys(item, "when.kernel.any", {"has", "lacks", "absent"}, {}));
        TRY(kernel_conditions(item, recipe.kernel_any));
      }
    }
    return {};
  }

  Status kernel_conditions(const YamlNode& node, std::vector<KernelCondition>& into) const {
    for (const std::string key : {"has", "lacks", "absent"}) {
      if (!node[key]) continue;
      TRY_ASSIGN(const auto items, yaml_.items(node[key], key));
      for (const auto& item : items) {
        TRY_ASSIGN(auto asked, question(item));
        std::string about;
        if (asked.kind == kernel::Question::Kind::compiles) {
          if (!item["about"])
            return yaml_.wrong(item, "a snippet needs 'about': what it uses, in words",
                               "the plan shows it: \"this kernel takes ...\"");
          TRY_ASSIGN(about, yaml_.text(item["about"], "about"));
        }
        if (key == "absent" && asked.of.empty())
          return yaml_.wrong(item, "'absent' needs a snippet with 'of': the thing that does not exist",
                             "for other facts 'lacks' says the same");
        into.push_back({std::move(asked), key == "has", key == "absent", yaml_.at(item), std::move(about)});
      }
    }
    return {};
  }

  Result<kernel::Question> question(const YamlNode& node) const {
    static const std::vector<std::string_view> kinds = {
        "symbol", "symbol-is-gpl", "config", "declaration", "compiles", "compiler", "kbuild", "behaviour", "header"};
    TRY(yaml_.check_keys(node, "a kernel fact",
                         {"symbol", "symbol-is-gpl", "config", "declaration", "compiles", "compiler", "kbuild",
                          "behaviour", "header", "value", "about", "of"},
                         {}));
    kernel::Question asked;
    std::string kind;
    // `header` comes last: it is a question only if it does not belong to a declaration or a snippet.
    for (const auto candidate : kinds) {
      if (!node[std::string(candidate)]) continue;
      if (kind.empty())
        kind = candidate;
      else if (candidate != "header" || (kind != "declaration" && kind != "compiles"))
        return yaml_.wrong(node, "one fact asks for both '" + kind + "' and '" + std::string(candidate) + "'",
                           "make it two facts: a list with one map each");
    }
    if (kind.empty())
      return yaml_.expected(
          node, "one of symbol, symbol-is-gpl, config, header, declaration, compiles, compiler, kbuild, behaviour");
    asked.kind = *kernel::Question::kind_from(kind);
    TRY_ASSIGN(const auto word, yaml_.text(node[kind], kind));
    if (asked.kind == kernel::Question::Kind::compiles)
      asked.code = word;
    else
      asked.name = word;
    if (kind != "header" && node["header"]) {
      TRY_ASSIGN(asked.headers, yaml_.texts(node["header"], "header"));
    }
    if (asked.kind == kernel::Question::Kind::declaration && asked.headers.empty())
      return yaml_.wrong(node, "a declaration needs the 'header' to search");
    if (node["about"] && kind != "compiles") return yaml_.wrong(node["about"], "'about' goes with 'compiles' only");
    if (node["of"]) {
      if (kind != "compiles") return yaml_.wrong(node["of"], "'of' goes with 'compiles' only");
      TRY_ASSIGN(asked.of, yaml_.text(node["of"], "of"));
      if (asked.headers.empty()) return yaml_.wrong(node["of"], "'of' needs the 'header' that declares it");
    }
    if (node["value"]) {
      if (kind != "config") return yaml_.wrong(node["value"], "'value' goes with 'config' only");
      TRY_ASSIGN(asked.value, yaml_.text(node["value"], "value"));
    }
    return asked;
  }

  Status when_driver(const YamlNode& node, Recipe& recipe) const {
    auto& driver = recipe.driver;
    if (node.is_scalar()) {
      TRY_ASSIGN(driver.versions, range(node, "a driver version range"));
      return {};
    }
    TRY(yaml_.check_keys(node, "when.driver", {"version", "flavour", "contains", "lacks"}, {}));
    if (node["version"]) {
      TRY_ASSIGN(driver.versions, range(node["version"], "a driver version range"));
    }
    if (const auto flavours = node["flavour"]) {
      TRY_ASSIGN(const auto names, yaml_.texts(flavours, "flavour"));
      for (const auto& name : names) {
        const auto flavour = driver::flavour_from(name);
        if (!flavour)
          return yaml_.wrong(flavours, "'" + name + "' is not a flavour", "known: vgpu-kvm, grid, general, open");
        driver.flavours.push_back(*flavour);
      }
    }
    TRY(file_conditions(node, "contains", true, driver.files));
    return file_conditions(node, "lacks", false, driver.files);
  }

  Status file_conditions(const YamlNode& node, const char* key, bool wanted, std::vector<FileCondition>& into) const {
    if (!node[key]) return {};
    TRY_ASSIGN(const auto items, yaml_.items(node[key], key));
    for (const auto& item : items) {
      TRY_ASSIGN(auto condition, file_condition(item, key));
      condition.wanted = wanted;
      into.push_back(std::move(condition));
    }
    return {};
  }

  Result<FileCondition> file_condition(const YamlNode& node, std::string_view what) const {
    TRY(yaml_.check_keys(node, what, {"token", "text", "file", "files"}, {}));
    FileCondition condition;
    condition.where = yaml_.at(node);
    const int kinds = (node["token"] ? 1 : 0) + (node["text"] ? 1 : 0) + (node["file"] ? 1 : 0);
    if (kinds != 1)
      return yaml_.wrong(node, "exactly one of 'token', 'text' and 'file' is expected in " + std::string(what));
    if (node["file"]) {
      condition.what = FileCondition::What::file;
      TRY_ASSIGN(condition.globs, globs(node["file"], "file"));
      return condition;
    }
    const bool token = static_cast<bool>(node["token"]);
    condition.what = token ? FileCondition::What::token : FileCondition::What::text;
    TRY_ASSIGN(condition.patterns, yaml_.texts(node[token ? "token" : "text"], token ? "token" : "text"));
    if (!node["files"])
      return yaml_.wrong(node, "'files' is missing: the files to search", "such as files: \"**/*.{c,h}\"");
    TRY_ASSIGN(condition.globs, globs(node["files"], "files"));
    return condition;
  }

  Status fixed(const YamlNode& node, Recipe& recipe) const {
    TRY(yaml_.check_keys(node, "already-fixed", {"contains", "lacks"}, {}));
    TRY(file_conditions(node, "contains", true, recipe.fixed));
    return file_conditions(node, "lacks", false, recipe.fixed);
  }

  Status ensures(const YamlNode& node, Recipe& recipe) const {
    TRY_ASSIGN(const auto items, yaml_.items(node, "ensures"));
    for (const auto& item : items) {
      TRY(yaml_.check_keys(item, "ensures", {"absent", "present"}, {}));
      TRY(file_conditions(item, "absent", false, recipe.ensures));
      TRY(file_conditions(item, "present", true, recipe.ensures));
    }
    return {};
  }

  Status notice(const YamlNode& node, Recipe& recipe) const {
    TRY(yaml_.check_keys(node, "notice", {"name", "text"}, {"name", "text"}));
    Notice one;
    TRY_ASSIGN(one.name, yaml_.text(node["name"], "name"));
    TRY_ASSIGN(one.text, yaml_.text(node["text"], "text"));
    recipe.notice = std::move(one);
    return {};
  }

  Status adapted(const YamlNode& node, Recipe& recipe) const {
    TRY_ASSIGN(const auto word, yaml_.text(node, "adapted"));
    for (const auto known : {Adapted::compiles, Adapted::exercised, Adapted::proven})
      if (word == adapted_word(known)) recipe.adapted = known;
    if (recipe.adapted == Adapted::no)
      return yaml_.wrong(node, "'" + word + "' is no class of an adapted recipe",
                         "one of: compiles, exercised, proven");
    if (recipe.notice)
      return yaml_.wrong(node, "an adapted recipe has a notice of its own",
                         "remove 'adapted' when you have read the recipe, or remove 'notice'");
    const std::string known = recipe.adapted == Adapted::proven
                                  ? "The headers of both kernels show that the old and the new form mean the same."
                              : recipe.adapted == Adapted::exercised
                                  ? "The driver's modules were loaded and used with it in a guest with a fake card."
                                  : "The driver compiles with it; whether it works is not known. Hooks and dkms do not "
                                    "use it.";
    recipe.notice =
        Notice{std::string(adapted_notice), "vgpukit adapt proposed this recipe and nobody has read it. " + known};
    return {};
  }

  Status transforms(const YamlNode& node, Recipe& recipe) const {
    if (!node.is_sequence() || node.size() == 0) return yaml_.expected(node, "a list of transforms");
    for (const auto& item : node.items()) {
      TRY_ASSIGN(auto made, item.is_map() && item["first-of"] ? first_of(item, recipe) : one_transform(item, recipe));
      recipe.steps.push_back({std::move(made), yaml_.at(item)});
    }
    return {};
  }

  // `first-of`: a list of alternatives, each a transform or a list of transforms.
  Result<std::unique_ptr<transform::Transform>> first_of(const YamlNode& item, Recipe& recipe) const {
    TRY(yaml_.check_keys(item, "a transform", {"first-of"}, {"first-of"}));
    const auto list = item["first-of"];
    if (!list.is_sequence() || list.size() < 2)
      return yaml_.expected(list, "a list of two or more alternatives, each a transform or a list of transforms,");
    std::vector<transform::Alternative> alternatives;
    for (const auto& each : list.items()) {
      TRY_ASSIGN(const auto steps, yaml_.items(each, "an alternative of first-of"));
      if (steps.empty()) return yaml_.expected(each, "a transform");
      auto& alternative = alternatives.emplace_back();
      for (const auto& step : steps) {
        TRY_ASSIGN(auto made, one_transform(step, recipe));
        alternative.push_back(std::move(made));
      }
    }
    return transform::first_of(std::move(alternatives));
  }

  Result<std::unique_ptr<transform::Transform>> one_transform(const YamlNode& item, Recipe& recipe) const {
    if (!item.is_map() || item.size() != 1)
      return yaml_.expected(item, "a map with one key, the kind of the transform,");
    const auto pair = item.entries().front();
    const std::string& name = pair.first.scalar();
    const auto* kind = transform::find_transform(name);
    if (!kind) {
      std::vector<std::string_view> known;
      for (const auto& each : transform::transform_kinds()) known.push_back(each.name);
      const auto near = nearest(name, known);
      return yaml_.wrong(pair.first, "unknown transform '" + name + "'",
                         (near.empty() ? "" : "did you mean '" + near + "'? ") + "known: " + join(known, ", "));
    }
    TRY_ASSIGN(auto parameters, transform_parameters(pair.second, *kind));
    if (kind->name == "patch") recipe.diffs += std::get<std::string>(parameters.at("diff"));
    auto made = kind->make(parameters);
    if (!made) return yaml_.wrong(pair.second, std::string(kind->name) + ": " + made.error().why, made.error().next);
    return made;
  }

  Result<transform::Parameters> transform_parameters(const YamlNode& node, const transform::TransformKind& kind) const {
    std::vector<std::string_view> known;
    std::vector<std::string_view> required;
    const bool is_patch = kind.name == "patch";
    for (const auto& spec : kind.parameters) {
      known.push_back(spec.name);
      // A recipe names the diff's file; its text becomes the parameter `diff` below.
      if (spec.required && !(is_patch && spec.name == "diff")) required.push_back(spec.name);
    }
    TRY(yaml_.check_keys(node, kind.name, known, required));
    transform::Parameters parameters;
    for (const auto& spec : kind.parameters) {
      const auto value = node[std::string(spec.name)];
      if (!value) continue;
      TRY_ASSIGN(auto read, parameter(value, spec));
      parameters.emplace(spec.name, std::move(read));
    }
    if (is_patch && !parameters.contains("diff")) {
      if (!node["file"])
        return yaml_.wrong(node, "patch has neither 'file' nor 'diff'", "file: NAME.patch names a diff in patches/");
      const std::string name = node["file"].scalar();
      if (name.find('/') != std::string::npos)
        return yaml_.wrong(node["file"], "'" + name + "' is not the name of a file in patches/");
      auto text = read_file(patches_ / name);
      if (!text)
        return yaml_.wrong(node["file"],
                           "the diff " + (patches_ / name).string() + " cannot be read: " + text.error().why);
      parameters["diff"] = std::move(text).value();
    }
    return parameters;
  }

  // Each brace of a glob costs a copy of it and some of the stack.
  Result<std::vector<std::string>> globs(const YamlNode& node, const std::string& what) const {
    constexpr std::size_t longest = 1000;
    TRY_ASSIGN(auto globs, yaml_.texts(node, what));
    for (const auto& glob : globs)
      if (glob.size() > longest)
        return yaml_.wrong(node, "a glob of " + std::to_string(glob.size()) + " characters for " + what,
                           "at most " + std::to_string(longest) + "; files can be a list of globs");
    return globs;
  }

  Result<transform::ParameterValue> parameter(const YamlNode& node, const transform::ParameterSpec& spec) const {
    using Type = transform::ParameterSpec::Type;
    const std::string what = std::string(spec.name) + " (" + std::string(spec.help) + ")";
    switch (spec.type) {
      case Type::glob: {
        TRY_ASSIGN(auto value, globs(node, what));
        return transform::ParameterValue(std::move(value));
      }
      case Type::list: {
        TRY_ASSIGN(auto value, yaml_.texts(node, what));
        return transform::ParameterValue(std::move(value));
      }
      case Type::places: {
        TRY_ASSIGN(auto value, yaml_.text(node, what));
        if (auto parsed = transform::Places::parse(value); !parsed)
          return yaml_.wrong(node, parsed.error().why, parsed.error().next);
        return transform::ParameterValue(std::move(value));
      }
      case Type::choice: {
        TRY_ASSIGN(auto value, yaml_.text(node, what));
        if (std::find(spec.choices.begin(), spec.choices.end(), value) == spec.choices.end())
          return yaml_.wrong(node, "'" + value + "' is not a choice for " + std::string(spec.name),
                             "one of: " + join(spec.choices, ", "));
        return transform::ParameterValue(std::move(value));
      }
      case Type::code:
        // An empty body or replacement is allowed.
        if (!node.is_scalar()) return yaml_.expected(node, "a text for " + what);
        return transform::ParameterValue(node.scalar());
      case Type::text:
      case Type::token: {
        TRY_ASSIGN(auto value, yaml_.text(node, what));
        return transform::ParameterValue(std::move(value));
      }
    }
    return yaml_.expected(node, what);
  }

  YamlReader yaml_;
  fs::path patches_;
};

}  // namespace

Result<Recipe> parse_recipe(const std::string& yaml, const std::string& file, const fs::path& patches) {
  return RecipeParser(file, patches).parse(yaml);
}

}  // namespace vgpukit::recipe
