#include "adapt/adapt.hpp"

#include <algorithm>
#include <chrono>

#include "adapt/search.hpp"
#include "adapt/trial_tree.hpp"
#include "authoring/kernel_history.hpp"
#include "config.hpp"
#include "conftest/driver_checks.hpp"
#include "kernel/package_hints.hpp"
#include "recipe/plan.hpp"
#include "support/hash.hpp"
#include "support/text.hpp"
#include "support/version.hpp"

namespace vgpukit::adapt {

namespace {

// An error in a header of the kernel that this header has without the driver, too. Others come from what the driver
// includes or defines before it, or from a macro that it uses.
Status check_headers(kernel::Facts& facts, const std::string& what,
                     const std::vector<diagnostics::Diagnostic>& errors) {
  for (const auto& error : errors) {
    const auto include = error.file.rfind("/include/");
    if (!error.file.starts_with('/') || include == std::string::npos) continue;
    const auto name = error.file.substr(include + 9);
    kernel::Question question;
    question.kind = kernel::Question::Kind::declaration;
    question.name = "vgpukit_probe";
    question.headers = {name};
    const auto answer = facts.ask(question);
    if (answer || !contains(answer.error().why, error.message)) continue;
    const auto& kernel = facts.kernel();
    return Error{ErrorKind::failed, what,
                 "<" + name + "> of this kernel does not compile without the driver either: " + error.file + ":" +
                     std::to_string(error.line) + ": " + error.message,
                 "install the kernel's headers again: " + kernel::install_headers_hint(kernel.host, kernel.release)};
  }
  return {};
}

}  // namespace

Result<AdaptReport> adapt(kernel::Facts& facts, const AdaptJob& job) {
  if (!job.repository.empty()) TRY(authoring::check_clone(job.repository));
  TRY_ASSIGN(auto tree, transform::SourceTree::open(job.driver->sources));
  TRY_ASSIGN(const auto plan, recipe::make_plan(*job.catalogue, *job.driver, facts, tree, job.accepted, job.modules));
  const auto what = "adapt " + job.driver->version.text + " to " + facts.kernel().release;
  for (const auto& line : plan.lines)
    if (line.decision == recipe::Decision::needs_consent)
      return Error{ErrorKind::consent, what, line.recipe->id + " needs consent: " + line.recipe->notice->text,
                   "--accept " + line.recipe->notice->name};
  TRY_ASSIGN(const auto checks, conftest::run_driver_checks(facts, tree, job.accepted));
  for (const auto& check : checks)
    if (!check.accepted)
      return Error{check.notice.empty() ? ErrorKind::usage : ErrorKind::consent, what,
                   "the driver refuses this kernel (" + check.check + ": " + check.says + "): " + check.means,
                   check.notice.empty() ? check.next : "--accept " + check.notice};

  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  TRY_ASSIGN(const auto place, trial_place(facts, job));
  TrialTree trial(facts, *job.driver, place.folder, {job.modules, job.accepted, job.jobs});
  if (job.on_step) job.on_step("building " + job.driver->version.text + " for " + facts.kernel().release);
  TRY(trial.write(tree.edits()));
  AdaptReport report;
  TRY_ASSIGN(report.before, trial.build());
  report.build_seconds = seconds();
  if (report.before.empty()) {
    report.green = true;
    return report;
  }
  TRY(check_headers(facts, what, report.before));
  HeaderEvidence evidence(job.headers, facts.kernel().release);
  Search search(facts, job, trial, std::move(tree), evidence);
  TRY(search.run(report.before, report));
  report.search_seconds = seconds() - report.build_seconds;
  return report;
}

Result<TrialPlace> trial_place(const kernel::Facts& facts, const AdaptJob& job) {
  const auto& host = facts.kernel().host;
  const auto name = "adapt-" + job.driver->version.text + "-" + std::string(driver::flavour_name(job.driver->flavour)) +
                    "-" + facts.kernel().release + "-" + hash_of(host.state.string()).substr(0, 8);
  TRY_ASSIGN(auto lock, FileLock::acquire(host.state / "locks" / (name + ".lock"), [&] {
               if (job.on_step) job.on_step("another vgpukit adapts this driver to this kernel: waiting for it");
             }));
  // What a killed process has left.
  std::error_code ignored;
  for (const auto& entry : entries_of(host.work()))
    if (entry.filename().string().starts_with(name + "-")) fs::remove_all(entry, ignored);
  return TrialPlace{std::move(lock), host.work() / (name + "-" + random_word())};
}

std::vector<kernel::KernelHeaders> headers_of(const std::vector<HostPaths>& roots) {
  std::vector<kernel::KernelHeaders> all;
  for (const auto& root : roots)
    for (auto& each : kernel::list_headers(root))
      if (std::none_of(all.begin(), all.end(), [&](const auto& one) { return one.release == each.release; }))
        all.push_back(std::move(each));
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    const auto left = Version::leading(a.release);
    const auto right = Version::leading(b.release);
    return left && right && *left < *right;
  });
  return all;
}

std::string text_of(const AdaptReport& report, const driver::Driver& driver, const kernel::Kernel& kernel) {
  std::string text = "vgpukit " VGPUKIT_VERSION " adapt\ndriver: " + driver.version.text + " " +
                     std::string(driver::flavour_name(driver.flavour)) + "\nkernel: " + kernel.release +
                     "\ncompiler: " + kernel.compiler.text + "\nresult: " +
                     (report.before.empty() ? "it builds without proposals"
                      : report.green        ? "it builds with the proposals"
                                            : "it does not build") +
                     "\n";
  const auto list = [&](const std::string& title, const std::vector<diagnostics::Diagnostic>& errors) {
    if (errors.empty()) return;
    text += "\n" + title + "\n";
    for (const auto& error : errors)
      text += "  " + (error.file.empty() ? error.tool : error.file + ":" + std::to_string(error.line)) + ": " +
              error.message + "\n";
  };
  list("errors without proposals:", report.before);
  if (!report.tried.empty()) text += "\ntried:\n";
  for (const auto& each : report.tried)
    text += "  " + each.subject + ": " + each.strategy + ": " + each.change + "\n    because " + each.why + "\n    " +
            each.result + "\n";
  if (!report.history.empty()) text += "\nthe kernel's repository:\n";
  for (const auto& each : report.history) text += "  " + each + "\n";
  list("errors that are left:", report.left);
  if (!report.exercise.empty()) text += "\nthe modules: " + report.exercise + "\n";
  if (!report.ended.empty()) text += "\nthe search ended: " + report.ended + "\n";
  for (const auto& each : report.proposals) text += "\n--- " + each.draft.id + ".yaml\n" + each.draft.text;
  return text;
}

}  // namespace vgpukit::adapt
