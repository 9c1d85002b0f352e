// Parts of a build's report that follow from its plan and from the driver's own checks. `plan` shows them, too.
#pragma once

#include <vector>

#include "build/build_report.hpp"
#include "conftest/driver_checks.hpp"
#include "recipe/plan.hpp"

namespace vgpukit::build {

// The plan's lines for a report.
std::vector<BuildReport::RecipePart> recipe_parts(const recipe::Plan& plan);
// The driver's refusals for a report.
std::vector<BuildReport::CheckPart> check_parts(const std::vector<conftest::DriverCheck>& checks);
// The notices of the plan and of the driver's refusals: those that need consent; if there are none, the accepted ones.
std::vector<BuildReport::NoticePart> notice_parts(const recipe::Plan& plan,
                                                  const std::vector<conftest::DriverCheck>& checks);
// A warning for each uncertain fact that a recipe depends on.
std::vector<BuildReport::ErrorPart> doubt_parts(const recipe::Plan& plan);

}  // namespace vgpukit::build
