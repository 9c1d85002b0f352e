// adapt/: finds recipes for a kernel that no recipe knows, tries them and proves them. It uses authoring/ and build/.
//
// The driver is built. For each thing of the kernel that the errors are about, the strategies of authoring/ give
// candidates, the most certain first. Each is tried by compiling only the files concerned, and stays if it removes
// errors and makes no other. Each removes at least one subject, so that this ends. The last step is always a whole
// build with the verification. trial_tree builds and compiles, leave_one_out measures.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "authoring/draft.hpp"
#include "authoring/strategies.hpp"
#include "diagnostics/diagnostics.hpp"
#include "driver/driver.hpp"
#include "kernel/facts.hpp"
#include "kernel/kernel_headers.hpp"
#include "recipe/catalogue.hpp"
#include "support/atomic_file.hpp"
#include "support/result.hpp"

namespace vgpukit::adapt {

struct AdaptJob {
  const driver::Driver* driver = nullptr;
  const recipe::Catalogue* catalogue = nullptr;  // the recipes that are applied first
  std::set<std::string> accepted;                // notices
  std::vector<std::string> modules;              // empty: all
  // The headers of all kernels that are evidence, from the oldest to the newest; that of the build is one of them.
  std::vector<kernel::KernelHeaders> headers;
  // A clone of the kernel's repository, whose commits are evidence; empty: none.
  std::filesystem::path repository;
  std::vector<authoring::LaterRelease> later;  // of the driver's branch, the next one first
  // A program that loads and uses the modules of a green build: docs/matrix-file.md has the arguments and exit statuses
  // of `works`. Empty: none. And its environment.
  std::vector<std::string> exercise;
  std::map<std::string, std::string> environment;
  unsigned jobs = 1;
  std::function<void(std::string_view)> on_step;  // may be empty
};

// A candidate that was tried.
struct Tried {
  std::string subject;   // "function del_timer()"
  std::string strategy;  // "rename"
  std::string change;    // "rename-call del_timer -> timer_delete"
  std::string why;       // the evidence
  std::string result;    // "taken", or why not, a clause
  bool taken = false;
};

struct Proposal {
  authoring::Draft draft;
  std::string strategy, why;
  recipe::Adapted known = recipe::Adapted::compiles;
};

struct AdaptReport {
  bool green = false;
  std::vector<diagnostics::Diagnostic> before;  // the errors without proposals; none: nothing is to be done
  std::vector<Proposal> proposals;
  std::vector<Tried> tried;
  std::vector<diagnostics::Diagnostic> left;  // the errors with them
  // For each subject that was looked up in AdaptJob::repository the commit, or why none was found.
  std::vector<std::string> history;
  std::string ended;          // why the search ended with errors, a clause
  std::string exercise;       // what AdaptJob::exercise said of the modules, a clause; empty: not asked
  double build_seconds = 0;   // the first build
  double search_seconds = 0;  // all that followed
};

// Nothing of the driver or of the system is changed. Error: consent if a recipe of the catalogue needs it; missing or
// failed if the kernel's headers or compiler cannot be used, or the compiler crashes or is killed; no_space if the disk
// is full; usage if the driver refuses the kernel or cannot be read, or if there is no such repository.
Result<AdaptReport> adapt(kernel::Facts& facts, const AdaptJob& job);

// A new folder for a TrialTree. While the lock is held, no other process of this state folder adapts this driver to
// this kernel.
struct TrialPlace {
  FileLock lock;
  std::filesystem::path folder;
};
Result<TrialPlace> trial_place(const kernel::Facts& facts, const AdaptJob& job);

// The headers of these roots for AdaptJob::headers: sorted by release, each release once.
std::vector<kernel::KernelHeaders> headers_of(const std::vector<HostPaths>& roots);

// The report as a text that a user can send: versions, errors, what was tried, the proposals. It has nothing of the
// driver's files but the names in the errors.
std::string text_of(const AdaptReport& report, const driver::Driver& driver, const kernel::Kernel& kernel);

}  // namespace vgpukit::adapt
