#include "cli/cli.hpp"
#include "install/prebuild.hpp"

namespace vgpukit::cli {

namespace {

struct Options {
  std::string kernel;
  std::string headers;
  std::string folder = ".";
};

Result<Exit> prebuild(const Globals& globals, const Options& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  PrebuildRequest request;
  request.folder = fs::absolute(options.folder).lexically_normal();
  request.release = options.kernel;
  request.headers = options.headers;
  TRY_ASSIGN(request.assumptions, assumptions_of(globals));
  TRY_ASSIGN(const auto text, dkms_prebuild(host, request));
  print(text);
  return Exit::done;
}

}  // namespace

void add_dkms_prebuild(CLI::App& app, Globals& globals, Action& action) {
  auto* command = app.add_subcommand("dkms-prebuild", "For dkms: patch its copy of the sources for the kernel that it builds for");
  auto options = std::make_shared<Options>();
  command->add_option("--kernel", options->kernel, "The release that dkms builds for")->type_name("REL")->required();
  command->add_option("--headers", options->headers, "Where dkms thinks that its headers are")->type_name("DIR");
  command->add_option("FOLDER", options->folder, "dkms's copy (default: where we are)");
  command->callback([&globals, &action, options] { action = [&globals, options] { return prebuild(globals, *options); }; });
}

}  // namespace vgpukit::cli
