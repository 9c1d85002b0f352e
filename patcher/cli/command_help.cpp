#include "cli/command_help.hpp"

#include <algorithm>

#include "cli/help_text.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

// {path, examples, document, schema}
std::vector<CommandHelp> make_help() {
  return {
      {"",
       {{"vgpukit build 535 --kernel newest", "build the newest 535 of the driver store for the newest kernel here"},
        {"vgpukit install NVIDIA.run", "the whole driver, and modules for each later kernel"},
        {"vgpukit doctor", "is this host ready? What is wrong, and what to do"}},
       "docs/guides/README.md",
       ""},
      {"build",
       {{"vgpukit build NVIDIA.run", "for the running kernel"},
        {"vgpukit build 535 --kernel newest --accept gpl-export", "for a kernel that does not run yet"}},
       "docs/building.md",
       "build"},
      {"plan",
       {{"vgpukit plan 535 --kernel newest", "what would be changed, and why"},
        {"vgpukit plan 535 --kernel newest --diff", "the changes as a diff"}},
       "docs/building.md",
       "plan"},
      {"patch",
       {{"vgpukit patch 535 --kernel newest --output tree", "a git repository with a commit for each recipe"},
        {"vgpukit patch NVIDIA.run --repack patched.run", "an installer with the patched sources"}},
       "docs/building.md",
       "patch"},
      {"verify", {{"vgpukit verify nvidia.ko nvidia-vgpu-vfio.ko --kernel newest", ""}}, "docs/building.md", "verify"},
      {"kernel", {{"vgpukit kernel list", ""}}, "docs/building.md", ""},
      {"kernel list", {{"vgpukit kernel list", "the kernels here, and what each lacks"}}, "", "kernel-list"},
      {"kernel facts",
       {{"vgpukit kernel facts --kernel newest", ""},
        {"vgpukit kernel facts --ask 'declaration no_llseek linux/fs.h'", "one question, of the running kernel"}},
       "",
       "kernel-facts"},
      {"driver", {{"vgpukit driver info NVIDIA.run", ""}}, "docs/drivers.md", ""},
      {"driver add", {{"vgpukit driver add NVIDIA-GRID.zip", "then `535` or `535.247.02` names it"}}, "", "driver-add"},
      {"driver list", {{"vgpukit driver list", ""}}, "", "driver-list"},
      {"driver info", {{"vgpukit driver info NVIDIA.run", ""}}, "", "driver-info"},
      {"driver extract", {{"vgpukit driver extract NVIDIA.run --output folder", ""}}, "", "driver-extract"},
      {"driver verify", {{"vgpukit driver verify NVIDIA.run --sha256 NVIDIA.run.sha256sum", ""}}, "", "driver-verify"},
      {"install",
       {{"sudo vgpukit install NVIDIA.run", ""},
        {"sudo vgpukit install 535 --without-nvidia-installer", "only the kernel modules, through dkms"}},
       "docs/installing.md",
       "install"},
      {"status", {{"vgpukit status", "has the next kernel a working driver?"}}, "docs/installing.md", "status"},
      {"rollback", {{"sudo vgpukit rollback", "back to the driver before"}}, "docs/installing.md", "rollback"},
      {"uninstall", {{"sudo vgpukit uninstall", ""}}, "docs/installing.md", "uninstall"},
      {"hook", {{"vgpukit hook status", ""}}, "docs/installing.md", ""},
      {"hook install", {{"sudo vgpukit hook install", ""}}, "", "hook-install"},
      {"hook remove", {{"sudo vgpukit hook remove", ""}}, "", "hook-remove"},
      {"hook run", {{"sudo vgpukit hook run 6.12.95+deb12-amd64", "try again for this kernel"}}, "", "hook-run"},
      {"hook status", {{"vgpukit hook status", ""}}, "", "hook-status"},
      {"load",
       {{"sudo vgpukit load", ""},
        {"vgpukit load --dry-run", "the order and the reasons"},
        {"sudo vgpukit load --from folder", "the modules of vgpukit build --output folder"}},
       "docs/loading.md",
       "load"},
      {"unload",
       {{"sudo vgpukit unload", "or show who uses the modules"}, {"sudo vgpukit unload --stop-holders", ""}},
       "docs/loading.md",
       "unload"},
      {"reload", {{"sudo vgpukit reload --stop-holders", ""}}, "docs/loading.md", "reload"},
      {"vgpu", {{"vgpukit vgpu types", ""}, {"sudo vgpukit vgpu define nvidia-63", ""}}, "docs/vgpus.md", ""},
      {"vgpu types",
       {{"vgpukit vgpu types", ""}, {"vgpukit vgpu types --card 01:00.0", "only this card"}},
       "",
       "vgpu-types"},
      {"vgpu list", {{"vgpukit vgpu list", ""}}, "", "vgpu-list"},
      {"vgpu create", {{"sudo vgpukit vgpu create nvidia-63", "until the next boot"}}, "", "vgpu-create"},
      {"vgpu remove", {{"sudo vgpukit vgpu remove 4b20d080-1b54-4048-85b3-a6a62d165c01", ""}}, "", "vgpu-remove"},
      {"vgpu define", {{"sudo vgpukit vgpu define nvidia-63", "at each boot"}}, "", "vgpu-define"},
      {"vgpu undefine", {{"sudo vgpukit vgpu undefine 4b20d080-1b54-4048-85b3-a6a62d165c01", ""}}, "", "vgpu-undefine"},
      {"vgpu start", {{"sudo vgpukit vgpu start 4b20d080-1b54-4048-85b3-a6a62d165c01", ""}}, "", "vgpu-start"},
      {"vgpu stop", {{"sudo vgpukit vgpu stop 4b20d080-1b54-4048-85b3-a6a62d165c01", ""}}, "", "vgpu-stop"},
      {"vgpu modify",
       {{"sudo vgpukit vgpu modify 4b20d080-1b54-4048-85b3-a6a62d165c01 --param frame_rate_limiter=0", ""}},
       "",
       "vgpu-modify"},
      {"vgpu apply", {{"sudo vgpukit vgpu apply", ""}, {"vgpukit vgpu apply --dry-run", ""}}, "", "vgpu-apply"},
      {"vgpu xml", {{"vgpukit vgpu xml 4b20d080-1b54-4048-85b3-a6a62d165c01", ""}}, "", "vgpu-xml"},
      {"doctor",
       {{"sudo vgpukit doctor", ""},
        {"vgpukit doctor --guest", "in a virtual machine with a card"},
        {"sudo vgpukit doctor --report report.txt", "a file to attach to a question"}},
       "docs/doctor.md",
       "doctor"},
      {"passthrough",
       {{"vgpukit passthrough groups", ""}, {"vgpukit passthrough plan 01:00.0", ""}},
       "docs/passthrough.md",
       ""},
      {"passthrough groups", {{"vgpukit passthrough groups", ""}}, "", "passthrough-groups"},
      {"passthrough plan", {{"vgpukit passthrough plan 01:00.0", "changes nothing"}}, "", "passthrough-plan"},
      {"passthrough apply", {{"sudo vgpukit passthrough apply 01:00.0", ""}}, "", "passthrough-plan"},
      {"passthrough undo",
       {{"vgpukit passthrough undo 01:00.0 --dry-run", ""}, {"sudo vgpukit passthrough undo 01:00.0", ""}},
       "",
       "passthrough-undo"},
      {"passthrough list", {{"vgpukit passthrough list", ""}}, "", "passthrough-list"},
      {"passthrough bind",
       {{"sudo vgpukit passthrough bind 01:00.0", ""},
        {"sudo vgpukit passthrough bind 01:00.0 --single-gpu", "the host's only card"}},
       "",
       "passthrough-bind"},
      {"passthrough unbind", {{"sudo vgpukit passthrough unbind 01:00.0", ""}}, "", "passthrough-bind"},
      {"passthrough hooks", {{"sudo vgpukit passthrough hooks install 01:00.0 --domain win11", ""}}, "", ""},
      {"passthrough hooks install",
       {{"sudo vgpukit passthrough hooks install 01:00.0 --domain win11", ""}},
       "",
       "passthrough-hooks"},
      {"passthrough hooks remove",
       {{"sudo vgpukit passthrough hooks remove --domain win11", ""}},
       "",
       "passthrough-hooks"},
      {"passthrough xml",
       {{"vgpukit passthrough xml 01:00.0 --guest-os linux", "a whole domain"},
        {"vgpukit passthrough xml 01:00.0 --guest-os windows --apply win11.xml", "add the card to that domain"}},
       "",
       "passthrough-xml"},
      {"passthrough rom", {{"sudo vgpukit passthrough rom 01:00.0 --output card.rom", ""}}, "", "passthrough-rom"},
      {"matrix",
       {{"vgpukit matrix run matrix.yaml", ""}, {"vgpukit matrix report result.json --format html", ""}},
       "docs/matrix-file.md",
       ""},
      {"matrix list", {{"vgpukit matrix list matrix.yaml", ""}}, "", "matrix-list"},
      {"matrix run",
       {{"vgpukit matrix run matrix.yaml --output result.json", ""},
        {"vgpukit matrix run matrix.yaml --only 535 --shard 2/8", ""}},
       "",
       "matrix-result"},
      {"matrix report", {{"vgpukit matrix report result.json --format html", ""}}, "", "matrix-result"},
      {"matrix emit", {{"vgpukit matrix emit matrix.yaml --format github", ""}}, "", ""},
      {"matrix merge", {{"vgpukit matrix merge 1.json 2.json --output result.json", ""}}, "", "matrix-result"},
      {"package",
       {{"vgpukit package 535 --kernel newest --format deb", "verified modules for your other hosts"}},
       "docs/installing.md",
       "package"},
      {"adapt",
       {{"vgpukit adapt 535 --kernel newest --output drafts", "recipes for errors that no recipe explains"},
        {"vgpukit adapt 535 --kernel newest --report report.txt", "also a text to send to somebody"}},
       "docs/recipes.md",
       "adapt"},
      {"recipe", {{"vgpukit recipe list", ""}}, "docs/recipes.md", ""},
      {"recipe list",
       {{"vgpukit recipe list", ""}, {"vgpukit recipe list --unused result.json", ""}},
       "",
       "recipe-list"},
      {"recipe show", {{"vgpukit recipe show 6.12-no-llseek-removed", ""}}, "", "recipe-show"},
      {"recipe test", {{"vgpukit recipe test 6.12-no-llseek-removed", ""}}, "", "recipe-test"},
      {"recipe lint",
       {{"vgpukit recipe lint", ""}, {"vgpukit recipe lint my/6.99-name.yaml --driver 535", ""}},
       "",
       "recipe-lint"},
      {"recipe new",
       {{"vgpukit recipe new --from-log make.log --output my", ""},
        {"vgpukit recipe new --from-commit HEAD --repository linux", ""}},
       "docs/guides/writing-a-recipe.md",
       "recipe-new"},
      {"recipe import", {{"vgpukit recipe import fix.patch --kernel newest", ""}}, "", "recipe-import"},
      {"recipe schema", {{"vgpukit recipe schema", ""}}, "", ""},
  };
}

