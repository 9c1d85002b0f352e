#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "cli/build_text.hpp"
#include "cli/cli.hpp"
#include "cli/progress.hpp"
#include "install/dkms_build.hpp"
#include "install/dkms_tree.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

struct DkmsBuildOptions {
  std::string kernel;
  std::string headers;
  std::string folder = ".";
};

Result<install::DkmsBuildRequest> request_of(const Globals& globals, const DkmsBuildOptions& options) {
  install::DkmsBuildRequest request;
  request.folder = fs::absolute(options.folder).lexically_normal();
  request.release = options.kernel;
  request.headers = options.headers;
  TRY_ASSIGN(request.assumptions, assumptions_of(globals));
  return request;
}

// The first error, in the line that `hook run` and `status` show.
Error first_error(const build::BuildReport& report) {
  const std::string tried = "build NVIDIA " + report.driver.version + " for " + report.kernel.release;
  if (report.result == build::BuildReport::Result::consent) {
    const auto names = join(report.notices, ", ", [](const auto& notice) { return notice.name; });
    return {ErrorKind::consent, tried, "it needs consent to: " + names,
            "vgpukit plan explains them; to accept: vgpukit install DRIVER --accept NAME"};
  }
  if (report.errors.empty()) return {ErrorKind::failed, tried, "its log does not say why", "read " + report.log};
  const auto& error = report.errors.front();
  const auto place = error.line > 0 && error.tool != "recipe" ? error.file + ":" + std::to_string(error.line) : "";
  return {
      ErrorKind::failed, tried, (place.empty() ? "" : place + ": ") + error.message,
      "the modules for other kernels stay installed; " + (error.hint.empty() ? "install a newer vgpukit" : error.hint)};
}

// dkms redirects stdout and stderr to make.log. A package manager's hooks and a person have a terminal nevertheless.
int controlling_terminal(const Globals& globals) {
  if (globals.quiet) return -1;
  std::signal(SIGTTOU, SIG_IGN);  // stty tostop: dkms may be a background job
  return ::open("/dev/tty", O_WRONLY | O_NOCTTY | O_CLOEXEC);
}

// `dkms autoinstall` before the machine has booted: nobody reads make.log, and everybody waits.
bool is_boot() {
  Command command;
  command.argv = {"systemctl", "is-system-running"};
  command.deadline = std::chrono::seconds(5);
  const auto said = run(command);
  return said && (said->out.starts_with("initializing") || said->out.starts_with("starting"));
}

void show_on_boot_screen(const std::string& text) {
  Command command;
  command.argv = {"plymouth", "display-message", "--text=" + text};
  command.deadline = std::chrono::seconds(5);
  if (const auto said = run(command); said && said->ok()) return;
  const int console = ::open("/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (console < 0) return;
  const auto line = text + "\r\n";
  static_cast<void>(::write(console, line.data(), line.size()) < 0);
  ::close(console);
}

Result<Exit> dkms_build(const Globals& globals, const DkmsBuildOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(auto request, request_of(globals, options));
  const int terminal = controlling_terminal(globals);
  Progress progress("vgpukit: " + options.kernel, terminal >= 0, terminal);
  std::optional<bool> boot;
  request.on_progress = [&](const build::BuildProgress& state) {
    if (!boot) {
      boot = terminal < 0 && host.is_host() && is_boot();
      if (*boot) {
        show_on_boot_screen("vgpukit: building the NVIDIA driver for " + options.kernel);
        progress.on_line = [](std::string_view line) { show_on_boot_screen(std::string(line)); };
      }
    }
    progress.show(state);
  };
  request.on_step = [&](std::string_view text) { progress.say(text); };
  const auto built = install::dkms_build(host, request);
  progress.clear();
  if (boot.value_or(false))
    show_on_boot_screen("vgpukit: the NVIDIA driver for " + options.kernel +
                        (built && built->result == build::BuildReport::Result::built ? " is built" : " is NOT built"));
  TRY_ASSIGN(const auto report, built);
  print_build_report(report, globals, install::dkms_source_folder(report.driver.version).string());
  if (report.result == build::BuildReport::Result::built) return Exit::done;
  return first_error(report);
}

Result<Exit> prebuild(const Globals& globals, const DkmsBuildOptions& options) {
  TRY_ASSIGN(const auto request, request_of(globals, options));
  std::error_code bad;
  const auto program = fs::read_symlink("/proc/self/exe", bad);
  TRY(install::write_dkms_make_script(request, bad ? "vgpukit" : program.string()));
  return Exit::done;
}

void add_options(CLI::App* command, const std::shared_ptr<DkmsBuildOptions>& options) {
  command->add_option("--kernel", options->kernel, "The release that dkms builds for")->type_name("REL")->required();
  command->add_option("--headers", options->headers, "The folder of the headers that dkms uses")->type_name("DIR");
  command->add_option("FOLDER", options->folder, "dkms's copy (default: the current folder)");
}

}  // namespace

void add_dkms_build(CLI::App& app, Globals& globals, Action& action) {
  auto* command = app.add_subcommand("dkms-build", "For dkms: build its copy of the sources for one kernel")->group("");
  auto options = std::make_shared<DkmsBuildOptions>();
  add_options(command, options);
  set_action(command, globals, action, options, dkms_build);

  // For /usr/src/nvidia-* of vgpukit up to 0.1.0. dkms-build has signed what dkms-sign would sign.
  auto* old = app.add_subcommand("dkms-prebuild", "For dkms trees of vgpukit 0.1.0: prepare dkms-build")->group("");
  auto old_options = std::make_shared<DkmsBuildOptions>();
  add_options(old, old_options);
  set_action(old, globals, action, old_options, prebuild);
  auto* sign = app.add_subcommand("dkms-sign", "For dkms trees of vgpukit 0.1.0: nothing to do any more")->group("");
  sign->allow_extras();
  sign->callback([&action] { action = [] { return Result<Exit>(Exit::done); }; });
}

}  // namespace vgpukit::cli
