// Follows a running build by the lines that make prints: phase, progress, times and diagnostics.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "build/build_tree.hpp"
#include "diagnostics/diagnostics.hpp"
#include "driver/kbuild_files.hpp"

namespace vgpukit::build {

class BuildWatch {
 public:
  // `tree`: as make sees it. `clock`: seconds since the start.
  BuildWatch(std::string tree, driver::KbuildSummary work, unsigned modules, std::function<double()> clock,
             std::function<void(const BuildProgress&)> on_progress)
      : tree_(tree),
        work_(std::move(work)),
        modules_(modules),
        clock_(std::move(clock)),
        on_progress_(std::move(on_progress)),
        diagnostics_(std::move(tree)) {}

  void line(std::string_view text);

  [[nodiscard]] const diagnostics::DiagnosticCollector& diagnostics() const { return diagnostics_; }
  [[nodiscard]] unsigned tests() const;                       // conftest tests that ran
  [[nodiscard]] double conftest_seconds(double total) const;  // until the first object; `total` if there was none
  // The module folders in which an object was compiled.
  [[nodiscard]] const std::set<std::string>& compiled() const { return compiled_; }
  // The last line that is neither a step nor a message of make.
  [[nodiscard]] const std::string& last_line() const { return last_line_; }

 private:
  void step(const std::string& what, std::string subject);
  void report(BuildProgress::Phase phase, unsigned started, unsigned total, const std::string& current);

  std::string tree_;
  driver::KbuildSummary work_;
  unsigned modules_;
  std::function<double()> clock_;
  std::function<void(const BuildProgress&)> on_progress_;
  diagnostics::DiagnosticCollector diagnostics_;
  std::set<std::string> tests_seen_;
  std::set<std::string> objects_;
  std::set<std::string> linked_;
  std::set<std::string> compiled_;
  double first_object_ = -1;
  std::string last_line_;
};

}  // namespace vgpukit::build