std::string parent_of(const std::string& path) {
  const auto blank = path.rfind(' ');
  return blank == std::string::npos ? "" : path.substr(0, blank);
}

void add_to(CLI::App& command, const std::string& path) {
  // Options of an option group belong to the command, which has the examples.
  for (auto* sub : command.get_subcommands([](const CLI::App* each) { return !each->get_name().empty(); }))
    add_to(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name());
  command.formatter_fn([](const CLI::App* app, const std::string&, CLI::AppFormatMode) { return help_text(*app); });
  if (path.empty()) return;
  std::string footer;
  if (const auto* help = command_help(path)) {
    footer = (help->examples.size() == 1 ? "Example:\n" : "Examples:\n") + example_lines(*help, 2);
    if (const auto document = document_of(path); !document.empty()) footer += document + " explains it.\n";
  }
  // What the command itself says at its end stays; CLI11 copies the footer of the command above.
  const auto* parent = command.get_parent();
  if (command.get_footer() != (parent ? parent->get_footer() : "")) footer += command.get_footer();
  command.footer(footer);
}

}  // namespace

const std::vector<CommandHelp>& all_command_help() {
  static const auto all = make_help();
  return all;
}

const CommandHelp* command_help(const std::string& path) {
  const auto& all = all_command_help();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& help) { return help.path == path; });
  return found == all.end() ? nullptr : &*found;
}

