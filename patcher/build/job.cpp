#include "build/job.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <set>

#include "build/earlier_build.hpp"
#include "build/explain_errors.hpp"
#include "build/make_command.hpp"
#include "build/missing_object.hpp"
#include "build/report_parts.hpp"
#include "build/verification.hpp"
#include "build/work_tree.hpp"
#include "config.hpp"
#include "history/history.hpp"
#include "module/secure_boot.hpp"
#include "module/signing.hpp"
#include "support/atomic_file.hpp"
#include "support/hash.hpp"
#include "support/json_file.hpp"
#include "support/log.hpp"
#include "support/process.hpp"
#include "support/sandbox.hpp"
#include "support/text.hpp"

namespace vgpukit::build {

namespace {

class Stopwatch {
 public:
  // Seconds since the last lap.
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> passed = now - last_;
    last_ = now;
    return passed.count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// A hash of all that the objects depend on, without the recipes: what these change is compared file by file. The root
// counts with its content only, so that two roots with the same headers and tools share a build.
Result<std::string> work_key(kernel::Facts& facts, const BuildJob& job) {
  TRY_ASSIGN(const auto headers, facts.fingerprint());
  const auto& kernel = facts.kernel();
  const auto& modules = job.modules.empty() ? job.driver->modules : job.modules;
  Hasher hasher;
  hasher.add(VGPUKIT_VERSION).add(job.driver->content).add(headers).add(kernel.release);
  for (const auto* tool : {"as", "ld", "objcopy"})
    if (const auto program = find_program(tool, kernel.host.root))
      if (const auto file = kernel.host.resolve(*program)) TRY(hasher.add_file(*file));
  for (const auto& name : std::set(modules.begin(), modules.end())) hasher.add("module").add(name);
  hasher.add(job.debug_info ? "debug" : "plain").add(kernel.compiler.identity);
  return hasher.hex();
}

// A hash of all that the result of a build depends on.
Result<std::string> inputs_of(const kernel::Facts& facts, const BuildJob& job,
                              const std::optional<module::SigningKey>& key, const std::string& work) {
  Hasher hasher;
  hasher.add(work);
  for (const auto& recipe : job.catalogue->recipes()) hasher.add(recipe.text).add(recipe.diffs);
  for (const auto& name : job.accepted) hasher.add("accept").add(name);
  for (const auto& [question, answer] : facts.assumptions()) hasher.add("assume").add(question).add(answer ? "y" : "n");
  if (key) {
    hasher.add("sign");
    TRY(hasher.add_file(facts.kernel().host.in_root(key->certificate)));
  }
  return hasher.hex();
}

// A sentence about the recipe for this error; empty if there is none. Of several that explain it, one that was left out
// comes first, and one that the plan finds unneeded last.
std::string explain_message(const std::string& message, const recipe::Plan& plan,
                            const recipe::Catalogue* explanations) {
  if (!explanations) return "";
  std::string left_out, planned, unneeded;
  for (const auto& recipe : explanations->recipes()) {
    const bool known = std::any_of(recipe.explains.begin(), recipe.explains.end(),
                                   [&](const auto& part) { return contains(message, part); });
    if (!known) continue;
    const auto line = std::find_if(plan.lines.begin(), plan.lines.end(),
                                   [&](const recipe::PlanLine& each) { return each.recipe->id == recipe.id; });
    if (line == plan.lines.end()) {
      append(left_out, recipe.id, " or ");
      continue;
    }
    const auto decision = line->decision;
    const bool idle = decision == recipe::Decision::not_needed || decision == recipe::Decision::already_fixed;
    auto& why = idle ? unneeded : planned;
    if (!why.empty()) continue;
    why = "the recipe " + recipe.id + " is about this; " +
          (decision == recipe::Decision::applies
               ? "it was applied and did not reach this place"
               : "it was not applied (" + std::string(recipe::decision_name(decision)) + ": " + line->reason + ")");
  }
  if (!left_out.empty())
    return "the recipe " + left_out + " fixes this; it was left out (--no-shipped-recipes, --without)";
  return planned.empty() ? unneeded : planned;
}

// The same for an error of the compiler, which may also be in a file that a recipe concerns that could not be applied.
std::string explain(const diagnostics::Diagnostic& error, const recipe::Plan& plan,
                    const recipe::Catalogue* explanations) {
  auto why = explain_message(error.message, plan, explanations);
  for (const auto& line : plan.lines)
    if (line.decision == recipe::Decision::cannot && !contains(why, "the recipe " + line.recipe->id + " ") &&
        std::find(line.concerns.begin(), line.concerns.end(), error.file) != line.concerns.end())
      append(why,
             "the recipe " + line.recipe->id + " concerns this file and could not be applied (" + line.reason + ")",
             "; ");
  if (!why.empty() && !error.hint.empty()) why += ". " + error.hint;
  return why;
}

// The build succeeded: the compiler needs none of the recipes that could not be applied.
void mark_unneeded(BuildReport& report, const recipe::Plan& plan) {
  for (std::size_t i = 0; i < plan.lines.size(); ++i) {
    const auto& line = plan.lines[i];
    if (line.decision != recipe::Decision::cannot) continue;
    const auto files = line.concerns.empty() ? std::string("the driver") : join(line.concerns, ", ");
    const auto said = "not needed after all: the compiler has no complaint about " + files +
                      " (it could not be applied: " + line.reason + ")";
    report.recipes[i].state = recipe::Decision::not_needed;
    report.recipes[i].reason = said;
    report.warnings.push_back({"recipe",
                               line.recipe->where.file,
                               line.recipe->where.line,
                               line.recipe->id + ": " + said,
                               line.recipe->run_time.empty()
                                   ? "the driver differs from what the recipe knows; --strict makes this an error"
                                   : "a build does not show what fails without it: " + line.recipe->run_time,
                               {}});
  }
}

BuildReport::ErrorPart error_part(const diagnostics::Diagnostic& diagnostic, std::string hint) {
  return {diagnostic.tool, diagnostic.file, diagnostic.line, diagnostic.message, std::move(hint), diagnostic.more};
}

Result<BuildReport> start_report(kernel::Facts& facts, const BuildJob& job) {
  const auto& kernel = facts.kernel();
  BuildReport report;
  report.driver = {job.driver->version.text, std::string(driver::flavour_name(job.driver->flavour)),
                   job.driver->path.string()};
  report.kernel = {kernel.release, kernel.compiler.text, kernel.host.root.string()};
  report.seconds = {{"extract", job.extract_seconds},
                    {"plan", 0.0},
                    {"patch", 0.0},
                    {"conftest", 0.0},
                    {"compile", 0.0},
                    {"verify", 0.0}};
  if (!kernel.compiler.exact)
    report.warnings.push_back(
        {"compiler",
         "",
         0,
         "built with " + kernel.compiler.identity + "; the kernel was built with " + kernel.compiler.text,
         "other-compiler was accepted; install the kernel's own compiler if possible",
         {}});
  for (const auto& name : job.modules)
    if (std::find(job.driver->modules.begin(), job.driver->modules.end(), name) == job.driver->modules.end())
      return Error{ErrorKind::usage, "build the module " + name, "this driver does not have it",
                   "it has: " + join(job.driver->modules, ", ")};
  return report;
}

// The key to sign with, if the kernel or Secure Boot want signatures, or the configuration names a key.
Result<std::optional<module::SigningKey>> wanted_key(BuildReport& report, const kernel::Kernel& kernel) {
  if (!kernel.has("CONFIG_MODULE_SIG")) return std::optional<module::SigningKey>();
  TRY_ASSIGN(auto key, module::signing_key(kernel.host));
  const bool forced = kernel.has("CONFIG_MODULE_SIG_FORCE");
  const bool on = forced || module::secure_boot(kernel.host).on;
  if (key && (on || key->from == "the configuration")) return key;
  if (on)
    report.warnings.push_back(
        {"signing",
         "",
         0,
         std::string(forced ? "this kernel loads only signed modules (CONFIG_MODULE_SIG_FORCE)" : "Secure Boot is on") +
             " and this machine has no key for modules: these are not signed",
         "dkms makes one (dkms generate_mok); or name one as signing: in the configuration file",
         {}});
  return std::optional<module::SigningKey>();
}

// A module that cannot be signed is an error.
void sign_into(BuildReport& report, const kernel::Kernel& kernel, const module::SigningKey& key,
               std::vector<module::ModuleFile>& modules) {
  for (auto& module : modules) {
    if (const auto done = module::sign_module(kernel, key, module.path); !done) {
      report.errors.push_back({"signing", module.name + ".ko", 0, done.error().why, done.error().next, {}});
      return;
    }
    std::error_code bad;
    module.bytes = fs::file_size(module.path, bad);
    module.is_signed = true;
  }
}

// What the sandbox refused, and what it lacked.
void report_sandbox(BuildReport& report, const fs::path& root, const BuildResult& built) {
  const auto warn = [&](std::string message, std::string hint) {
    report.warnings.push_back({"sandbox", "", 0, std::move(message), std::move(hint), {}});
  };
  if (auto problem = sandbox_problem(root); !problem.empty())
    warn(std::move(problem), "docs/security.md says what that means");
  if (!build_user()) return;
  for (const auto& line : built.refused)
    warn("the build may have tried what the sandbox does not allow: " + line,
         "a driver needs no more than its own folder; if you trust this one: --no-sandbox (docs/security.md)");
  const auto limits = sandbox_limits();
  for (const auto& line : built.exhausted)
    warn("the build may have met a limit of the sandbox: " + line,
         "a program gets " + std::to_string(limits.memory >> 20) + " MiB of memory, and " +
             std::to_string(limits.processes) +
             " may run at a time; no driver is known to need that. Build with fewer jobs (--jobs 1), or, if you trust "
             "this driver, without limits: --no-sandbox (docs/security.md)");
}

// For an error without a hint of its own.
constexpr std::string_view no_hint =
    "no recipe is known for this; it may follow from the first errors of this file, so fix those and build again, then "
    "compare the place with the kernel's header that declares what it uses";

// Puts modules, log and report into the output folder in one step.
Status deliver(BuildReport& report, const BuildJob& job, const fs::path& output,
               const std::vector<module::ModuleFile>& modules, const std::string& inputs, Stopwatch& total) {
  TRY_ASSIGN(auto staged, StagedFolder::beside(output));
  for (const auto& module : modules) {
    const auto file = module.path.filename();
    // A copy, because the work tree may be in another file system.
    TRY(clone_file(module.path, staged.held_path() / file));
    Hasher hasher;
    TRY(hasher.add_file(staged.held_path() / file));
    report.modules.push_back({module.name, (output / file).string(), module.info("vermagic"), module.info("license"),
                              hasher.hex(), module.bytes});
  }
  TRY(clone_file(report.log, staged.held_path() / "build.log"));
  report.output = output.string();
  report.log = (output / "build.log").string();
  report.result = BuildReport::Result::built;
  report.seconds["total"] = job.extract_seconds + total.lap();
  nlohmann::json document = report;
  document["inputs"] = inputs;
  TRY(write_file(staged.held_path() / "build.json", json_text(document, 2) + "\n"));
  // The default folder is vgpukit's own.
  return staged.commit(/*durable=*/true, [&] { return job.output.empty() ? Status() : check_output(job.output); });
}

}  // namespace

fs::path default_output(const HostPaths& host, const driver::Driver& driver, const kernel::Kernel& kernel) {
  return host.state / "built" / (driver.version.text + "-" + std::string(driver::flavour_name(driver.flavour))) /
         kernel.release;
}

Result<BuildReport> run_build(kernel::Facts& facts, const BuildJob& job) {
  Stopwatch total;
  Stopwatch watch;
  const auto& kernel = facts.kernel();
  const auto& host = kernel.host;
  TRY_ASSIGN(auto report, start_report(facts, job));
  const auto output = job.output.empty() ? default_output(host, *job.driver, kernel) : job.output;
  TRY_ASSIGN(const auto key,
             job.compile_only ? Result<std::optional<module::SigningKey>>(std::nullopt) : wanted_key(report, kernel));
  TRY_ASSIGN(const auto objects, work_key(facts, job));
  TRY_ASSIGN(const auto inputs, inputs_of(facts, job, key, objects));

  const std::string name = job.driver->version.text + "-" + std::string(driver::flavour_name(job.driver->flavour)) +
                           "-" + kernel.release + "-" + hash_of(host.root.string() + output.string()).substr(0, 8);
  TRY_ASSIGN(const auto lock, FileLock::acquire(host.state / "locks" / (name + ".lock"), [&] {
               if (job.on_step)
                 job.on_step("another vgpukit is building " + job.driver->version.text + " for " + kernel.release +
                             ": waiting for it");
             }));
  if (auto before = unchanged_build(host, output, inputs, job.strict); before && !job.compile_only)
    return std::move(*before);
  if (!job.other_state.empty() && !job.compile_only) {
    auto other = host;
    other.state = job.other_state;
    if (auto before = unchanged_build(other, default_output(other, *job.driver, kernel), inputs, job.strict))
      return std::move(*before);
  }
  if (!job.compile_only && !job.output.empty()) TRY(check_output(job.output));

  TRY_ASSIGN(auto tree, transform::SourceTree::open(job.driver->sources));
  TRY_ASSIGN(const auto plan, recipe::make_plan(*job.catalogue, *job.driver, facts, tree, job.accepted, job.modules));
  report.seconds["plan"] = watch.lap();
  report.recipes = recipe_parts(plan);
  TRY_ASSIGN(const auto checks, conftest::run_driver_checks(facts, tree, job.accepted));
  report.checks = check_parts(checks);
  report.notices = notice_parts(plan, checks);
  std::vector<diagnostics::Diagnostic> build_errors;  // of make and the compiler
  for (auto& doubt : doubt_parts(plan)) report.warnings.push_back(std::move(doubt));
  const auto finish = [&](BuildReport::Result result) {
    report.result = result;
    if (result == BuildReport::Result::failed && !report.log.empty())
      explain_errors(report, build_errors, kernel, job.driver->sources);
    report.seconds["total"] = job.extract_seconds + total.lap();
    return std::move(report);
  };
  if (!conftest::refuses(checks) && (plan.has(recipe::Decision::needs_consent) || conftest::needs_consent(checks)))
    return finish(BuildReport::Result::consent);
  for (const auto& check : checks) {
    const auto text = "the driver refuses this kernel (" + check.check + ": " + check.says + ")";
    const auto why = explain_message(check.says, plan, job.explanations);
    if (check.notice.empty())
      report.errors.push_back(
          {"conftest", "conftest.sh", 0, text + ": " + check.means, why.empty() ? check.next : why, {}});
    else if (check.accepted)
      report.warnings.push_back({"conftest",
                                 "conftest.sh",
                                 0,
                                 text + "; " + check.notice + " was accepted, so " + check.variable + "=1 is set",
                                 check.means,
                                 {}});
  }
  for (const auto* line : recipe::blocking(plan, job.strict)) {
    if (line->decision == recipe::Decision::applies) {
      report.errors.push_back({"recipe",
                               line->recipe->where.file,
                               line->recipe->where.line,
                               line->recipe->id + ": vgpukit adapt proposed it, and only that it compiles is known",
                               "try it with vgpukit build --accept adapted; if its change is right, remove the line "
                               "'adapted' from the recipe",
                               {}});
      continue;
    }
    report.errors.push_back({"recipe",
                             line->recipe->where.file,
                             line->recipe->where.line,
                             line->recipe->id + ": " + line->reason,
                             line->recipe->run_time.empty() || job.strict == recipe::Strict::all
                                 ? "the driver differs from what the recipe knows; without --strict the compiler "
                                   "decides whether it is needed"
                                 : "the driver differs from what the recipe knows, and a build would not show it: " +
                                       line->recipe->run_time,
                             {}});
  }
  if (!report.errors.empty()) return finish(BuildReport::Result::failed);
  const auto missing = missing_objects_of(*job.driver, job.modules);
  if (!missing.empty() && !job.compile_only) {
    report.errors.push_back(
        {"package",
         missing.front(),
         0,
         "the package lacks this binary object, without which " + job.driver->version.text + " cannot be linked",
         "use the whole kernel/ folder of the driver's .run file; --compile-only checks the rest",
         {}});
    return finish(BuildReport::Result::failed);
  }

  TRY_ASSIGN(auto work, WorkTree::make(host.work() / name, objects, *job.driver, tree));
  if (!missing.empty()) {
    TRY_ASSIGN(const auto given, BuildFolder::give(work.folder()));
    TRY(place_empty_objects(kernel, work.folder(), missing));
  }
  report.seconds["patch"] = watch.lap();

  BuildRequest request;
  request.tree = work.folder();
  request.has_objects = work.has_objects();
  request.precompile_headers = !work.has_objects();
  request.modules = job.modules;
  request.jobs = job.jobs;
  if (job.debug_info) {
    request.debug_info.kind = kernel::DebugInfo::Kind::as_configured;
  } else {
    TRY_ASSIGN(const auto* probe, facts.probe());
    request.debug_info = probe->debug_info;
  }
  log::debug(trimmed(explain_make_variables(kernel, request)));
  request.first_error_only = job.first_error_only;
  request.allow_undefined = !missing.empty();
  request.log = host.state / "logs" / (name + ".log");
  request.accepted = job.accepted;
  request.on_progress = job.on_progress;
  report.log = request.log.string();
  TRY_ASSIGN(auto built, build_tree(facts, request));
  report_sandbox(report, host.root, built);
  // Also after a failed build: its objects are valid. Not with a key: the signed modules would stay in the tree.
  if (job.keep_objects && !job.compile_only && !key) work.keep(host.state / "locks");
  report.conftest = {built.conftest_tests, built.conftest_cached, built.conftest_compiled, built.conftest_seconds};
  report.seconds["conftest"] = built.conftest_seconds;
  report.seconds["compile"] = built.compile_seconds;
  for (const auto& error : built.errors) {
    auto why = explain(error, plan, job.explanations);
    report.errors.push_back(error_part(error, !why.empty()          ? std::move(why)
                                              : !error.hint.empty() ? error.hint
                                                                    : std::string(no_hint)));
  }
  build_errors = built.errors;
  for (const auto& warning : built.warnings) report.warnings.push_back(error_part(warning, warning.hint));
  watch.lap();
  if (!built.built) return finish(BuildReport::Result::failed);

  // What is verified, signed and delivered is a copy that no process of the build can change.
  TRY_ASSIGN(const auto verified, StagedFolder::beside(host.work() / "modules"));
  for (auto& file : built.modules) {
    TRY(clone_beneath(work.folder(), file.filename(), verified.path() / file.filename()));
    file = verified.path() / file.filename();
  }
  std::vector<module::ModuleFile> modules;
  TRY_ASSIGN(const bool loads, verify_into(report, facts, *job.driver, built.modules, modules));
  for (auto& error : report.errors)
    if (auto why = explain_message(error.message, plan, job.explanations); !why.empty())
      error.hint = why + (error.hint.empty() ? "" : ". " + error.hint);
  if (key && loads && report.errors.empty()) sign_into(report, kernel, *key, modules);
  report.seconds["verify"] = watch.lap();
  if (!loads || !report.errors.empty()) return finish(BuildReport::Result::failed);
  mark_unneeded(report, plan);
  if (job.compile_only) {
    for (const auto& module : modules)
      report.modules.push_back({module.name, "", module.info("vermagic"), module.info("license"), "", module.bytes});
    return finish(BuildReport::Result::built);
  }
  TRY(deliver(report, job, output, modules, inputs, total));
  if (!job.output.empty()) TRY(record_output(host, output));
  std::error_code bad;
  fs::remove(request.log, bad);
  return report;
}

}  // namespace vgpukit::build
