#include <unistd.h>

#include <thread>

#include "cli/cli.hpp"
#include "passthrough/libvirt_hooks.hpp"
#include "passthrough/passthrough.hpp"
#include "passthrough/rebind.hpp"
#include "passthrough/text_merge.hpp"
#include "support/interrupt.hpp"
#include "support/log.hpp"
#include "support/outside_program.hpp"
#include "support/text.hpp"

namespace vgpukit::cli {

namespace {

using nlohmann::json;

struct PassthroughChangeOptions {
  std::string card, domain;
  bool lose_display = false, take_host_devices = false, overwrite = false, dry_run = false;
  bool any_device = false, single_gpu = false;

  [[nodiscard]] std::set<std::string> forced() const {
    std::set<std::string> all;
    if (lose_display) all.insert(passthrough::force_display);
    if (take_host_devices) all.insert(passthrough::force_host_devices);
    return all;
  }
};

// Runs a program of the machine. Its output is printed with -v, and its last lines are in the error when it fails.
passthrough::RunCommand runner(const HostPaths& host) {
  return [host](const std::vector<std::string>& argv) -> Status {
    OutsideProgram program;
    program.command.argv = argv;
    program.command.root = host.root;
    program.command.deadline = std::chrono::minutes(20);  // an initramfs for each of many kernels takes minutes
    program.command.on_line = [](std::string_view line, bool) { log::debug(line); };
    program.tried = "run " + join(argv, " ");
    return run_outside(program);
  };
}

std::string lines_text(const std::string& title, const std::vector<std::string>& lines) {
  if (lines.empty()) return "";
  std::string text = title + "\n";
  for (const auto& line : lines) text += wrapped(line, 2);
  return text;
}

std::string diffs_text(const std::vector<passthrough::FileEdit>& files) {
  std::string text;
  for (const auto& file : files) text += passthrough::text_diff(file.path, file.before, file.after);
  return text;
}

std::vector<std::string> command_lines(const std::vector<std::vector<std::string>>& commands) {
  std::vector<std::string> lines;
  for (const auto& command : commands)
    lines.push_back(join(command, " ", [](const std::string& word) {
      const auto equals = word.find('=');
      if (!word.starts_with("--") || equals == std::string::npos) return shell_word(word);
      const auto value = word.substr(equals + 1);
      const bool plain = value.find_first_of(" '\"$`\\") == std::string::npos;
      return plain ? word : word.substr(0, equals + 1) + shell_word(value);
    }));
  return lines;
}

json facts_json(const std::vector<system::BootFact>& facts) {
  json all = json::array();
  for (const auto& fact : facts) all.push_back({{"file", fact.file}, {"value", fact.value}});
  return all;
}

json read_back_json(const passthrough::ReadBack& back) {
  using State = passthrough::ReadBack::State;
  return {{"state", back.state == State::arrived   ? "arrived"
                    : back.state == State::missing ? "missing"
                                                   : "unreadable"},
          {"file", back.file},
          {"text", back.text}};
}

json boot_json(const passthrough::PassthroughPlan& plan) {
  return {{"loader", system::loader_name(plan.setup.loader)},
          {"loader_evidence", facts_json(plan.setup.loader_facts)},
          {"parameters_file", plan.setup.parameters_file},
          {"initramfs", system::tool_name(plan.setup.initramfs)},
          {"initramfs_evidence", facts_json(plan.setup.initramfs_facts)},
          {"read_back", read_back_json(plan.read_back)},
          {"initramfs_read_back", plan.initramfs ? read_back_json(*plan.initramfs) : json()}};
}

// What is known about the initramfs after `apply`.
std::string initramfs_text(const passthrough::PassthroughPlan& plan) {
  if (!plan.initramfs) return "";
  if (plan.initramfs->state == passthrough::ReadBack::State::arrived)
    return "Read back: " + plan.initramfs->text + ".\n";
  return "The initramfs could not be read back: " + plan.initramfs->text + ".\n";
}

std::vector<std::string> boot_lines(const system::BootSetup& setup) {
  std::vector<std::string> lines;
  if (setup.loader != system::BootLoader::none)
    lines.push_back(std::string("loader: ") + system::loader_name(setup.loader) + " (" +
                    system::facts_text(setup.loader_facts) + ")");
  if (setup.initramfs != system::InitramfsTool::none)
    lines.push_back(std::string("initramfs: ") + system::tool_name(setup.initramfs) + " (" +
                    system::facts_text(setup.initramfs_facts) + ")");
  return lines;
}

json plan_json(const passthrough::PassthroughPlan& plan, const char* result) {
  json files = json::array(), risks = json::array();
  for (const auto& file : plan.edits.files)
    files.push_back({{"path", file.path},
                     {"new", !file.before.has_value()},
                     {"why", file.why},
                     {"diff", passthrough::text_diff(file.path, file.before, file.after)}});
  for (const auto& risk : plan.card.risks) risks.push_back({{"option", risk.option}, {"text", risk.text}});
  return {{"result", result},
          {"card", passthrough::claim_json(plan.card.claim)},
          {"reasons", plan.card.reasons},
          {"files", std::move(files)},
          {"commands", plan.edits.commands},
          {"warnings", plan.card.warnings},
          {"file_warnings", plan.edits.warnings},
          {"notes", plan.notes},
          {"conflicts", plan.conflicts},
          {"risks", std::move(risks)},
          {"unknown", plan.edits.unknown},
          {"by_hand", plan.edits.by_hand},
          {"boot", boot_json(plan)},
          {"recovery", plan.edits.recovery}};
}

std::string plan_text(const passthrough::PassthroughPlan& plan) {
  std::vector<std::string> whys;
  for (const auto& file : plan.edits.files) whys.push_back(file.path + ": " + file.why);
  auto warnings = plan.card.warnings;
  warnings.insert(warnings.end(), plan.edits.warnings.begin(), plan.edits.warnings.end());
  std::vector<std::string> risks;
  for (const auto& risk : plan.card.risks) risks.push_back(risk.text + " (" + risk.option + ")");
  std::string functions;
  for (const auto& each : plan.card.claim.functions) functions += " " + each.address + " [" + each.ids + "]";
  return "vfio-pci gets" + functions + "\n" + lines_text("Because", plan.card.reasons) +
         lines_text("Boot", boot_lines(plan.setup)) + lines_text("Files", whys) + diffs_text(plan.edits.files) +
         lines_text("Then", command_lines(plan.edits.commands)) + lines_text("Note", warnings) +
         lines_text("Changed by others", plan.notes) + lines_text("Conflicts", plan.conflicts) +
         lines_text("apply refuses, because", risks) +
         (plan.edits.unknown.empty() ? "" : lines_text("apply writes nothing, because", {plan.edits.unknown})) +
         (plan.edits.unknown_next.empty() ? "" : lines_text("What to do", {plan.edits.unknown_next})) +
         lines_text("By hand", plan.edits.by_hand) + lines_text("If the host does not come up", {plan.edits.recovery});
}

Result<Exit> plan(const Globals& globals, const PassthroughChangeOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  const Sysfs sysfs(host);
  TRY_ASSIGN(const auto plan, passthrough::plan_passthrough(host, sysfs, options.card));
  if (const auto what = passthrough::unfinished_passthrough(host))
    log::warning("an earlier \"" + *what + "\" was interrupted: the next apply or undo takes it back first");
  if (globals.json())
    print_json(plan_json(plan, "planned"));
  else if (plan.nothing)
    print("All of it is applied already.\n");
  else
    print(plan_text(plan));
  return Exit::done;
}

Result<Exit> apply(const Globals& globals, const PassthroughChangeOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY(need_root(host, "apply passthrough"));
  const Sysfs sysfs(host);
  const passthrough::ChangeTools tools{host, runner(host), {}, options.overwrite};
  TRY_ASSIGN(const auto plan, passthrough::apply_passthrough(tools, sysfs, options.card, options.forced()));
  if (globals.json()) {
    print_json(plan_json(plan, plan.nothing ? "unchanged" : "applied"));
    return Exit::done;
  }
  if (plan.nothing) {
    print("All of it is applied already.\n");
    return Exit::done;
  }
  const auto& back = plan.read_back;
  const auto undo = " vgpukit passthrough undo " + plan.card.claim.address + " takes it back.\n";
  if (back.state == passthrough::ReadBack::State::unreadable)
    print(plan_text(plan) + "It is written, but what the boot loader will read could not be checked: " + back.text +
          ". After the next boot vgpukit doctor says whether the parameters arrived.\n" + initramfs_text(plan) +
          undo.substr(1));
  else
    print(plan_text(plan) + (back.text.empty() ? "" : "Read back: " + back.text + ".\n") + initramfs_text(plan) +
          "It is done, and takes effect with the next boot." + undo);
  return Exit::done;
}

Result<Exit> undo(const Globals& globals, const PassthroughChangeOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  if (!options.dry_run) TRY(need_root(host, "take back passthrough"));
  const passthrough::ChangeTools tools{host, runner(host), {}, options.overwrite};
  TRY_ASSIGN(const auto undone, passthrough::undo_passthrough(tools, options.card, options.dry_run));
  if (globals.json()) {
    json files = json::array();
    for (const auto& file : undone.files) files.push_back(file.path);
    print_json({{"result", options.dry_run ? "planned" : "undone"},
                {"card", undone.card},
                {"files", std::move(files)},
                {"commands", undone.commands},
                {"notes", undone.notes},
                {"cards_left", undone.cards_left}});
    return Exit::done;
  }
  print(diffs_text(undone.files) + lines_text(options.dry_run ? "Then" : "Done", command_lines(undone.commands)) +
        lines_text("Changed by others", undone.notes) + lines_text("Still applied", undone.cards_left) +
        (options.dry_run ? "" : "The files are as they were before; it takes effect with the next boot.\n"));
  return Exit::done;
}

Result<Exit> list(const Globals& globals, const PassthroughChangeOptions&) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY_ASSIGN(const auto cards, passthrough::applied_passthrough(host));
  const auto unfinished = passthrough::unfinished_passthrough(host);
  if (unfinished)
    log::warning("an earlier \"" + *unfinished + "\" was interrupted: the next apply or undo takes it back first");
  json all = json::array();
  std::string text;
  for (const auto& card : cards) {
    all.push_back(passthrough::claim_json(card));
    text += card.address + (card.by_address ? "  by address:" : "  by ids:");
    for (const auto& each : card.functions) text += " " + each.address + " [" + each.ids + "]";
    text += "\n";
  }
  if (globals.json())
    print_json({{"applied", std::move(all)}, {"unfinished", unfinished ? json(*unfinished) : json()}});
  else
    print(text.empty() ? "Nothing is applied.\n" : text);
  return Exit::done;
}

Result<Exit> rebind(const Globals& globals, const PassthroughChangeOptions& options, bool to_vfio) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY(need_root(host, to_vfio ? "bind a card to vfio-pci" : "unbind a card from vfio-pci"));
  Sysfs sysfs(host);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  const passthrough::RebindTools tools{host, sysfs, runner(host), [until] {
                                         std::this_thread::sleep_for(std::chrono::milliseconds(100));
                                         return std::chrono::steady_clock::now() < until && Interrupt::caught() == 0;
                                       }};
  const passthrough::RebindRequest request{options.card, options.any_device, options.single_gpu, options.forced()};
  TRY_ASSIGN(const auto done,
             to_vfio ? passthrough::bind_to_vfio(tools, request) : passthrough::unbind_from_vfio(tools, request));
  for (const auto& note : done.notes) log::warning(note);
  json functions = json::array();
  std::string text;
  const auto name = [](const std::string& driver) { return driver.empty() ? std::string("no driver") : driver; };
  for (const auto& each : done.functions) {
    functions.push_back({{"address", each.address}, {"before", each.before}, {"driver", each.after}});
    text += each.address + "  " + name(each.before) +
            (each.before == each.after ? ", as before" : " -> " + name(each.after)) + "\n";
  }
  if (globals.json())
    print_json({{"result", to_vfio ? "bound" : "unbound"}, {"functions", std::move(functions)}, {"notes", done.notes}});
  else
    print(text);
  return Exit::done;
}

