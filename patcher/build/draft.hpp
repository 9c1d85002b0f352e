// Draft recipes from a build's errors: what can be read from headers is filled in, the rest says TODO. A draft that is not finished
// loads, and applies to no driver.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "build/diagnostics.hpp"
#include "build/territory.hpp"
#include "support/result.hpp"
#include "transform/recognise.hpp"

namespace vgpukit {

// A log of ours (STATE/logs/*.log), or what make or dkms printed.
struct BuildLog {
  std::vector<Diagnostic> errors;  // each once, paths relative to the driver's tree
  std::string release;             // of the kernel that was built for: one of those asked for, or empty where the log names none
};
// Error: usage when the file cannot be read, or is no log of a build; a log without errors is no error.
Result<BuildLog> read_build_log(const std::filesystem::path& file, const std::vector<std::string>& releases);

// The subjects of errors, each once, in their order, and which errors are about each.
struct Causes {
  std::vector<Subject> subjects;
  std::vector<std::vector<std::size_t>> errors;  // of subjects[i]: indices of errors
  std::vector<std::size_t> others;               // errors that name nothing
};
Causes causes_of(const std::vector<Diagnostic>& errors);

struct Draft {
  std::string id;       // "7.2-in-irq-renamed"; the file is called id.yaml
  std::string text;     // YAML
  std::string subject;  // "function in_irq()"
  std::string
      change;  // what it does as it stands: "rename-call in_irq -> in_hardirq"; empty: it does nothing before somebody finishes it
};
// Where the findings come from, and what is known beside the headers.
struct DraftOrigin {
  std::string option = "--from-log";
  std::string upstream;  // the line of the recipe; empty: TODO
  struct Shown {
    std::vector<RecognisedStep> steps;  // how the kernel's own callers were changed
    std::vector<std::string> lines;     // of the commit, "-..." and "+...", where that was not always the same way
  };
  std::map<std::string, Shown> shown;  // by the name that is gone or has changed
};

// One for each finding that does not follow from another. `errors` and `causes` are what the findings were made from; `kernel` is
// the release.
std::vector<Draft> draft_recipes(const std::vector<NameFinding>& findings, const std::vector<Diagnostic>& errors,
                                 const Causes& causes, const std::string& kernel, const DraftOrigin& origin = {});

}  // namespace vgpukit
