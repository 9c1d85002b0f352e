#include "build/build_watch.hpp"

#include <algorithm>
#include <filesystem>

#include "diagnostics/log_line.hpp"

namespace vgpukit::build {

using Phase = BuildProgress::Phase;

void BuildWatch::line(std::string_view text) {
  diagnostics_.line(text);
  const diagnostics::LogLine read = diagnostics::read_log_line(text);
  if (read.kind == diagnostics::LogLine::Kind::step) step(read.step, read.subject);
  if (read.kind == diagnostics::LogLine::Kind::other || read.kind == diagnostics::LogLine::Kind::diagnostic)
    last_line_ = diagnostics::plain_text(text);
}

void BuildWatch::step(const std::string& what, std::string subject) {
  if (what == "CONFTEST") {
    if (subject.ends_with("_check")) return;  // a sanity check, not a test
    tests_seen_.insert(subject);
    // make does not print silent tests, so they are not part of the total.
    return report(Phase::conftest, static_cast<unsigned>(tests_seen_.size()), work_.tests - work_.silent_tests,
                  subject);
  }
  // Up to 6.12 make prints absolute paths, later paths relative to the tree.
  subject = std::filesystem::path(subject).lexically_normal().string();
  if (!tree_.empty() && subject.starts_with(tree_ + "/")) subject.erase(0, tree_.size() + 1);

  if (what == "CC [M]") {
    // modpost's own files (nvidia.mod.o, .module-common.o) are in the tree's top folder and part of linking.
    if (subject.find('/') == std::string::npos) return;
    if (first_object_ < 0) first_object_ = clock_();
    compiled_.insert(subject.substr(0, subject.find('/')));
    objects_.insert(subject);
    if (subject.ends_with(".o")) subject.replace(subject.size() - 1, 1, "c");
    return report(Phase::compile, static_cast<unsigned>(objects_.size()), static_cast<unsigned>(work_.sources.size()),
                  subject);
  }
  if (what == "LD [M]" && subject.ends_with(".ko")) {
    linked_.insert(subject);
    return report(Phase::link, static_cast<unsigned>(linked_.size()), modules_, subject);
  }
  if (what == "MODPOST") report(Phase::link, 1, modules_, "modpost");
}

// make prints what it starts: the step before it is done, or nearly done.
void BuildWatch::report(Phase phase, unsigned started, unsigned total, const std::string& current) {
  if (!on_progress_) return;
  BuildProgress progress;
  progress.phase = phase;
  progress.done = started > 0 ? started - 1 : 0;
  progress.total = total == 0 ? 0 : std::max(total, started);  // a wrong count must not show 12 of 10
  progress.current = current;
  on_progress_(progress);
}

unsigned BuildWatch::tests() const {
  if (tests_seen_.empty()) return 0;
  return static_cast<unsigned>(tests_seen_.size()) + work_.silent_tests;
}

double BuildWatch::conftest_seconds(double total) const {
  return first_object_ < 0 ? total : std::min(first_object_, total);
}

}  // namespace vgpukit::build
