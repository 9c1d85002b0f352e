#include "system/services.hpp"

#include <algorithm>
#include <map>

#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::system {

namespace {

constexpr std::size_t shown_lines = 5;
constexpr std::chrono::seconds limit{10};

void keep_last(std::vector<std::string>& lines) {
  if (lines.size() > shown_lines) lines.erase(lines.begin(), lines.end() - shown_lines);
}

// The process of the service: its unit's name without ".service". The kernel shortens names to 15 characters.
std::string process_of(const Sysfs& sysfs, const std::string& unit) {
  const auto name = unit.substr(0, unit.rfind('.')).substr(0, 15);
  for (const auto& pid : sysfs.list("/proc"))
    if (pid.find_first_not_of("0123456789") == std::string::npos && sysfs.read("/proc/" + pid + "/comm").text == name)
      return pid;
  return "";
}

void ask_systemd(ServiceState& service) {
  Command show;
  show.argv = {"systemctl", "show", service.unit,
               "--property=LoadState,ActiveState,SubState,Result,ExecMainStatus,ExecMainExitTimestampMonotonic,"
               "FragmentPath"};
  show.deadline = limit;
  const auto said = run(show);
  if (!said || !said->ok()) {
    service.state = !said ? said.error().why : said->timed_out ? "systemctl took too long" : said->last_error_line();
    return;
  }
  service = parse_systemctl_show(service.unit, said->out);
  if (service.is == ServiceState::Is::missing) return;
  Command journal;
  journal.argv = {"journalctl",   "--unit=" + service.unit,
                  "--boot",       "--lines=" + std::to_string(shown_lines),
                  "--output=cat", "--no-pager",
                  "--quiet"};
  journal.deadline = limit;
  if (const auto lines = run(journal); lines && lines->ok())
    for (const auto& line : lines_of(lines->out)) service.lines.push_back(printable(line));
}

// Lines as syslog writes them: "Jan  3 12:00:00 host nvidia-vgpud[9]: text", and systemd's "host systemd[1]: UNIT:
// ...".
void read_syslog(const Sysfs& sysfs, ServiceState& service) {
  const auto program = service.unit.substr(0, service.unit.rfind('.'));
  // systemd itself writes to the kernel's log early in the boot.
  for (const std::string file : {"/var/log/syslog", "/var/log/messages", "/var/log/daemon.log", "/var/log/dmesg"}) {
    const auto text = sysfs.read(file).text;
    each_line(text, [&](std::string_view line) {
      const auto own = line.find(" " + program + "[");
      const auto unit = line.find(" " + service.unit + ": ");
      if (own == std::string_view::npos && unit == std::string_view::npos) return;
      const auto from = own != std::string_view::npos ? line.find(": ", own) + 1 : unit;
      service.lines.push_back(printable(trimmed(line.substr(std::min(from, line.size())))));
      if (contains(line, service.unit + ": Failed with result")) {
        service.is = ServiceState::Is::failed;
        service.state = "failed, as " + file + " says";
        service.file = file;
      }
    });
    if (!service.lines.empty()) break;
  }
  keep_last(service.lines);
}

void read_root(const Sysfs& sysfs, ServiceState& service) {
  bool has_systemd = false;
  for (const std::string folder :
       {"/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}) {
    if (sysfs.exists(folder)) has_systemd = true;
    // An enabled unit's link may be absolute and then leads to the host's file, so the link itself counts.
    if (!service.file.empty() ||
        (!sysfs.exists(folder + "/" + service.unit) && sysfs.link(folder + "/" + service.unit).empty()))
      continue;
    service.file = folder + "/" + service.unit;
    service.is = ServiceState::Is::installed;
    service.state = "installed; its state is not known in another root";
  }
  if (service.file.empty()) {
    service.is = has_systemd ? ServiceState::Is::missing : ServiceState::Is::unknown;
    service.state = has_systemd ? "there is no such unit" : "this root has neither the unit nor systemd";
  }
  read_syslog(sysfs, service);
}

}  // namespace

std::string ServiceState::text() const {
  auto all = unit + ": " + state;
  if (!lines.empty()) all += "; its last lines: " + join(lines, " | ");
  return all;
}

ServiceState parse_systemctl_show(const std::string& unit, std::string_view text) {
  using Is = ServiceState::Is;
  std::map<std::string, std::string> values;
  each_line(text, [&](std::string_view line) {
    const auto equals = line.find('=');
    if (equals != std::string_view::npos) values.emplace(line.substr(0, equals), line.substr(equals + 1));
  });
  ServiceState service;
  service.unit = unit;
  service.file = values["FragmentPath"];
  const auto& load = values["LoadState"];
  const auto& active = values["ActiveState"];
  if (load == "not-found") {
    service.is = Is::missing;
    service.state = "there is no such unit";
    return service;
  }
  service.state = active + " (" + values["SubState"] + ")";
  if (load == "masked") {
    service.is = Is::stopped;
    service.state = "masked";
  } else if (active == "active" || active == "activating" || active == "reloading") {
    service.is = Is::running;
  } else if (active == "failed") {
    service.is = Is::failed;
    service.state = "failed (result: " + values["Result"] + ", exit status " + values["ExecMainStatus"] + ")";
  } else if (active == "inactive" || active == "deactivating") {
    const auto& ended = values["ExecMainExitTimestampMonotonic"];
    service.is = ended.empty() || ended == "0" ? Is::stopped : Is::done;
    if (service.is == Is::stopped) service.state += ", and has not run since the boot";
  }
  return service;
}

ServiceState service_state(const HostPaths& host, const Sysfs& sysfs, const std::string& unit) {
  ServiceState service;
  service.unit = unit;
  if (host.is_host())
    ask_systemd(service);
  else
    read_root(sysfs, service);
  if (const auto pid = process_of(sysfs, unit); !pid.empty() && service.is != ServiceState::Is::running) {
    service.is = ServiceState::Is::running;
    service.state = "process " + pid + " runs";
    service.file = "/proc/" + pid + "/comm";
  }
  return service;
}

}  // namespace vgpukit::system
