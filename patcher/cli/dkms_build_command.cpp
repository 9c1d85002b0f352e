#include "cli/build_text.hpp"
#include "cli/cli.hpp"
#include "install/dkms_build.hpp"
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

Result<Exit> dkms_build(const Globals& globals, const DkmsBuildOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(const auto request, request_of(globals, options));
  TRY_ASSIGN(const auto report, install::dkms_build(host, request));
  print_build_report(report, globals);
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
