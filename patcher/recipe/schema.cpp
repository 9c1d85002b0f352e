#include "recipe/schema.hpp"

#include <string>

#include "transform/transform.hpp"

namespace vgpukit::recipe {

namespace {

using json = nlohmann::ordered_json;

json text(const char* about) {
  // YAML reads 6.12 as a number; the loader takes its text.
  return {{"type", {"string", "number"}}, {"description", about}};
}

json texts(const json& one, const std::string& about) {
  return {{"anyOf", {one, {{"type", "array"}, {"items", one}}}}, {"description", about}};
}

json strings(const std::string& about) {
  return texts({{"type", "string"}}, about);
}

json map(json properties, const std::vector<std::string>& required = {}) {
  json made = {{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!required.empty()) made["required"] = required;
  return made;
}

// One map, or a list of maps.
json one_or_more(const char* definition) {
  const json item = {{"$ref", std::string("#/$defs/") + definition}};
  return {{"anyOf", {item, {{"type", "array"}, {"items", item}}}}};
}

json parameter(const transform::ParameterSpec& spec) {
  using Type = transform::ParameterSpec::Type;
  json made = {{"type", "string"}};
  switch (spec.type) {
    case Type::glob:
    case Type::list:
      return strings(std::string(spec.help));
    case Type::places:
    case Type::text:
      made = {{"type", {"string", "number"}}};
      break;
    case Type::choice:
      made["enum"] = spec.choices;
      break;
    case Type::code:
    case Type::token:
      break;
  }
  made["description"] = spec.help;
  return made;
}

json one_transform() {
  json kinds = json::array();
  for (const auto& kind : transform::transform_kinds()) {
    json parameters = json::object();
    std::vector<std::string> required;
    for (const auto& spec : kind.parameters) {
      parameters[std::string(spec.name)] = parameter(spec);
      // A patch has `file` or `diff`.
      if (spec.required && kind.name != "patch") required.emplace_back(spec.name);
    }
    json one = map({{std::string(kind.name), map(std::move(parameters), required)}}, {std::string(kind.name)});
    one["description"] = kind.summary;
    kinds.push_back(std::move(one));
  }
  return {{"oneOf", std::move(kinds)}};
}

json transforms() {
  const json one = {{"$ref", "#/$defs/transform"}};
  json first_of =
      map({{"first-of", {{"type", "array"}, {"minItems", 2}, {"items", texts(one, "an alternative")}}}}, {"first-of"});
  first_of["description"] = "alternatives; the first that changes the driver is used";
  return {{"type", "array"}, {"minItems", 1}, {"items", {{"anyOf", {one, first_of}}}}};
}

json kernel_fact() {
  json fact =
      map({{"symbol", text("is it exported?")},
           {"symbol-is-gpl", text("is it exported GPL-only?")},
           {"config", text("is it set (to `value`)?")},
           {"declaration", text("is it declared in `header`? A function, macro, variable, enumerator or type")},
           {"compiles", text("does the snippet compile as a part of a module?")},
           {"compiler", text("which compiler builds for this kernel: \"gcc>=15\"")},
           {"kbuild", text("do the kernel's own build files know this variable?")},
           {"behaviour", text("a behaviour that no header shows; only known names")},
           {"header",
            strings("does this header exist? With declaration: the headers to search; with compiles: to include")},
           {"value", text("the value of a config")},
           {"about", text("what a snippet uses, in words")},
           {"of", text("the thing whose form a snippet asks for, as in declaration; if there is none: absent")}});
  fact["minProperties"] = 1;
  return fact;
}

json file_condition() {
  json condition = map(
      {{"token", strings("an identifier, or a sequence of tokens as the compiler sees it; of a list, one is enough")},
       {"text", strings("literal text; of a list, one is enough")},
       {"file", strings("a file that exists")},
       {"files", strings("globs of the files to search")}});
  condition["oneOf"] = {
      {{"required", {"token", "files"}}}, {{"required", {"text", "files"}}}, {{"required", {"file"}}}};
  return condition;
}

json when() {
  const json conditions = {
      {"has", one_or_more("fact")}, {"lacks", one_or_more("fact")}, {"absent", one_or_more("fact")}};
  json kernel = conditions;
  kernel["version"] = text("a range, for what cannot be probed: \">=6.12\"");
  kernel["any"] = texts(map(conditions), "one of these is enough");
  const json driver = map({{"version", text("a range")},
                           {"flavour", texts({{"enum", {"vgpu-kvm", "grid", "general", "open"}}}, "the package's")},
                           {"contains", one_or_more("files")},
                           {"lacks", one_or_more("files")}});
  json made = map({{"kernel", map(kernel)}, {"driver", {{"anyOf", {text("a range of versions"), driver}}}}});
  made["minProperties"] = 1;
  return made;
}

}  // namespace

nlohmann::ordered_json recipe_schema() {
  json root = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
               {"title", "A recipe of vgpukit (docs/recipes.md)"}};
  root.update(map(
      {{"id", text("the file's name without .yaml: KERNEL-what-changed")},
       {"summary", text("one sentence: what changed, what the recipe does, and what it costs the user")},
       {"upstream",
        texts(
            map({{"release", text("of the kernel")}, {"subject", text("of the commit")}, {"commit", text("its hash")}},
                {"release", "subject"}),
            "the kernel's commits")},
       {"when", when()},
       {"already-fixed", map({{"contains", one_or_more("files")}, {"lacks", one_or_more("files")}})},
       {"modules", strings("the modules that it concerns; without it, those with what when.driver contains")},
       {"after", strings("recipes that go first")},
       {"transforms", transforms()},
       {"ensures", texts(map({{"absent", one_or_more("files")}, {"present", one_or_more("files")}}),
                         "what must hold afterwards; otherwise the recipe is undone")},
       {"notice", map({{"name", text("for --accept")}, {"text", text("what the user agrees to")}}, {"name", "text"})},
       {"adapted",
        {{"enum", {"compiles", "exercised", "proven"}},
         {"description", "what is known about a recipe of `vgpukit adapt`; building needs --accept adapted"}}},
       {"explains", strings("parts of compiler messages that a user sees without this recipe")},
       {"run-time", text("what fails at run time without it, although the build succeeds")},
       {"unused-because", text("why no build of the matrix needs it")}},
      {"id", "summary", "when", "transforms"}));
  root["$defs"] = {{"fact", kernel_fact()}, {"files", file_condition()}, {"transform", one_transform()}};
  return root;
}

}  // namespace vgpukit::recipe
