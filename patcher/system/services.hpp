// The state of system services, such as nvidia-vgpud.service, and the last lines that they logged.
#pragma once

#include <string>
#include <vector>

#include "support/sysfs.hpp"

namespace vgpukit::system {

struct ServiceState {
  enum class Is {
    running,
    done,       // it ran, ended without an error, and does not have to run any longer
    failed,     // it ended with an error
    stopped,    // it has not run since the boot, or was stopped
    installed,  // there is a unit; whether it runs is not known (another root)
    missing,    // there is no such unit
    unknown,
  };
  std::string unit;  // "nvidia-vgpud.service"
  Is is = Is::unknown;
  std::string state;               // in systemd's words: "failed (Result: exit-code, status 6)"; "no unit of that name"
  std::string file;                // what says so: the unit's file, a process, a log
  std::vector<std::string> lines;  // the last lines of its log

  // "nvidia-vgpud.service: failed (...); its last lines: ...; ...", for messages.
  [[nodiscard]] std::string text() const;
};

// On this machine systemd is asked, and its journal (systemctl, journalctl). In another root the unit's file, the
// processes of its /proc and the lines of /var/log/syslog, messages, daemon.log or dmesg are read. Never fails.
ServiceState service_state(const HostPaths& host, const Sysfs& sysfs, const std::string& unit);

// The same from the output of `systemctl show` (KEY=VALUE lines).
ServiceState parse_systemctl_show(const std::string& unit, std::string_view text);

}  // namespace vgpukit::system
