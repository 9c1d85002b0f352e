// recipe/: recipes, their catalogue, checks and tests, and the plan with a reason for each recipe. It uses kernel/ and
// transform/.
//
// A recipe says what changed in the kernel, which facts show that a kernel has the change, which construct of the
// driver is affected, and which transforms adapt it.
#pragma once

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

// A condition of `when.kernel`: a question about the kernel and the wanted answer.
struct KernelCondition {
  kernel::Question question;
  bool wanted = true;   // has: true, lacks: false
  bool absent = false;  // absent: the thing that the question is `of` does not exist; `wanted` is false
  SourcePos where;
  std::string about;  // of `compiles`: what the snippet uses ("eventfd_signal() with two arguments")
};

// A condition on the driver's files.
struct FileCondition {
  enum class What { token, text, file };  // tokens in code; literal text anywhere; the file itself
  What what = What::token;
  std::vector<std::string> patterns;  // the spellings, of which one is enough: tokens, or texts; unused for `file`
  std::vector<std::string> globs;     // which files; for `file`, at least one match counts as present
  bool wanted = true;                 // contains/present: true, lacks/absent: false
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

// A recipe that `vgpukit adapt` proposed, and nobody has read yet. It needs consent: --accept adapted.
enum class Adapted {
  no,
  compiles,   // the driver compiles with it; nothing more is known
  exercised,  // and its modules were used in a guest with a fake card
  proven,     // and the headers of both kernels show that the old and the new form mean the same
};
constexpr std::string_view adapted_word(Adapted adapted) {
  return adapted == Adapted::compiles    ? "compiles"
         : adapted == Adapted::exercised ? "exercised"
         : adapted == Adapted::proven    ? "proven"
                                         : "";
}
inline constexpr std::string_view adapted_notice = "adapted";

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
  std::vector<KernelCondition> kernel_any;  // if not empty, at least one must hold
  DriverCondition driver;                   // all must hold
  std::vector<FileCondition> fixed;         // `already-fixed`: if all hold, the driver contains the fix already
  // The modules that it concerns. Empty: those in whose folders the driver has what `driver` asks for.
  std::vector<std::string> modules;
  std::vector<std::string> after;  // ids of recipes that are applied before this one
  std::vector<Step> steps;
  std::vector<FileCondition> ensures;  // must hold afterwards
  std::optional<Notice> notice;
  Adapted adapted = Adapted::no;      // otherwise `notice` is set, too
  std::vector<std::string> explains;  // parts of compiler messages that appear without this recipe
  std::string run_time;               // the fault at run time without it, if the build succeeds; for --prove-recipes
  std::string unused_because;         // why no build of the matrix needs it; for `recipe list --unused`
  SourcePos where;
  std::string text;   // the YAML, for cache keys and `recipe show`
  std::string diffs;  // the texts of its `patch` steps, for cache keys
};

}  // namespace vgpukit::recipe
