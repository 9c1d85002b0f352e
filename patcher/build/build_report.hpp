// What a build did, in the shape of the JSON that docs/cli.md promises. It is printed, kept beside the modules, and
// read again when nothing has changed since.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace vgpukit::build {

struct BuildReport {
  struct DriverPart {
    std::string version, flavour, path;
  };
  struct KernelPart {
    std::string release, compiler, root;
  };
  struct RecipePart {
    std::string id, state, summary, reason;
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
    // What the headers here tell of the name that it is about; only the first error about a name has the last four.
    std::string subject = {}, kind = {};  // "field vm_flags of struct vm_area_struct", "field"
    std::vector<PlacePart> declared_before = {}, declared_now = {};  // at most one each
    std::vector<NearPart> nearest = {};                              // at most three, the nearest first
    std::string follows = {};   // the subject of the error that this one follows from
    std::string conftest = {};  // what the driver's own conftest.sh says of it
  };
  struct ConftestPart {
    unsigned tests = 0;
    unsigned cached = 0, compiled = 0;  // answers that were known before; snippets that a compiler was asked about
    double seconds = 0;
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
  std::string result = "failed";          // built | failed | missing | consent
  std::vector<ErrorPart> errors;
  std::vector<ErrorPart> warnings;
  std::vector<NoticePart> notices;  // that were accepted, or (result "consent") that wait for it
  std::string output;               // the folder with the modules; empty when there is none
  std::string log;                  // every line that make printed; empty when make did not run
  bool unchanged = false;           // an earlier build's result: nothing had changed
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::DriverPart, version, flavour, path)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::KernelPart, release, compiler, root)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::RecipePart, id, state, summary, reason, files)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::ModulePart, name, path, vermagic, license, hash, bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::PlacePart, kernel, place, text)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::NearPart, name, place, text, why)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::ErrorPart, tool, file, line, message, hint, more, subject, kind,
                                   declared_before, declared_now, nearest, follows, conftest)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::ConftestPart, tests, cached, compiled, seconds)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport::NoticePart, name, recipe, text)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(BuildReport, driver, kernel, recipes, modules, conftest, seconds, result, errors,
                                   warnings, notices, output, log, unchanged)

}  // namespace vgpukit::build
