#include "install/dkms_build.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "build/job.hpp"
#include "install/dkms_tree.hpp"
#include "kernel/facts.hpp"
#include "support/atomic_file.hpp"
#include "support/descriptor.hpp"
#include "support/interrupt.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::install {

namespace {

Result<recipe::Catalogue> catalogue_for(const DkmsChoices& choices) {
  TRY_ASSIGN(const auto data, shipped_data());
  std::vector<fs::path> folders;
  if (choices.shipped_recipes) folders.push_back(data / "recipes");
  folders.insert(folders.end(), choices.recipes.begin(), choices.recipes.end());
  TRY_ASSIGN(auto catalogue, recipe::Catalogue::load(folders, data / "patches"));
  // A recipe that no longer exists need not be left out.
  for (const auto& id : choices.without)
    if (catalogue.find(id)) TRY(catalogue.leave_out({id}));
  return catalogue;
}

// dkms --kernelsourcedir names other headers. Modules for one kernel must not be installed for another.
Status check_headers(const HostPaths& host, const kernel::Kernel& kernel, const fs::path& headers) {
  if (headers.empty()) return {};
  const auto theirs = host.resolve(headers);
  const auto ours = host.resolve(kernel.build);
  const auto source = host.resolve(kernel.source);
  if (!theirs || theirs == ours || theirs == source) return {};
  return Error{ErrorKind::usage, "build the driver for " + kernel.release,
               "dkms builds with the headers in " + theirs->string() + ", and those of " + kernel.release + " are in " +
                   kernel.build_here().string(),
               "run dkms without --kernelsourcedir"};
}

// Waits for another dkms build of the same version. The lock is on dkms's folder, because a file would stay after the
// driver is removed.
Result<Descriptor> lock_version(const DkmsBuildRequest& request) {
  const auto folder = request.folder.parent_path();
  Descriptor lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;  // unreadable: nothing else can use it either
  if (request.on_step) request.on_step("another dkms build of this driver is running: waiting for it");
  while (::flock(lock.get(), LOCK_EX) != 0)
    if (Interrupt::caught() != 0 || errno != EINTR)
      return Error{ErrorKind::interrupted, "wait for another dkms build in " + folder.string(), "interrupted", ""};
  return lock;
}

}  // namespace

Result<build::BuildReport> dkms_build(const HostPaths& host, const DkmsBuildRequest& request) {
  if (!is_our_dkms_tree(request.folder))
    return Error{ErrorKind::usage, "build the driver in " + request.folder.string(), "vgpukit install did not write it",
                 "this command is for dkms; vgpukit build is for people"};
  TRY_ASSIGN(const auto choices, read_dkms_choices(request.folder));
  // All kernels of a version share the folder's path. If a second dkms build replaces the folder, the modules of this
  // one must not appear in it.
  const Descriptor folder(::open(request.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  TRY_ASSIGN(const auto lock, lock_version(request));
  std::error_code bad;
  for (const auto& module : choices.modules) fs::remove(request.folder / (module + ".ko"), bad);
  TRY_ASSIGN(const auto catalogue, catalogue_for(choices));
  TRY_ASSIGN(auto driver, driver::open_driver(host, request.folder));
  TRY_ASSIGN(driver.content, original_content(request.folder, driver));
  TRY_ASSIGN(auto kernel, kernel::open_kernel(host, request.release, choices.accepted.contains("other-compiler")));
  TRY(check_headers(host, kernel, request.headers));
  // dkms removes its copy, and with it what this build stores.
  kernel.host.state = request.folder / ".vgpukit";
  kernel::Facts facts(std::move(kernel), request.assumptions);

  build::BuildJob job;
  job.driver = &driver;
  job.catalogue = &catalogue;
  job.other_state = host.state;
  job.explanations = &catalogue;
  job.accepted = choices.accepted;
  if (choices.modules != driver.modules) job.modules = choices.modules;
  job.jobs = default_jobs();
  job.on_progress = request.on_progress;
  job.on_step = request.on_step;
  // Nobody reads the warnings of a dkms build: a recipe without which the driver builds but fails ends it.
  job.strict = recipe::Strict::run_time;
  TRY_ASSIGN(auto report, build::run_build(facts, job));
  if (report.result != build::BuildReport::Result::built) return report;
  const auto same_folder = "/proc/self/fd/" + std::to_string(folder.get());
  for (const auto& module : report.modules) {
    const auto name = fs::path(module.path).filename();
    if (auto copied = clone_file(module.path, fs::path(same_folder) / name); !copied) {
      if (fs::equivalent(same_folder, request.folder, bad)) return copied.error();
      return Error{ErrorKind::failed, "put " + name.string() + " into " + request.folder.string(),
                   "another dkms build has replaced the folder meanwhile",
                   "run dkms for one kernel after the other; what is installed has not changed"};
    }
  }
  return report;
}

Status write_dkms_make_script(const DkmsBuildRequest& request, const std::string& program) {
  std::vector<std::string> words = {program, "--color", "never", "dkms-build", "--kernel", request.release};
  if (!request.headers.empty()) words.insert(words.end(), {"--headers", request.headers.string()});
  return write_file(request.folder / "vgpukit-make", "exec " + join(words, " ", shell_word) + "\n");
}

}  // namespace vgpukit::install
