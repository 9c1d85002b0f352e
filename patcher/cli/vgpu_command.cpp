#include <unistd.h>

#include <algorithm>

#include "cli/cli.hpp"
#include "cli/vgpu_text.hpp"
#include "support/log.hpp"
#include "vgpu/vgpu_support.hpp"
#include "vgpu/vgpu_xml.hpp"
#include "vgpu/vm_check.hpp"

namespace vgpukit::cli {

namespace {

constexpr std::chrono::seconds functions_deadline{90};

struct VgpuOptions {
  vgpu::VgpuRequest request;
  std::string name;
  std::string card;
  std::vector<std::string> params;
  std::optional<unsigned> placement;
  std::vector<std::string> unset;
  std::string type;
  bool defined = false, active = false, manual = false, automatic = false, dry_run = false, prune = false;
  bool no_placement = false, persistent = false, display = false;
  std::string machine;
};

vgpu::VgpuTools tools_of(const HostPaths& host, Sysfs& sysfs) {
  return {host, sysfs, [] { return vgpu::retry_until(functions_deadline); },
          [] { log::info("waiting: another vgpukit is changing vGPUs"); }};
}

// The place that --card names, or none.
Result<vgpu::VgpuPlace> place_of(const vgpu::VgpuView& view, const std::string& word) {
  if (word.empty()) return vgpu::VgpuPlace{};
  return vgpu::find_place(view, word);
}

Result<Exit> types(const Globals& globals, const VgpuOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  const Sysfs sysfs(host);
  const auto view = vgpu::read_vgpus(sysfs);
  TRY_ASSIGN(const auto place, place_of(view, options.card));
  // nvidia-smi takes a second, and only these cards can have MIG mode.
  const bool ask = std::any_of(view.cards.begin(), view.cards.end(), [&](const vgpu::VgpuCard& card) {
    return card.most_functions > 0 || vgpu::needs_functions(sysfs, card.address);
  });
  const auto smi = ask ? system::ask_nvidia_smi(host) : system::NvidiaSmi{};
  if (!smi.problem.empty() && host.is_host()) log::info("MIG mode and mixed sizes are not known: " + smi.problem);
  if (globals.json())
    print_json(types_json(view, smi, place.card));
  else
    print(types_text(sysfs, view, smi, place.card, style_of(globals, STDOUT_FILENO)));
  if (globals.json()) return Exit::done;
  if (view.cards.empty())
    log::info("NVIDIA's driver has no card here: vgpukit load loads it; vgpukit doctor says more");
  for (const auto& card : view.cards) {
    const bool shown = place.card.empty() || place.card == card.address;
    if (!shown || !card.types.empty() || (card.most_functions > 0 && card.functions == 0)) continue;
    const auto why = vgpu::no_types(host, sysfs, card.address);
    log::info(card.address + ": " + why.why + "\n  " + why.next);
  }
  return Exit::done;
}

Result<Exit> list(const Globals& globals, const VgpuOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  const Sysfs sysfs(host);
  const auto view = vgpu::read_vgpus(sysfs);
  const auto place = place_of(view, options.card);
  std::vector<std::string> problems;
  auto definitions = vgpu::load_definitions(host);
  if (!definitions) problems.push_back(definitions.error().message());
  if (definitions)
    for (const auto& bad : definitions->bad) problems.push_back(bad.message());
  for (const auto& problem : problems) log::warning(problem);
  auto rows = vgpu::list_vgpus(sysfs, view, definitions ? definitions->all : std::vector<vgpu::VgpuDefinition>{});
  // A card that is away has definitions, under the name that they give it.
  const auto away = pci_address(options.card).value_or(options.card);
  const auto of_card = [&](const vgpu::VgpuRow& row) {
    if (!place) return row.device.card == away || row.device.parent == away;
    return (place->card.empty() || row.device.card == place->card) &&
           (place->parent.empty() || row.device.parent == place->parent);
  };
  std::erase_if(rows, [&](const vgpu::VgpuRow& row) { return !of_card(row); });
  if (!place && rows.empty()) return place.error();
  std::erase_if(rows, [&](const vgpu::VgpuRow& row) {
    return (options.defined && !row.defined) || (options.active && !row.active);
  });
  if (globals.json()) {
    nlohmann::json all = nlohmann::json::array();
    for (const auto& row : rows) all.push_back(row_json(row));
    print_json({{"devices", std::move(all)}, {"problems", problems}});
  } else if (!rows.empty()) {
    print(rows_text(rows, style_of(globals, STDOUT_FILENO)));
  } else {
    log::info("there is none; vgpukit vgpu types shows what can be made");
  }
  return Exit::done;
}

Result<vgpu::SettingsChange> settings_of(const VgpuOptions& options) {
  vgpu::SettingsChange change;
  for (const auto& word : options.params) {
    TRY_ASSIGN(auto param, vgpu::parse_param(word));
    for (const auto& other : change.params)
      if (other.first == param.first)
        return Error{ErrorKind::usage, "use '" + word + "' as a plugin parameter", param.first + " is given twice", ""};
    change.params.push_back(std::move(param));
  }
  change.unset = options.unset;
  if (options.placement) change.placement = std::to_string(*options.placement);
  if (options.no_placement) change.placement = "";
  return change;
}

Result<Exit> create(const Globals& globals, const VgpuOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  Sysfs sysfs(host);
  auto request = options.request;
  TRY_ASSIGN(request.settings, settings_of(options));
  TRY_ASSIGN(const auto step, vgpu::create_vgpu(tools_of(host, sysfs), request));
  if (globals.json())
    print_json(step_json(step));
  else
    print(step.name + "\n");  // only the name, for scripts
  return Exit::done;
}

Result<Exit> remove(const Globals& globals, const VgpuOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  Sysfs sysfs(host);
  TRY_ASSIGN(const auto device, vgpu::remove_vgpu(tools_of(host, sysfs), options.name));
  if (globals.json()) print_json({{"removed", device.name}, {"parent", device.parent}, {"type", device.type}});
  const auto definitions = vgpu::load_definitions(host);
  if (!definitions || globals.json()) return Exit::done;
  for (const auto& each : definitions->all)
    if (each.name == device.name && each.automatic)
      log::info("it is still defined and will be made again at the next boot; to prevent that: vgpukit vgpu undefine " +
                device.name);
  return Exit::done;
}

Result<Exit> define(const Globals& globals, const VgpuOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  Sysfs sysfs(host);
  auto request = options.request;
  request.automatic = !options.manual;
  TRY_ASSIGN(request.settings, settings_of(options));
  // A UUID or an address is not a type: it names a vGPU that exists.
  const bool exists = static_cast<bool>(vgpu::vgpu_name(request.type));
  if (exists && (!request.card.empty() || !request.uuid.empty()))
    return Error{ErrorKind::usage, "define the vGPU " + request.type, "it exists already and has its card and its name",
                 "omit --card and --uuid, or name a type"};
  TRY_ASSIGN(const auto defined, vgpu::define_vgpu(tools_of(host, sysfs), request, exists ? request.type : ""));
  if (globals.json()) {
    auto data = step_json(defined.step);
    data["file"] = host.inside(defined.file).string();
    print_json(data);
    return Exit::done;
  }
  print(defined.step.name + "\n");
  const auto file = "it is in " + defined.file.string();
  if (!defined.not_now.empty())
    log::info(file + "; it cannot be made now: " + defined.not_now);
  else
    log::info(file + (request.automatic && !exists ? "; vgpukit vgpu apply makes it now" : ""));
  return Exit::done;
}

Result<Exit> undefine(const Globals& globals, const VgpuOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  Sysfs sysfs(host);
  TRY_ASSIGN(const auto files, vgpu::undefine_vgpu(tools_of(host, sysfs), options.name, options.card));
  nlohmann::json names = nlohmann::json::array();
  for (const auto& file : files) names.push_back(host.inside(file).string());
  if (globals.json())
    print_json({{"undefined", options.name}, {"files", names}});
  else
    log::info(options.name + " is no longer defined; a vGPU that exists now stays until `vgpukit vgpu remove`");
  return Exit::done;
}

Result<Exit> start(const Globals& globals, const VgpuOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  Sysfs sysfs(host);
  TRY_ASSIGN(const auto started, vgpu::start_defined(tools_of(host, sysfs), options.name, options.card));
  if (globals.json()) {
    auto data = step_json(started.step);
    data["existed"] = started.existed;
    print_json(data);
  } else if (started.existed) {
    log::info("it exists already, on " + started.step.parent);
  }
  return Exit::done;
}

Result<Exit> stop(const Globals& globals, const VgpuOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  Sysfs sysfs(host);
  TRY_ASSIGN(const auto device, vgpu::stop_defined(tools_of(host, sysfs), options.name));
  if (globals.json()) print_json({{"stopped", device.name}, {"parent", device.parent}, {"type", device.type}});
  return Exit::done;
}

Result<Exit> modify(const Globals& globals, const VgpuOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  Sysfs sysfs(host);
  vgpu::DefinitionChange change{options.type, std::nullopt, {}, options.card};
  if (options.automatic || options.manual) change.automatic = options.automatic;
  TRY_ASSIGN(change.settings, settings_of(options));
  TRY_ASSIGN(const auto modified, vgpu::modify_vgpu(tools_of(host, sysfs), options.name, change));
  if (globals.json()) {
    auto data = step_json(modified.step);
    data["exists"] = modified.exists;
    data["files"] = nlohmann::json::array();
    for (const auto& file : modified.files) data["files"].push_back(host.inside(file).string());
    print_json(data);
  } else if (modified.exists) {
    log::info("the vGPU exists and is as it was; to make it as it is defined now: vgpukit vgpu stop " +
              modified.step.name + ", then vgpukit vgpu start " + modified.step.name);
  }
  return Exit::done;
}

Result<Exit> apply(const Globals& globals, const VgpuOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  Sysfs sysfs(host);
  TRY_ASSIGN(const auto applied, vgpu::apply_vgpus(tools_of(host, sysfs), {options.dry_run, options.prune}));
  if (globals.json())
    print_json(applied_json(applied));
  else
    print(applied_text(applied, style_of(globals, STDOUT_FILENO)));
  return applied.complete() ? Exit::done : Exit::failed;
}

using Attributes = std::vector<std::pair<std::string, std::string>>;

// The vGPU with that name, which exists or is only defined, with the attributes of its definition.
Result<std::pair<vgpu::Vgpu, Attributes>> known_vgpu(const HostPaths& host, const Sysfs& sysfs,
                                                     const std::string& word) {
  TRY_ASSIGN(const auto name, vgpu::vgpu_name(word));
  const auto view = vgpu::read_vgpus(sysfs);
  const auto* device = view.device(name);
  const auto definitions = vgpu::load_definitions(host);
  if (!device && !definitions) return definitions.error();
  if (definitions)
    for (const auto& each : definitions->all) {
      if (each.name != name) continue;
      auto defined = vgpu::defined_device(view, each);
      if (!device) return std::pair(std::move(defined), each.attributes);
      if (device->parent == defined.parent && device->type == defined.type) return std::pair(*device, each.attributes);
    }
  if (device) return std::pair(*device, Attributes{});
  return Error{ErrorKind::usage, "find the vGPU " + name, "none of that name exists or is defined",
               "vgpukit vgpu list shows their names"};
}

Result<Exit> check_vm(const Globals& globals, const HostPaths& host, const Sysfs& sysfs, const VgpuOptions& options) {
  std::string name;
  if (!options.name.empty()) {
    TRY_ASSIGN(name, vgpu::vgpu_name(options.name));
  }
  TRY_ASSIGN(const auto check, vgpu::check_machine(host, sysfs, options.machine, name));
  if (globals.json())
    print_json(machine_json(check));
  else
    print(machine_text(check, style_of(globals, STDOUT_FILENO)));
  return check.fits() ? Exit::done : Exit::failed;
}

Result<Exit> xml(const Globals& globals, const VgpuOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  const Sysfs sysfs(host);
  if (!options.machine.empty()) return check_vm(globals, host, sysfs, options);
  if (options.name.empty())
    return Error{ErrorKind::usage, "print what a virtual machine needs", "no vGPU is named",
                 "vgpukit vgpu xml VGPU, or vgpukit vgpu xml --vm-check DOMAIN"};
  TRY_ASSIGN(const auto known, known_vgpu(host, sysfs, options.name));
  const auto& [device, attributes] = known;
  if (options.display && device.interface == vgpu::VgpuInterface::vendor_vfio)
    return Error{ErrorKind::usage, "print the XML of " + device.name + " with a display",
                 "it is a virtual function: libvirt has display and ramfb for mediated devices", "leave --display out"};
  const auto params = vgpu::params_of(attributes);
  if (options.display &&
      std::find(params.begin(), params.end(), std::pair<std::string, std::string>("disable_vnc", "1")) != params.end())
    log::warning("the vGPU has disable_vnc=1: its console shows nothing then");
  const auto nodedev = vgpu::nodedev_xml(device, attributes);
  if (options.persistent && !nodedev) return nodedev.error();
  if (globals.json()) {
    print_json({{"name", device.name},
                {"hostdev", vgpu::hostdev_xml(device, options.display)},
                {"nodedev", nodedev ? nlohmann::json(*nodedev) : nlohmann::json()},
                {"qemu", {"-device", vgpu::qemu_device(device, options.display)}},
                {"proxmox", "qm set VMID " + vgpu::proxmox_option(device, options.display)}});
    return Exit::done;
  }
  if (options.persistent) {
    print(*nodedev + "<!-- virsh nodedev-define FILE, then virsh nodedev-autostart -->\n");
    return Exit::done;
  }
  // Comments may follow the last element of an XML document. They must not have two dashes.
  print(vgpu::hostdev_xml(device, options.display) +
        "<!-- QEMU (nvidia-vgpu-mgr identifies the machine by its -uuid):\n     -device " +
        vgpu::qemu_device(device, options.display) + " -uuid VM-UUID\n     Proxmox:\n     qm set VMID " +
        vgpu::proxmox_option(device, options.display) + " -->\n");
  return Exit::done;
}

}  // namespace

void add_vgpu(CLI::App& app, Globals& globals, Action& action) {
  auto* vgpu =
      app.add_subcommand("vgpu", "The vGPUs of this machine: mediated devices and virtual functions")->alias("mdev");
  vgpu->require_subcommand(1);
  const auto options = std::make_shared<VgpuOptions>();
  const auto add = [&](const char* name, const char* about, Result<Exit> (*what)(const Globals&, const VgpuOptions&)) {
    auto* sub = vgpu->add_subcommand(name, about);
    set_action(sub, globals, action, options, what);
    return sub;
  };
  const auto add_settings = [&](CLI::App* sub) {
    sub->add_option("--param", options->params,
                    "A plugin parameter, such as frame_rate_limiter=0; it is written before the first use")
        ->type_name("NAME=VALUE")
        ->expected(1)
        ->take_all();
    sub->add_option("--placement", options->placement, "The placement id, if the driver offers placement")
        ->type_name("N");
  };
  const auto* card = "Only this card: a PCI address, a serial number or a GPU's UUID";
  const auto* name = "A UUID, or the PCI address of a virtual function";
  add("types", "Show which vGPU types each card offers, and how many instances are available", types)
      ->add_option("--card", options->card, card)
      ->type_name("CARD");
  auto* list_of = add("list", "List the vGPUs that exist or are defined, and who uses them", list);
  list_of->add_option("--card", options->card, card)->type_name("CARD");
  list_of->add_flag("--defined", options->defined, "Only those that are defined");
  list_of->add_flag("--active", options->active, "Only those that exist");
  auto* make = add("create", "Make a vGPU; prints its name", create);
  make->add_option("TYPE", options->request.type, "An id (nvidia-63) or a name (GRID P4-1Q, P4-1Q)")->required();
  make->add_option("--card", options->request.card, "On this card; default: the first with an available instance")
      ->type_name("CARD");
  make->add_option("--uuid", options->request.uuid, "Its UUID; default: a new one")->type_name("UUID");
  add_settings(make);
  add("remove", "Remove a vGPU that is not in use", remove)->add_option("VGPU", options->name, name)->required();
  auto* defines = add("define", "Define a vGPU, which is then made at each boot; prints its name", define);
  defines
      ->add_option("TYPE|VGPU", options->request.type,
                   "A type; or the UUID or function of a vGPU that exists, to define that one")
      ->required();
  defines->add_option("--card", options->request.card, "On this card; default: the first with an available instance")
      ->type_name("CARD");
  defines->add_option("--uuid", options->request.uuid, "Its UUID; default: a new one")->type_name("UUID");
  defines->add_flag("--manual", options->manual, "Do not make it at boot; vgpu start and mdevctl start make it");
  add_settings(defines);
  auto* undefines = add("undefine", "Remove a definition; the vGPU itself stays", undefine);
  undefines->add_option("VGPU", options->name, name)->required();
  undefines->add_option("--card", options->card, "The card, if mdevctl has definitions of it for several cards")
      ->type_name("CARD");
  const auto* one_card = "The card, if mdevctl has definitions of it for several cards";
  auto* starts = add("start", "Make one vGPU as it is defined, also if it is not made at boot", start);
  starts->add_option("VGPU", options->name, name)->required();
  starts->add_option("--card", options->card, one_card)->type_name("CARD");
  add("stop", "Remove a vGPU that is defined and not in use; its definition stays", stop)
      ->add_option("VGPU", options->name, name)
      ->required();
  auto* modifies = add("modify", "Change a definition; a vGPU that exists stays as it is", modify);
  modifies->add_option("VGPU", options->name, name)->required();
  modifies->add_option("--card", options->card, one_card)->type_name("CARD");
  modifies->add_option("--type", options->type, "Another type: an id or a name")->type_name("TYPE");
  add_settings(modifies);
  modifies->add_option("--unset-param", options->unset, "Remove a plugin parameter from the definition")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
  modifies->add_flag("--no-placement", options->no_placement, "Remove the placement id from the definition")
      ->excludes("--placement");
  auto* automatic = modifies->add_flag("--auto", options->automatic, "Make it at boot");
  modifies->add_flag("--manual", options->manual, "Do not make it at boot")->excludes(automatic);
  auto* applies = add("apply", "Make all vGPUs that are defined (the systemd unit runs this at boot)", apply);
  applies->add_flag("--dry-run", options->dry_run, "Only print the difference");
  applies->add_flag("--prune", options->prune, "First remove the vGPUs that are not defined and not in use");
  auto* lines =
      add("xml", "Print what a virtual machine needs: libvirt's XML, and the options for QEMU and Proxmox", xml);
  lines->add_option("VGPU", options->name, name);
  lines->add_flag("--display", options->display, "The machine's console shows the vGPU's screen (display, ramfb)");
  lines
      ->add_option("--vm-check", options->machine,
                   "Instead: check whether the vGPUs of a libvirt domain or Proxmox machine fit this host")
      ->type_name("DOMAIN");
  lines->add_flag("--persistent", options->persistent, "Print libvirt's nodedev XML, for virsh nodedev-define");
}

}  // namespace vgpukit::cli