Result<Exit> bind(const Globals& globals, const PassthroughChangeOptions& options) {
  return rebind(globals, options, true);
}
Result<Exit> unbind(const Globals& globals, const PassthroughChangeOptions& options) {
  return rebind(globals, options, false);
}

Result<Exit> hooks_install(const Globals& globals, const PassthroughChangeOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY(need_root(host, "install a libvirt hook"));
  const Sysfs sysfs(host);
  const auto pci = system::read_pci_devices(sysfs);
  TRY_ASSIGN(const auto* card, passthrough::find_own_card(pci, options.card, options.any_device));
  std::error_code bad;
  const auto self = fs::read_symlink("/proc/self/exe", bad);
  const auto program = host.is_host() && !bad ? self.string() : std::string("vgpukit");
  TRY_ASSIGN(const auto file, passthrough::install_hook(host, options.domain, card->address, options.any_device,
                                                        program, options.overwrite));
  if (globals.json()) print_json({{"result", "installed"}, {"file", file}, {"card", card->address}});
  if (!globals.json())
    print(file + " gives " + card->address + " to '" + options.domain +
          "' when it starts, and back to its driver when it ends.\nIf /etc/libvirt/hooks was empty before: systemctl "
          "restart libvirtd (virtqemud).\n");
  return Exit::done;
}

