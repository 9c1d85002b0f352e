// A source transform: one kind of edit that finds its construct in whatever driver it is given. Each refuses loudly
// when it finds nothing to do or finds too many places, and each is idempotent: on its own output it reports "already
// done".
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "support/result.hpp"
#include "transform/source_tree.hpp"

namespace vgpukit::transform {

// What a transform takes, so that the recipe loader can check YAML against it and say what was expected, where.
struct ParameterSpec {
  enum class Type {
    text,    // one string
    code,    // one string, usually several lines
    glob,    // a glob of files in the tree, or a list of globs
    token,   // an identifier or tokens; must not be empty
    places,  // "1", "2", "1..3", "1.." (the default), "any": how many places are expected
    flag,    // true or false
    list,    // a list of strings
    choice,  // one of `choices`
  };
  std::string_view name;
  Type type;
  bool required;
  std::string_view help;  // for `recipe show` and the documentation: one line
  std::vector<std::string_view> choices = {};
};

using ParameterValue = std::variant<std::string, bool, std::vector<std::string>>;
using Parameters = std::map<std::string, ParameterValue, std::less<>>;

struct Applied {
  struct File {
    std::string path;
    std::size_t places;
  };
  std::vector<File> files;  // changed, in order
  bool already = false;     // nothing changed because the result is there already
  [[nodiscard]] std::size_t places() const;
};

class Transform {
 public:
  virtual ~Transform() = default;
  [[nodiscard]] virtual std::string_view kind() const = 0;  // "rename-call"
  // Edits the tree in memory. On error the tree may hold partial edits: the caller restores its snapshot.
  // Errors, all `failed`: found nothing (says which files were looked at and what was looked for), found more or fewer
  // places than expected (names each as file:line), found something of another shape than it can edit.
  virtual Result<Applied> apply(SourceTree& tree) const = 0;
  // One line for plans: "rename-call follow_pfn -> nv_follow_pfn in nvidia/*.c".
  [[nodiscard]] virtual std::string describe() const = 0;
};

struct TransformKind {
  std::string_view name;
  std::string_view summary;
  std::vector<ParameterSpec> parameters;
  // Parameters were checked against the specs. Error: usage for what specs cannot say (a diff that does not parse).
  Result<std::unique_ptr<Transform>> (*make)(const Parameters& parameters);
};

// All kinds: rename-call, rename-token, replace-function-body, remove-initializer, export-gpl, add-include,
// conftest-test, kbuild-variable, replace, patch.
const std::vector<TransformKind>& transform_kinds();
const TransformKind* find_transform(std::string_view name);

// The helpers that the kinds share.
const std::string& text_of(const Parameters& parameters, std::string_view name);  // must be there
std::string text_or(const Parameters& parameters, std::string_view name, std::string fallback);
bool flag_or(const Parameters& parameters, std::string_view name, bool fallback);
std::vector<std::string> list_of(const Parameters& parameters,
                                 std::string_view name);  // a lone string counts as a list of one

// "1", "1..3", "1..", "any".
struct Places {
  std::size_t least = 1;
  std::optional<std::size_t> most;
  static Result<Places> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
};

struct Place {
  std::string file;
  int line;
};
// The error for a count that was not expected; `what` is "calls of follow_pfn".
Error unexpected_places(std::string_view kind, std::string_view what, const Places& wanted,
                        const std::vector<Place>& found, const std::vector<std::string>& searched);

}  // namespace vgpukit::transform
