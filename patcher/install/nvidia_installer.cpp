#include "install/nvidia_installer.hpp"

#include "build/work_tree.hpp"
#include "driver/run_file_zip.hpp"
#include "install/installer_conflicts.hpp"
#include "kernel/kernel_notices.hpp"
#include "support/atomic_file.hpp"
#include "support/process.hpp"

namespace vgpukit::install {

namespace {

constexpr const char* with_running_driver = "545.23.06";

struct Since {
  const char* version;
  std::string option;
};

// NVIDIA's Makefile is replaced by one that gives out the modules of `folder`, as the root knows it. The installer, and
// dkms if the installer leaves the build to it, run `make`, `make modules` and `make clean`.
std::string makefile_for(const fs::path& folder) {
  auto copy = "cp " + shell_word(folder.string()) + "/*.ko .";
  for (auto at = copy.find('$'); at != std::string::npos; at = copy.find('$', at + 2)) copy.insert(at, "$");
  return "# vgpukit has built and verified the modules.\nmodules module:\n\t" + copy +
         "\nclean:\n\trm -f *.ko\n.PHONY: modules module clean\n";
}

}  // namespace

std::vector<std::string> installer_options(const Version& version, const std::string& release,
                                           const std::string& sources, const std::string& log,
                                           const std::string& tmpdir) {
  std::vector<Since> table = {
      {"304", "--silent"},
      {"304", "--no-x-check"},
      {"304", "--no-precompiled-interface"},
      {"304", "--kernel-name=" + release},
      {"304", "--log-file-name=" + log},
      {"304.22", "--dkms"},
      {"470.42.01", "--kernel-module-build-directory=" + sources},
      {"545.23.06", "--no-rebuild-initramfs"},
      {with_running_driver, "--allow-installation-with-running-driver"},
      {"550.40.07", "--skip-module-load"},
  };
  if (!tmpdir.empty()) table.push_back({"304", "--tmpdir=" + tmpdir});
  std::vector<std::string> options;
  for (const auto& each : table)
    if (version >= *Version::parse(each.version)) options.push_back(each.option);
  return options;
}

bool installer_ignores_loaded_modules(const Version& version) {
  return version >= *Version::parse(with_running_driver);
}

Result<int> run_nvidia_installer(const driver::Driver& driver, const driver::SourceEdits& edits,
                                 const std::vector<fs::path>& modules, const kernel::Kernel& kernel,
                                 const std::set<std::string>& accepted, const std::string& log,
                                 const std::function<void(std::string_view)>& on_line) {
  const auto& host = kernel.host;
  std::error_code bad;
  // Others may write to host.work() of another root, so it is in a folder that is new.
  TRY_ASSIGN(const auto scratch, StagedFolder::beside(host.work() / ("vgpukit-installer-" + driver.version.text)));
  const auto target = scratch.path() / "package";
  TRY(driver::unpack_package(driver.package, target));
  if (!fs::exists(target / "nvidia-installer", bad))
    return Error{ErrorKind::usage, "install " + driver.path.string(), "there is no nvidia-installer in it",
                 "--without-nvidia-installer registers its kernel modules with dkms"};
  if (const auto edit = edits.find("conftest.sh"); edit != edits.end())
    TRY(build::write_edits({*edit}, target / driver.package_folder));
  const auto built = scratch.path() / "modules";
  fs::create_directory(built, bad);
  for (const auto& module : modules) TRY(clone_file(module, built / module.filename()));
  TRY(write_file(target / driver.package_folder / "Makefile", makefile_for(host.inside(built))));
  Command command;
  command.root = host.root;
  command.cwd = host.inside(target);
  const auto tmpdir = installer_tmpdir(host, host.inside(target)).value_or("");
  command.argv = installer_options(driver.version, kernel.release, driver.package_folder, log, tmpdir.string());
  command.argv.insert(command.argv.begin(), (host.inside(target) / "nvidia-installer").string());
  command.collect = false;
  command.on_line = [&](std::string_view line, bool) {
    if (on_line) on_line(line);
  };
  command.env.merge(kernel::accepted_variables(kernel, accepted));
  // The driver's conftest.sh, which the installer asks whether the driver can be built, takes CC from the environment.
  for (const auto& variable : kernel.make_variables()) {
    const auto equals = variable.find('=');
    command.env[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  TRY_ASSIGN(const auto outcome, run(command));
  return outcome.status;
}

}  // namespace vgpukit::install
