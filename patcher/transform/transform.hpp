// transform/: source transforms, one file for each kind, the tree of sources that they edit, and the readers that they
// share (C lexer, Makefiles, unified diffs). It may use driver/ and support/.
//
// This header: a transform. It finds a C or make construct in any driver and edits it. It fails if it finds nothing to
// edit or an unexpected number of places. On its own output it reports "already done" and changes nothing.
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

// A parameter of a transform. The recipe parser checks YAML against it.
struct ParameterSpec {
  enum class Type {
    text,    // one string
    code,    // one string, usually several lines
    glob,    // a glob of files in the tree, or a list of globs
    token,   // an identifier or tokens; not empty
    places,  // "1", "2", "1..3", "1..", "any": the expected number of places
    list,    // a list of strings
    choice,  // one of `choices`
  };
  std::string_view name;
  Type type;
  bool required;
  std::string_view help;  // for `recipe show` and the documentation: one line
  std::vector<std::string_view> choices = {};
};

using ParameterValue = std::variant<std::string, std::vector<std::string>>;
using Parameters = std::map<std::string, ParameterValue, std::less<>>;

struct Applied {
  struct File {
    std::string path;
    std::size_t places;
  };
  std::vector<File> files;  // changed, in order
  bool already = false;     // nothing changed because the edit was made before
  [[nodiscard]] std::size_t places() const;
};

class Transform {
 public:
  virtual ~Transform() = default;
  [[nodiscard]] virtual std::string_view kind() const = 0;  // "rename-call"
  // Edits the tree in memory. On error the tree may have partial edits: the caller restores its snapshot.
  // Error: failed if nothing is found (the message has the files and the construct), if there are more or fewer places
  // than expected (the message has each FILE:LINE), or if a construct has a form that cannot be edited.
  virtual Result<Applied> apply(SourceTree& tree) const = 0;
  // One line for plans: "rename-call follow_pfn -> nv_follow_pfn in nvidia/*.c".
  [[nodiscard]] virtual std::string describe() const = 0;
};

struct TransformKind {
  std::string_view name;
  std::string_view summary;
  std::vector<ParameterSpec> parameters;
  // The parameters match the specs. Error: usage for rules beyond the specs (a diff that does not parse).
  Result<std::unique_ptr<Transform>> (*make)(const Parameters& parameters);
};

// All kinds: rename-call, rename-token, replace-function-body, remove-initializer, export-gpl, add-include,
// kbuild-variable, replace, patch.
const std::vector<TransformKind>& transform_kinds();
const TransformKind* find_transform(std::string_view name);

// The value of a parameter. text_of() requires it; list_of() gives a list of one for a string.
const std::string& text_of(const Parameters& parameters, std::string_view name);
std::string text_or(const Parameters& parameters, std::string_view name, std::string fallback);
std::vector<std::string> list_of(const Parameters& parameters, std::string_view name);

// The expected number of places: "1", "1..3", "1..", "any".
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
// The error for an unexpected number of places. `what`: "calls of follow_pfn".
Error unexpected_places(std::string_view kind, std::string_view what, const Places& wanted,
                        const std::vector<Place>& found, const std::vector<std::string>& searched);

}  // namespace vgpukit::transform
