// A fixture host, and what doctor finds on it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "doctor/doctor.hpp"
#include "system/fixture_host.hpp"

namespace vgpukit::test {

class DoctorHost : public FixtureHost {
 public:
  using FixtureHost::FixtureHost;

  [[nodiscard]] doctor::HostView view() const { return doctor::read_host_view(host, Sysfs(host)); }
  [[nodiscard]] doctor::Findings run(const std::vector<doctor::Check>& checks = doctor::host_checks()) const {
    const Sysfs sysfs(host);
    const auto view_now = view();
    return doctor::run_checks(checks, {view_now, sysfs});
  }
  [[nodiscard]] doctor::Findings run(doctor::Findings (*check)(const doctor::CheckInput&)) const {
    const Sysfs sysfs(host);
    const auto view_now = view();
    return check({view_now, sysfs});
  }
  // "warn parameters.acs", "fail card.driver 0000:01:00.0": all that is not ok.
  [[nodiscard]] std::vector<std::string> problems(
      const std::vector<doctor::Check>& checks = doctor::host_checks()) const {
    std::vector<std::string> all;
    for (const auto& finding : run(checks))
      if (finding.state != doctor::State::ok)
        all.push_back(std::string(doctor::state_name(finding.state)) + " " + finding.id +
                      (finding.subject.empty() ? "" : " " + finding.subject));
    return all;
  }
};

// The one finding of a check.
inline doctor::Finding only(const doctor::Findings& findings) {
  EXPECT_EQ(findings.size(), 1u);
  if (!findings.empty()) return findings.front();
  doctor::Finding none;
  none.evidence.emplace_back();  // tests read it
  return none;
}

}  // namespace vgpukit::test
