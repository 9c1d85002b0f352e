// A host of tests/fixtures/hosts, unpacked; a test may change it before it looks.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "doctor/doctor.hpp"
#include "support/temp_folder.hpp"
#include "system/host_tree.hpp"

namespace vgpukit::test {

class FixtureHost {
 public:
  // An empty name: a host with nothing in it.
  explicit FixtureHost(const std::string& name = "") : tree(folder.path()) {
    host.root = folder.path();
    host.cache = folder / "cache";
    host.state = folder / "state";
    if (!name.empty()) tree.unpack_file(fs::path(VGPUKIT_SOURCE_DIR) / "tests/fixtures/hosts" / (name + ".host"));
  }

  [[nodiscard]] doctor::HostView view() const { return doctor::read_host_view(host, Sysfs(host)); }
  [[nodiscard]] doctor::Findings run(const std::vector<doctor::Check>& checks = doctor::host_checks()) const {
    const Sysfs sysfs(host);
    const auto looked = view();
    return doctor::run_checks(checks, {looked, sysfs});
  }
  [[nodiscard]] doctor::Findings run(doctor::Findings (*one)(const doctor::CheckInput&)) const {
    const Sysfs sysfs(host);
    const auto looked = view();
    return one({looked, sysfs});
  }
  // "warn parameters.acs", "fail card.driver 0000:01:00.0": all that is not ok.
  [[nodiscard]] std::vector<std::string> trouble(
      const std::vector<doctor::Check>& checks = doctor::host_checks()) const {
    std::vector<std::string> all;
    for (const auto& finding : run(checks))
      if (finding.state != doctor::State::ok)
        all.push_back(std::string(doctor::state_name(finding.state)) + " " + finding.id +
                      (finding.subject.empty() ? "" : " " + finding.subject));
    return all;
  }

  TempFolder folder;
  HostPaths host;
  HostTree tree;
};

}  // namespace vgpukit::test
