// Draft recipes from a build's errors: what can be read from headers is filled in, the rest says TODO. A draft that is
// not finished loads, and applies to no driver.
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
  std::string id;       // "7.2-in-irq-renamed"; the file is called id.yaml
  std::string text;     // YAML
  std::string subject;  // "function in_irq()"
  std::string change;   // what it does as it stands: "rename-call in_irq -> in_hardirq"; empty: it does nothing before
                        // somebody finishes it
};
// Where the findings come from, and what is known beside the headers.
struct DraftOrigin {
  std::string option = "--from-log";
  std::string upstream;  // the line of the recipe; empty: TODO
  struct Shown {
    std::vector<transform::RecognisedStep> steps;  // how the kernel's own callers were changed
    std::vector<std::string> lines;  // of the commit, "-..." and "+...", where that was not always the same way
  };
  std::map<std::string, Shown> shown;  // by the name that is gone or has changed
};

// One for each finding that does not follow from another. `errors` and `causes` are what the findings were made from;
// `kernel` is the release.
std::vector<Draft> draft_recipes(const std::vector<diagnostics::ApiChange>& findings,
                                 const std::vector<diagnostics::Diagnostic>& errors, const diagnostics::Causes& causes,
                                 const std::string& kernel, const DraftOrigin& origin = {});

}  // namespace vgpukit::authoring