Result<Exit> hooks_remove(const Globals& globals, const PassthroughChangeOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  TRY(need_root(host, "remove a libvirt hook"));
  TRY_ASSIGN(const auto file, passthrough::remove_hook(host, options.domain, options.overwrite));
  if (globals.json())
    print_json({{"result", "removed"}, {"file", file}});
  else
    print(file + " is removed.\n");
  return Exit::done;
}

}  // namespace

void add_passthrough_change(CLI::App& passthrough, Globals& globals, Action& action) {
  const auto options = std::make_shared<PassthroughChangeOptions>();
  const auto add = [&](CLI::App& parent, const char* name, const char* about,
                       Result<Exit> (*what)(const Globals&, const PassthroughChangeOptions&)) {
    auto* sub = parent.add_subcommand(name, about);
    set_action(sub, globals, action, options, what);
    return sub;
  };
  const auto card = [&](CLI::App* sub) {
    sub->add_option("CARD", options->card, "The card's PCI address (01:00.0)")->required();
  };
  const auto risks = [&](CLI::App* sub) {
    sub->add_flag(passthrough::force_display, options->lose_display,
                  "Continue although the host loses its last display");
    sub->add_flag(
        passthrough::force_host_devices, options->take_host_devices,
        "Continue although disks, network or keyboards of the host are in the card's IOMMU group and are taken, too");
  };
  const auto any_device = [&](CLI::App* sub) {
    sub->add_flag("--any-device", options->any_device, "Also a device that is not a graphics card");
  };
  const auto overwrite = [&](CLI::App* sub) {
    sub->add_flag("--force-overwrite-changes", options->overwrite,
                  "Continue although others have changed the same lines since; their version is saved beside the file");
  };
  card(add(passthrough, "plan", "Show what apply would change in which files, and why", plan));
  add(passthrough, "list", "List the cards that apply was run for", list);
  auto* applies = add(passthrough, "apply", "Bind a card to vfio-pci from the next boot on", apply);
  auto* undoes = add(passthrough, "undo", "Undo apply: restore every file", undo);
  auto* binds = add(passthrough, "bind", "Bind a card to vfio-pci now, until the next boot", bind);
  auto* unbinds = add(passthrough, "unbind", "Bind a card to its driver again now", unbind);
  for (auto* sub : {applies, undoes, binds, unbinds}) card(sub);
  risks(applies);
  overwrite(applies);
  overwrite(undoes);
  undoes->add_flag("--dry-run", options->dry_run, "Only print what would be undone");
  risks(binds);
  for (auto* sub : {binds, unbinds}) {
    any_device(sub);
    sub->add_flag("--single-gpu", options->single_gpu,
                  "First stop the desktop and unbind the consoles from the card; unbind starts them again");
  }
  auto* hooks = passthrough.add_subcommand(
      "hooks", "libvirt hooks that give a virtual machine the host's only card while it runs");
  hooks->require_subcommand(1);
  auto* installs = add(*hooks, "install", "Write the hook of a virtual machine", hooks_install);
  card(installs);
  any_device(installs);
  auto* removes = add(*hooks, "remove", "Remove the hook of a virtual machine", hooks_remove);
  for (auto* sub : {installs, removes}) {
    sub->add_option("--domain", options->domain, "The virtual machine's name in libvirt")
        ->type_name("NAME")
        ->required();
    overwrite(sub);
  }
}

}  // namespace vgpukit::cli