std::string example_lines(const CommandHelp& help, std::size_t indent) {
  std::size_t width = 0;
  for (const auto& example : help.examples)
    if (!example.about.empty()) width = std::max(width, example.line.size());
  std::string text;
  for (const auto& [line, about] : help.examples)
    text += std::string(indent, ' ') + line +
            (about.empty() ? "" : std::string(width - line.size(), ' ') + "  # " + about) + "\n";
  return text;
}

std::string document_of(const std::string& path) {
  const auto* help = command_help(path);
  if (help != nullptr && !help->document.empty()) return help->document;
  return path.empty() ? "" : document_of(parent_of(path));
}

const std::vector<CommandGroup>& command_groups() {
  static const std::vector<CommandGroup> groups{
      {"Build", {"build", "plan", "patch", "verify", "kernel", "driver"}},
      {"Install", {"install", "status", "rollback", "uninstall", "hook"}},
      {"Run", {"load", "unload", "reload", "vgpu"}},
      {"Host", {"doctor", "passthrough"}},
      {"Fleet", {"matrix", "package"}},
      {"Authoring", {"adapt", "recipe"}},
  };
  return groups;
}

void add_command_help(CLI::App& app) {
  add_to(app, "");
  for (const auto& group : command_groups())
    for (auto* command : app.get_subcommands([&](const CLI::App* each) {
           return std::find(group.commands.begin(), group.commands.end(), each->get_name()) != group.commands.end();
         }))
      command->group(group.name);
  const auto* help = command_help("");
  app.footer("Examples:\n" + example_lines(*help, 2) + "\nvgpukit COMMAND --help explains a command. " +
             help->document + " lists guides by task.\n\n" + app.get_footer());
}

}  // namespace vgpukit::cli
