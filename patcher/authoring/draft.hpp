// authoring/: drafts of recipes from build logs, kernel commits and patches. It uses diagnostics/.
//
// A draft has what the kernel's headers tell, and TODO where they do not. An unfinished draft loads and applies to no
// driver.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "diagnostics/api_changes.hpp"
#include "diagnostics/diagnostics.hpp"
#include "diagnostics/error_subject.hpp"
#include "support/result.hpp"
#include "transform/recognise.hpp"

namespace vgpukit::authoring {

struct Draft {
  std::string id;       // "7.2-in-irq-renamed"; the file's name is id.yaml
  std::string text;     // YAML
  std::string subject;  // "function in_irq()"
  std::string change;   // "rename-call in_irq -> in_hardirq"; empty: the draft is unfinished
};
// The source of the API changes, and what is known in addition to the headers.
struct DraftOrigin {
  std::string option = "--from-log";
  std::string upstream;  // the line of the recipe; empty: TODO
  // For a recipe of `vgpukit adapt`: its value of `adapted`; empty for all others. It has no TODO, and its id begins
  // with "adapted-", so that it is applied after the recipes for a release.
  std::string adapted;
  struct Shown {
    std::vector<transform::RecognisedStep> steps;  // the change, such as that of all callers in the kernel
    std::vector<std::string> lines;  // changed lines, "-..." and "+...", if the callers changed differently
    std::string kernel;              // when.kernel as YAML, indented by four; empty: what the headers show
  };
  std::map<std::string, Shown> shown;  // by the removed or changed name
};

// One draft for each API change that does not follow from another one. `errors` and `causes` are the source of the
// changes; empty for a commit. `kernel`: the release.
std::vector<Draft> draft_recipes(const std::vector<diagnostics::ApiChange>& changes,
                                 const std::vector<diagnostics::Diagnostic>& errors, const diagnostics::Causes& causes,
                                 const std::string& kernel, const DraftOrigin& origin = {});

}  // namespace vgpukit::authoring
