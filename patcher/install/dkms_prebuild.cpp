#include "install/dkms_prebuild.hpp"

#include "build/make_command.hpp"
#include "build/work_tree.hpp"
#include "conftest/conftest.hpp"
#include "conftest/driver_checks.hpp"
#include "driver/driver.hpp"
#include "install/dkms_tree.hpp"
#include "kernel/facts.hpp"
#include "recipe/plan.hpp"
#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/sandbox.hpp"
#include "support/text.hpp"

namespace vgpukit::install {

namespace {

constexpr const char* kMake = "vgpukit-make";

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

// dkms --kernelsourcedir names other headers. Sources that are patched for one kernel must not be built for another.
Status check_headers(const HostPaths& host, const kernel::Kernel& kernel, const fs::path& headers) {
  if (headers.empty()) return {};
  const auto theirs = host.resolve(headers);
  const auto ours = host.resolve(kernel.build);
  const auto source = host.resolve(kernel.source);
  if (!theirs || theirs == ours || theirs == source) return {};
  return Error{ErrorKind::usage, "patch the driver for " + kernel.release,
               "dkms builds with the headers in " + theirs->string() + ", and those of " + kernel.release + " are in " +
                   kernel.build_here().string(),
               "run dkms without --kernelsourcedir"};
}

Error cannot_apply(const std::vector<const recipe::PlanLine*>& lines, const kernel::Kernel& kernel) {
  std::string why;
  for (const auto* line : lines)
    append(why, line->recipe->id + ": " + line->reason + " (without it " + line->recipe->run_time + ")", "; ");
  return {ErrorKind::failed, "patch the driver for " + kernel.release, why,
          "the modules for other kernels stay installed; install a newer vgpukit"};
}

Error wants_consent(const recipe::Plan& plan, const kernel::Kernel& kernel) {
  std::string names;
  for (const auto& line : plan.lines)
    if (line.decision == recipe::Decision::needs_consent && line.recipe->notice)
      append(names, line.recipe->notice->name);
  return {ErrorKind::consent, "patch the driver for " + kernel.release, "it needs consent to: " + names,
          "vgpukit plan explains them; to accept: vgpukit install DRIVER --accept NAME"};
}

// The driver's own sanity checks.
Status check_refusals(const std::vector<conftest::DriverCheck>& checks, const kernel::Kernel& kernel) {
  for (const auto& check : checks) {
    if (check.accepted) continue;
    const std::string tried = "build the driver for " + kernel.release;
    const std::string why = "the driver refuses this kernel (" + check.check + ": " + check.says + "): " + check.means;
    if (check.notice.empty()) return Error{ErrorKind::failed, tried, why, check.next};
    return Error{ErrorKind::consent, tried, why, check.next + " with vgpukit install DRIVER"};
  }
  return {};
}

std::string as_script(const Command& make, const std::string& explanation) {
  std::string text = "# The make command of `vgpukit build`, for this kernel.\n";
  each_line(explanation, [&](std::string_view line) { text += "# " + std::string(line) + "\n"; });
  for (const auto& [name, value] : make.env) text += "export " + name + "=" + shell_word(value) + "\n";
  // dkms exports these for its own runs of make. Here they would override our variables.
  text += "unset ARCH CC LD OBJDUMP LLVM LLVM_IAS MAKEFLAGS MFLAGS\nexec ";
  return text + join(make.argv, " ", shell_word) + "\n";
}

std::string summary(const driver::Driver& driver, const recipe::Plan& plan, const kernel::Kernel& kernel) {
  const auto applied = plan.applied();
  std::string open;
  for (const auto* line : recipe::blocking(plan, recipe::Strict::all))
    open += "vgpukit: could not apply " + line->recipe->id +
            ", so the compiler decides whether it is needed: " + line->reason + "\n";
  return open + "vgpukit: NVIDIA " + driver.version.text + " for " + kernel.release + ": " +
         std::to_string(applied.size()) + (applied.size() == 1 ? " recipe applied" : " recipes applied") +
         (applied.empty() ? "" : ": ") + join(applied, ", ", [](const auto* line) { return line->recipe->id; }) + "\n";
}

}  // namespace

Result<std::string> dkms_prebuild(const HostPaths& host, const PrebuildRequest& request) {
  std::error_code bad;
  fs::remove(request.folder / kMake, bad);
  if (!is_our_dkms_tree(request.folder))
    return Error{ErrorKind::usage, "patch the driver in " + request.folder.string(), "vgpukit install did not write it",
                 "this command is for dkms; vgpukit patch is for people"};
  TRY_ASSIGN(const auto choices, read_dkms_choices(request.folder));
  TRY_ASSIGN(const auto catalogue, catalogue_for(choices));
  TRY_ASSIGN(const auto driver, driver::open_driver(host, request.folder));
  TRY_ASSIGN(auto kernel, kernel::open_kernel(host, request.release, choices.accepted.contains("other-compiler")));
  TRY(check_headers(host, kernel, request.headers));
  kernel::Facts facts(std::move(kernel), request.assumptions);
  TRY_ASSIGN(auto tree, transform::SourceTree::open(driver.sources));
  TRY_ASSIGN(const auto plan, recipe::make_plan(catalogue, driver, facts, tree, choices.accepted, choices.modules));
  if (plan.has(recipe::Decision::needs_consent)) return wants_consent(plan, facts.kernel());
  // Nobody reads the warnings of a dkms build: a recipe without which the driver builds but fails ends it.
  if (const auto lines = recipe::blocking(plan, recipe::Strict::run_time); !lines.empty())
    return cannot_apply(lines, facts.kernel());
  TRY_ASSIGN(const auto checks, conftest::run_driver_checks(facts.kernel(), tree, choices.accepted));
  TRY(check_refusals(checks, facts.kernel()));
  TRY(build::write_edits(tree.edits(), request.folder));

  build::BuildRequest build;
  build.tree = request.folder;
  build.modules = choices.modules == driver.modules ? std::vector<std::string>{} : choices.modules;
  build.jobs = default_jobs();
  build.accepted = choices.accepted;
  TRY_ASSIGN(const auto* probe, facts.probe());
  build.debug_info = probe->debug_info;
  const auto make = build::make_command(facts.kernel(), build, host.inside(request.folder).string());
  {
    TRY_ASSIGN(const auto given, BuildFolder::give(request.folder));
    TRY(conftest::answer_conftest(facts, {build.tree, build.modules, false, build.jobs, {}}, make));
  }
  TRY(write_file(request.folder / kMake, as_script(make, build::explain_make_variables(facts.kernel(), build))));
  return summary(driver, plan, facts.kernel());
}

Result<int> dkms_make(const HostPaths& host, const fs::path& folder,
                      const std::function<void(std::string_view)>& on_line) {
  if (const auto problem = sandbox_problem(host.root); !problem.empty()) on_line("vgpukit: " + problem);
  TRY_ASSIGN(const auto given, BuildFolder::give(folder));
  Command command;
  command.argv = {"sh", host.inside(folder / kMake).string()};
  command.root = host.root;
  command.cwd = host.inside(folder);
  command.confined = true;
  command.writable = {command.cwd};
  command.collect = false;
  command.on_line = [&](std::string_view line, bool) { on_line(line); };
  TRY_ASSIGN(const auto outcome, run(command));
  return outcome.status;
}

}  // namespace vgpukit::install
