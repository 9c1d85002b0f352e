#include "cli/cli.hpp"
#include "install/dkms.hpp"
#include "install/dkms_prebuild.hpp"
#include "module/secure_boot.hpp"
#include "module/signing.hpp"

namespace vgpukit::cli {

namespace {

struct DkmsPrebuildOptions {
  std::string kernel;
  std::string headers;
  std::string folder = ".";
};

Result<Exit> prebuild(const Globals& globals, const DkmsPrebuildOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  install::PrebuildRequest request;
  request.folder = fs::absolute(options.folder).lexically_normal();
  request.release = options.kernel;
  request.headers = options.headers;
  TRY_ASSIGN(request.assumptions, assumptions_of(globals));
  TRY_ASSIGN(const auto text, install::dkms_prebuild(host, request));
  print(text);
  return Exit::done;
}

// dkms signs modules itself from 3.0 on.
Result<Exit> sign(const Globals& globals, const std::string& release, const std::vector<std::string>& files) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(const auto dkms, install::Dkms::open(host));
  if (dkms.version() >= *Version::parse("3")) return Exit::done;
  TRY_ASSIGN(const auto key, module::signing_key(host));
  if (!key || (!module::secure_boot(host).on && key->from != "the configuration")) return Exit::done;
  TRY_ASSIGN(const auto kernel, kernel::open_kernel(host, release, /*any_compiler=*/true));
  if (!kernel.has("CONFIG_MODULE_SIG")) return Exit::done;
  for (const auto& file : files) TRY(module::sign_module(kernel, *key, fs::absolute(file).lexically_normal()));
  print("vgpukit: signed with " + key->key + "\n");
  return Exit::done;
}

}  // namespace

void add_dkms_prebuild(CLI::App& app, Globals& globals, Action& action) {
  auto* command =
      app.add_subcommand("dkms-prebuild", "For dkms: patch its copy of the sources for the kernel that it builds for")
          ->group("");
  auto options = std::make_shared<DkmsPrebuildOptions>();
  command->add_option("--kernel", options->kernel, "The release that dkms builds for")->type_name("REL")->required();
  command->add_option("--headers", options->headers, "The folder of the headers that dkms uses")->type_name("DIR");
  command->add_option("FOLDER", options->folder, "dkms's copy (default: the current folder)");
  set_action(command, globals, action, options, prebuild);

  auto* signing =
      app.add_subcommand("dkms-sign", "For dkms before 3.0, which signs nothing: sign the modules that it has built")
          ->group("");
  auto files = std::make_shared<std::vector<std::string>>();
  signing->add_option("--kernel", options->kernel, "The release that they are for")->type_name("REL")->required();
  signing->add_option("MODULE.ko", *files, "Modules, not compressed")->required();
  signing->callback([&globals, &action, options, files] {
    action = [&globals, options, files] { return sign(globals, options->kernel, *files); };
  });
}

}  // namespace vgpukit::cli
