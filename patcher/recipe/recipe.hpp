// A recipe: what changed in the kernel, how to see that this kernel has the change and this driver the construct, and
// what to do.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "kernel/facts.hpp"
#include "support/result.hpp"
#include "support/version.hpp"
#include "transform/transform.hpp"

namespace vgpukit::recipe {

// One line of `when`: a question to the kernel or to the driver's files with the answer that is wanted.
struct KernelCondition {
  kernel::Question question;
  bool wanted = true;  // has: true, lacks: false
  SourcePos where;
  std::string about;  // for `compiles`: what the snippet uses, in words ("eventfd_signal() with two arguments")
};

struct FileCondition {
  enum class What { token, text, file };  // tokens in code; literal text anywhere; the file itself
  What what = What::token;
  std::string pattern;             // the tokens, or the text; unused for `file`
  std::vector<std::string> globs;  // which files; for `file`, at least one match counts as present
  bool wanted = true;              // contains/present: true, lacks/absent: false
  SourcePos where;
};

struct DriverCondition {
  std::optional<VersionRange> versions;
  std::vector<driver::Flavour> flavours;  // empty: all
  std::vector<FileCondition> files;
};

struct Upstream {
  std::string release, subject, commit;
};

struct Notice {
  std::string name;  // what --accept takes
  std::string text;  // what it changes and costs
};

struct Step {
  std::unique_ptr<transform::Transform> transform;
  SourcePos where;
};

struct Recipe {
  std::string id;
  std::string summary;
  std::vector<Upstream> upstream;
  std::optional<VersionRange> kernel_versions;
  std::vector<KernelCondition> kernel;      // all must hold
  std::vector<KernelCondition> kernel_any;  // where there are any, at least one must hold
  DriverCondition driver;                   // all must hold
  std::vector<FileCondition> fixed;         // already-fixed: all hold -> this driver carries its own fix
  std::vector<std::string> after;           // ids of recipes that go first where both apply
  std::vector<Step> steps;
  std::vector<FileCondition> ensures;  // must hold afterwards
  std::optional<Notice> notice;
  std::vector<std::string> explains;  // parts of compiler messages that this recipe would have prevented
  std::string
      run_time;  // what goes wrong at run time without it, where the build is green; for `matrix run --prove-recipes`
  std::string unused_because;  // why no build of the matrix needs it, for `recipe list --unused`
  SourcePos where;
  std::string text;   // the YAML as it stands, for keys and `recipe show`
  std::string diffs;  // what it names in patches/: as much a part of the recipe as its text
};

// Parses one file. `patches` is the folder for the `patch` transform's `file:` parameter.
// Error: usage with file, line, column and what was expected.
Result<Recipe> parse_recipe(const std::string& yaml, const std::string& file, const std::filesystem::path& patches);

// The recipe files of a folder, sorted: its *.yaml and *.yml, none of those in folders below (tests/, patches/).
// Error: usage when the folder cannot be read.
Result<std::vector<std::filesystem::path>> recipe_files(const std::filesystem::path& folder);

class Catalogue {
 public:
  // Loads *.yaml of each folder, the earlier folders first; a recipe in a later folder replaces one with the same id.
  // The result is ordered: `after` first, then by id in version order (5.19 before 6.1 before 6.12).
  // Errors: usage - a file that does not parse, two with one id in one folder, an `after` that names no recipe, a cycle
  // (spelled out).
  static Result<Catalogue> load(const std::vector<std::filesystem::path>& folders,
                                const std::filesystem::path& patches);
  static Result<Catalogue> of(std::vector<Recipe> recipes);

  // Leaves these recipes out; the others keep their order. Error: usage for an id that no recipe has, with the nearest
  // one.
  Status leave_out(const std::vector<std::string>& ids);

  [[nodiscard]] const std::vector<Recipe>& recipes() const { return recipes_; }
  [[nodiscard]] const Recipe* find(std::string_view id) const;

 private:
  std::vector<Recipe> recipes_;
};

}  // namespace vgpukit::recipe
