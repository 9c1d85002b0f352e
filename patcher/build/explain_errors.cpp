#include "build/explain_errors.hpp"

#include "diagnostics/api_changes.hpp"
#include "diagnostics/error_subject.hpp"

namespace vgpukit::build {
namespace {

std::string place_of(const diagnostics::HeaderPlace& place) {
  return place.header + (place.line > 0 ? ":" + std::to_string(place.line) : "");
}

std::vector<BuildReport::PlacePart> part_of(const std::optional<diagnostics::HeaderPlace>& place) {
  if (!place) return {};
  return {{place->kernel, place_of(*place), place->text}};
}

}  // namespace

void explain_errors(BuildReport& report, const std::vector<diagnostics::Diagnostic>& diagnostics,
                    const kernel::Kernel& kernel, const std::filesystem::path& driver) {
  std::vector<diagnostics::Diagnostic> errors = diagnostics;
  for (std::size_t i = errors.size(); i < report.errors.size(); ++i) {
    diagnostics::Diagnostic one;
    one.tool = report.errors[i].tool;
    one.message = report.errors[i].message;
    errors.push_back(std::move(one));
  }
  const diagnostics::Causes causes = diagnostics::causes_of(errors);
  if (causes.subjects.empty()) return;
  const auto findings =
      diagnostics::find_api_changes(kernel::list_headers(kernel.host), kernel.release, causes.subjects, driver);
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const diagnostics::ApiChange& finding = findings[i];
    for (const std::size_t index : causes.errors[i]) {
      report.errors[index].subject = finding.subject.text();
      report.errors[index].kind = diagnostics::name_kind_word(finding.subject.kind);
    }
    BuildReport::ErrorPart& first = report.errors[causes.errors[i].front()];
    first.declared_before = part_of(finding.before);
    first.declared_now = part_of(finding.now);
    first.follows = finding.follows;
    first.conftest = finding.conftest;
    for (const diagnostics::NearName& near : finding.nearest)
      first.nearest.push_back({near.name, place_of(near.place), near.place.text, near.why});
  }
}

}  // namespace vgpukit::build
