// The report of a build, in the form of the JSON that docs/schemas describes. It is printed, stored with the modules,
// and read again by the next build if nothing has changed.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "recipe/plan.hpp"

namespace vgpukit::recipe {
NLOHMANN_JSON_SERIALIZE_ENUM(Decision, {{Decision::applies, decision_name(Decision::applies)},
                                        {Decision::not_needed, decision_name(Decision::not_needed)},
                                        {Decision::already_fixed, decision_name(Decision::already_fixed)},
                                        {Decision::needs_consent, decision_name(Decision::needs_consent)},
                                        {Decision::cannot, decision_name(Decision::cannot)}})
}  // namespace vgpukit::recipe

namespace vgpukit::build {

struct BuildReport {
  enum class Result { failed, built, consent };  // consent: a notice was not accepted, nothing was built
  struct DriverPart {
    std::string version, flavour, path;
  };
  struct KernelPart {
    std::string release, compiler, root;
  };
  struct RecipePart {
    std::string id;
    recipe::Decision state = recipe::Decision::not_needed;
    std::string summary, reason;
    std::vector<std::string> files;
  };
  struct ModulePart {
    std::string name, path, vermagic, license, hash;
    std::uintmax_t bytes = 0;
  };
  struct PlacePart {
    std::string kernel, place, text;  // the release, "linux/mm.h:2417", the declaration
  };
  struct NearPart {
    std::string name, place, text, why;
  };
  struct ErrorPart {
    std::string tool, file;
    int line = 0;
    std::string message, hint;
    std::vector<std::string> more;
    // What the kernels' headers say about the name in the error. Only the first error about a name has more than
    // `subject` and `kind`.
    std::string subject = {}, kind = {};  // "field vm_flags of struct vm_area_struct", "field"
    std::vector<PlacePart> declared_before = {}, declared_now = {};  // at most one each
    std::vector<NearPart> nearest = {};                              // at most three, the nearest first
    std::string follows = {};                                        // the subject of the error that caused this one
    std::string conftest = {};  // the comment about the name in the driver's conftest.sh
  };
  struct ConftestPart {
    unsigned tests = 0;
    unsigned cached = 0, compiled = 0;  // cached answers; snippets that were compiled
    double seconds = 0;
  };
  // A sanity check of the driver's conftest.sh that refuses this kernel.
  struct CheckPart {
    std::string check, says, means, next, notice, variable;  // as in conftest::DriverCheck
    bool accepted = false;
  };
  struct NoticePart {
    std::string name, recipe, text;
  };

  DriverPart driver;
  KernelPart kernel;
  std::vector<RecipePart> recipes;
  std::vector<ModulePart> modules;
  ConftestPart conftest;
  std::map<std::string, double> seconds;  // extract, plan, patch, conftest, compile, verify, total
  Result result = Result::failed;
  std::vector<ErrorPart> errors;
  std::vector<ErrorPart> warnings;
  // What the sandbox refused or lacked, as sentences: for commands that do not print the whole report.
  [[nodiscard]] std::vector<std::string> sandbox_warnings() const {
    std::vector<std::string> sentences;
    for (const auto& warning : warnings)
      if (warning.tool == "sandbox") sentences.push_back(warning.message + "; " + warning.hint);
    return sentences;
  }
  std::vector<CheckPart> checks;
  std::vector<NoticePart> notices;  // the accepted ones; if the result is `consent`, the ones that need it
  std::string output;               // the folder with the modules; empty if there is none
  std::string log;                  // every line that make printed; empty if make did not run
  bool unchanged = false;           // the result of an earlier build: nothing has changed
};

NLOHMANN_JSON_SERIALIZE_ENUM(BuildReport::Result, {{BuildReport::Result::failed, "failed"},
                                                   {BuildReport::Result::built, "built"},
                                                   {BuildReport::Result::consent, "consent"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::DriverPart, version, flavour, path)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::KernelPart, release, compiler, root)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::RecipePart, id, state, summary, reason, files)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::ModulePart, name, path, vermagic, license, hash, bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::PlacePart, kernel, place, text)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::NearPart, name, place, text, why)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::ErrorPart, tool, file, line, message, hint, more, subject, kind,
                                   declared_before, declared_now, nearest, follows, conftest)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::ConftestPart, tests, cached, compiled, seconds)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::CheckPart, check, says, means, next, notice, variable, accepted)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::NoticePart, name, recipe, text)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport, driver, kernel, recipes, checks, modules, conftest, seconds, result,
                                   errors, warnings, notices, output, log, unchanged)

}  // namespace vgpukit::build
