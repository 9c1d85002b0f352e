#include "build/report_parts.hpp"

namespace vgpukit::build {

std::vector<BuildReport::RecipePart> recipe_parts(const recipe::Plan& plan) {
  std::vector<BuildReport::RecipePart> parts;
  for (const auto& line : plan.lines) {
    BuildReport::RecipePart part{line.recipe->id, line.decision, line.recipe->summary, line.reason, {}};
    for (const auto& file : line.files) part.files.push_back(file.path);
    if (line.decision == recipe::Decision::cannot) part.files = line.concerns;
    parts.push_back(std::move(part));
  }
  return parts;
}

std::vector<BuildReport::ErrorPart> doubt_parts(const recipe::Plan& plan) {
  std::vector<BuildReport::ErrorPart> parts;
  for (const auto& line : plan.lines)
    for (const auto& doubt : line.doubts)
      parts.push_back({"facts",
                       "",
                       0,
                       line.recipe->id + " depends on an uncertain answer: " + doubt,
                       "check the recipe's 'compiles' and the kernel's headers",
                       {}});
  return parts;
}

std::vector<BuildReport::CheckPart> check_parts(const std::vector<conftest::DriverCheck>& checks) {
  std::vector<BuildReport::CheckPart> parts;
  for (const auto& check : checks)
    parts.push_back({check.check, check.says, check.means, check.next, check.notice, check.variable, check.accepted});
  return parts;
}

std::vector<BuildReport::NoticePart> notice_parts(const recipe::Plan& plan,
                                                  const std::vector<conftest::DriverCheck>& checks) {
  const bool open = plan.has(recipe::Decision::needs_consent) || conftest::needs_consent(checks);
  std::vector<BuildReport::NoticePart> parts;
  for (const auto& check : checks)
    if (!check.notice.empty() && check.accepted != open) parts.push_back({check.notice, "", check.means});
  for (const auto& line : plan.lines)
    if (line.recipe->notice && line.decision == (open ? recipe::Decision::needs_consent : recipe::Decision::applies))
      parts.push_back({line.recipe->notice->name, line.recipe->id, line.recipe->notice->text});
  return parts;
}

}  // namespace vgpukit::build
