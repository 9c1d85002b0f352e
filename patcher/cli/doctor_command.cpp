#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "cli/cli.hpp"
#include "doctor/doctor.hpp"
#include "doctor/host_report.hpp"
#include "doctor/verdict.hpp"
#include "install/install_status.hpp"
#include "passthrough/passthrough.hpp"
#include "support/atomic_file.hpp"
#include "support/log.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

struct DoctorOptions {
  bool guest = false;
  std::string report;
};

// The result of `vgpukit status`, for the checks.
std::optional<doctor::DriverState> driver_state(const HostPaths& host) {
  const auto status = install::install_status(host);
  if (!status) return std::nullopt;
  doctor::DriverState state;
  if (status->record) state.version = status->record->value("version", std::string());
  state.unfinished = status->unfinished.value_or("");
  for (const auto& kernel : status->kernels)
    state.kernels.push_back({kernel.release, kernel.running, kernel.next, kernel.problem});
  return state;
}

std::vector<doctor::AppliedCard> applied_cards(const HostPaths& host) {
  std::vector<doctor::AppliedCard> all;
  const auto applied = passthrough::applied_passthrough(host);
  if (!applied) return all;
  const bool this_boot = passthrough::applied_in_this_boot(host);
  for (const auto& card : *applied) all.push_back({card.address, card.parameters, this_boot});
  return all;
}

// The user whose groups are checked: with sudo the caller. None for another root.
std::string user_of(const HostPaths& host) {
  if (!host.is_host()) return "";
  if (::geteuid() == 0) {
    const char* caller = std::getenv("SUDO_USER");
    return caller && std::string_view(caller) != "root" ? caller : "";
  }
  const auto* entry = ::getpwuid(::geteuid());
  return entry ? entry->pw_name : "";
}

nlohmann::json finding_json(const doctor::Finding& finding) {
  auto evidence = nlohmann::json::array();
  for (const auto& each : finding.evidence) evidence.push_back({{"file", each.file}, {"value", each.value}});
  return {{"id", finding.id},     {"subject", finding.subject}, {"state", doctor::state_name(finding.state)},
          {"what", finding.what}, {"why", finding.why},         {"evidence", std::move(evidence)},
          {"next", finding.next}};
}

std::string finding_text(const doctor::Finding& finding, const Style& style, bool verbose) {
  auto word = std::string(doctor::state_name(finding.state));
  word.resize(7, ' ');
  if (finding.state == doctor::State::ok) word = style.green(word);
  if (finding.state == doctor::State::warn) word = style.yellow(word);
  if (finding.state == doctor::State::fail) word = style.red(style.bold(word));
  auto text =
      word + "  " + finding.id + (finding.subject.empty() ? "" : " " + finding.subject) + ": " + finding.what + "\n";
  if (finding.state == doctor::State::ok && !verbose) return text;
  for (const auto& evidence : finding.evidence) text += style.dim(wrapped(evidence.file + ": " + evidence.value, 11));
  if (!finding.why.empty()) text += wrapped(finding.why, 9);
  if (!finding.next.empty()) text += wrapped("-> " + finding.next, 9);
  return text;
}

std::size_t count(const doctor::Findings& findings, doctor::State state) {
  return static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(),
                                                [&](const doctor::Finding& each) { return each.state == state; }));
}

std::string summary(const doctor::Findings& findings) {
  std::string text;
  for (const auto& [state, word] : {std::pair{doctor::State::fail, "to be repaired"},
                                    {doctor::State::warn, "to be checked"},
                                    {doctor::State::unknown, "not known"},
                                    {doctor::State::ok, "fine"}})
    if (const auto number = count(findings, state); number > 0) append(text, std::to_string(number) + " " + word);
  return text + "\n";
}

std::string verdict_text(const doctor::Verdict& verdict, const Style& style) {
  const auto line = verdict.about + ": " + verdict.text;
  if (verdict.state == doctor::State::fail) return style.red(line) + "\n";
  return style.bold(line) + "\n";
}

Result<Exit> doctor(const Globals& globals, const DoctorOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  const Sysfs sysfs(host);
  auto view = doctor::read_host_view(host, sysfs);
  if (!options.guest) view.driver = driver_state(host);
  if (!options.guest) view.applied = applied_cards(host);
  view.user = user_of(host);
  const doctor::CheckInput input{view, sysfs};
  const auto findings = doctor::run_checks(options.guest ? doctor::guest_checks() : doctor::host_checks(), input);
  const auto verdicts = options.guest ? std::vector<doctor::Verdict>{} : doctor::verdicts(input, findings);
  const auto not_checked = doctor::not_checked(input, findings);
  const auto exit = count(findings, doctor::State::fail) > 0 ? Exit::failed : Exit::done;
  if (!options.report.empty()) {
    TRY(write_file(options.report, doctor::host_report(view, findings), 0644));
    log::info("the report is in " + options.report + ": read it before you give it to others");
  }
  if (globals.json()) {
    auto all = nlohmann::json::array();
    for (const auto& finding : findings) all.push_back(finding_json(finding));
    auto verdict_list = nlohmann::json::array();
    for (const auto& each : verdicts)
      verdict_list.push_back({{"about", each.about}, {"state", doctor::state_name(each.state)}, {"text", each.text}});
    print_json({{"result", exit == Exit::done ? "ok" : "fail"},
                {"guest", options.guest},
                {"findings", std::move(all)},
                {"verdicts", std::move(verdict_list)},
                {"not_checked", not_checked},
                {"fail", count(findings, doctor::State::fail)},
                {"warn", count(findings, doctor::State::warn)},
                {"unknown", count(findings, doctor::State::unknown)},
                {"ok", count(findings, doctor::State::ok)}});
    return exit;
  }
  const auto style = style_of(globals, STDOUT_FILENO);
  std::string text;
  for (const auto& finding : findings)
    if (!globals.quiet || finding.state != doctor::State::ok) text += finding_text(finding, style, globals.verbose > 0);
  for (const auto& each : not_checked) text += wrapped("not checked: " + each, 0);
  for (const auto& each : verdicts) text += verdict_text(each, style);
  print(text + (findings.empty() ? "no check applies to this host\n" : summary(findings)));
  return exit;
}

}  // namespace

void add_doctor(CLI::App& app, Globals& globals, Action& action) {
  auto* doctor_command =
      app.add_subcommand("doctor", "Check whether this host is ready for vGPUs and passthrough; changes nothing");
  const auto options = std::make_shared<DoctorOptions>();
  doctor_command->add_flag(
      "--guest", options->guest,
      "This is a virtual machine with a passed-through card: find out why its driver does not start");
  doctor_command
      ->add_option("--report", options->report,
                   "Also write a text file to attach to a question; names and serial numbers are removed")
      ->type_name("FILE");
  doctor_command->footer("Exit codes: 0 nothing has to be repaired; 1 something has to.");
  set_action(doctor_command, globals, action, options, doctor);
}

}  // namespace vgpukit::cli
