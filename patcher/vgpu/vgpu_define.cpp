#include "vgpu/vgpu_define.hpp"

#include "vgpu/mdevctl.hpp"
#include "vgpu/uuid.hpp"
#include "vgpu/vgpu_list.hpp"

namespace vgpukit::vgpu {

namespace {

Result<VgpuStep> step_of_running(const Sysfs& sysfs, const VgpuView& view, const std::string& running) {
  TRY_ASSIGN(const auto name, vgpu_name(running));
  const auto* device = view.device(name);
  if (!device)
    return Error{ErrorKind::usage, "define the vGPU " + name, "it does not exist, so its card and type are not known",
                 "vgpukit vgpu define TYPE --card CARD --uuid " + name};
  VgpuStep step{device->interface, device->parent, device->type, device->name, {}};
  set_attribute(step.attributes, params_attribute, params_text(read_settings(sysfs, *device).params));
  return step;
}

// The instances of all other definitions count as used, whether or not their vGPUs exist. If all cards are full now,
// the first one with the type is chosen: the vGPUs that fill it may not exist after the next boot.
Result<VgpuStep> step_of_request(const VgpuView& view, const VgpuRequest& request,
                                 const std::vector<VgpuDefinition>& others) {
  InstanceBudget budget(view);
  for (const auto& each : others) {
    const auto place = find_place(view, each.card);
    const auto function = pci_address(each.name);
    const auto type = place ? find_type(*view.card(place->card), each.type) : Result<const VgpuType*>(nullptr);
    if (!place || !type || view.device(each.name)) continue;
    (void)budget.take(place->card, function ? *function : place->parent, (*type)->id);
  }
  auto step = choose_parent(view, request, budget);
  if (step || step.error().kind != ErrorKind::failed) return step;
  VgpuView empty = view;
  for (auto& parent : empty.parents)
    for (auto& [type, free] : parent.available_instances) free = 1;
  InstanceBudget any(empty);
  // A virtual function carries one vGPU, so functions with a definition are excluded.
  for (const auto& each : others)
    for (const auto& name : {each.name, each.card})
      if (const auto* parent = view.parent(name); parent && parent->card != parent->name) any.close(name);
  return choose_parent(empty, request, any);
}

}  // namespace

Result<Defined> define_vgpu(const VgpuTools& tools, const VgpuRequest& request, const std::string& running) {
  VgpuStep step;
  std::string uuid;
  if (!request.uuid.empty()) {
    TRY_ASSIGN(uuid, parse_uuid(request.uuid));
  }
  TRY(need_root(tools.host, "define a vGPU", root_hint));
  warn_of_unknown_params(request.settings.params);
  TRY_ASSIGN(const auto lock, lock_vgpus(tools));
  TRY_ASSIGN(const auto known, load_definitions(tools.host));
  const auto view = read_vgpus(tools.sysfs);
  if (running.empty()) {
    TRY(require_types(tools, view, request));
    TRY_ASSIGN(step, step_of_request(view, request, known.all));
  } else {
    TRY_ASSIGN(step, step_of_running(tools.sysfs, view, running));
  }
  std::string not_now;
  if (running.empty()) {
    const auto& card = *view.card(view.parent(step.parent)->card);
    const auto& type = card.types.at(step.type);
    if (use_of(view, card, type).available == 0) {
      const auto why = other_size(view, card, type);
      not_now = "no instance of it is available on " + card.address + (why.empty() ? "" : ": " + why);
    }
  }
  const bool function = step.interface == VgpuInterface::vendor_vfio;
  if (function && !uuid.empty())
    return Error{ErrorKind::usage, "define the vGPU " + uuid,
                 step.parent + " is a virtual function: its address is its only name", "leave --uuid out"};
  if (function) step.name = step.parent;
  if (step.name.empty() && !uuid.empty()) step.name = uuid;
  if (step.name.empty()) {
    TRY_ASSIGN(step.name, new_uuid());
  }
  for (const auto& each : known.all)
    if (each.name == step.name)
      return Error{ErrorKind::usage, "define the vGPU " + step.name,
                   "it is defined already, for " + each.card + " as " + each.type,
                   "vgpukit vgpu undefine " + step.name + " removes that definition", each.where};
  change_settings(step.attributes, request.settings);
  step.automatic = request.automatic;
  VgpuDefinition one;
  one.type = step.type;
  one.automatic = step.automatic;
  one.attributes = step.attributes;
  if (function) {
    const auto file = vgpus_file(tools.host);
    std::error_code ignored;
    std::string text;
    if (fs::exists(file, ignored)) {
      TRY_ASSIGN(text, read_file(file));
    }
    one.card = view.parent(step.parent)->card;
    one.name = step.name;
    TRY_ASSIGN(const auto more, with_device(file.string(), text, one));
    TRY(write_file(file, more));
    return Defined{step, file, not_now};
  }
  const auto file = mdevctl_file(tools.host, step.parent, step.name);
  // If mdevctl's file of this UUID is a valid definition, it was refused above.
  std::error_code ignored;
  if (fs::exists(file, ignored))
    return Error{ErrorKind::usage, "define the vGPU " + step.name,
                 "a file of that name exists, and it is no definition of mdevctl's",
                 "correct or remove it, or give another UUID", SourcePos{file.string(), 0, 0}};
  TRY(Callouts(tools.host, tools.run).around("define", step, [&] { return write_file(file, mdevctl_text(one)); }));
  return Defined{step, file, not_now};
}

Result<std::vector<VgpuDefinition>> definitions_named(const VgpuView& view, const std::vector<VgpuDefinition>& all,
                                                      const std::string& name, const std::string& card,
                                                      const std::string& tried) {
  // An existing card has an address, a serial number and a UUID. An absent one has only what its definition says.
  const auto card_of = [&](const std::string& word) {
    const auto place = find_place(view, word);
    return place ? place->parent + place->card : pci_address(word).value_or(word);
  };
  std::vector<VgpuDefinition> found;
  for (const auto& each : all)
    if (each.name == name && (card.empty() || card_of(each.card) == card_of(card))) found.push_back(each);
  if (found.empty())
    return Error{ErrorKind::usage, tried, "it is not defined", "vgpukit vgpu list --defined shows what is"};
  for (const auto& each : found)
    if (card_of(each.card) != card_of(found[0].card))
      return Error{ErrorKind::usage, tried, "it is defined for " + found[0].card + " and for " + each.card,
                   "name one of them with --card"};
  return found;
}

Result<std::vector<fs::path>> undefine_vgpu(const VgpuTools& tools, const std::string& name, const std::string& card) {
  TRY_ASSIGN(const auto wanted, vgpu_name(name));
  const auto tried = "undefine the vGPU " + wanted;
  TRY(need_root(tools.host, tried, root_hint));
  TRY_ASSIGN(const auto lock, lock_vgpus(tools));
  TRY_ASSIGN(const auto known, load_definitions(tools.host));
  const auto view = read_vgpus(tools.sysfs);
  TRY_ASSIGN(const auto found, definitions_named(view, known.all, wanted, card, tried));
  std::vector<fs::path> files;
  for (const auto& each : found) {
    if (each.from_mdevctl) {
      files.emplace_back(each.where.file);
      const VgpuStep step{VgpuInterface::mdev, each.card, each.type, each.name, each.attributes, each.automatic};
      TRY(Callouts(tools.host, tools.run).around("undefine", step, [&] { return remove_mdevctl_file(files.back()); }));
      continue;
    }
    files.push_back(vgpus_file(tools.host));
    TRY_ASSIGN(const auto text, read_file(files.back()));
    TRY_ASSIGN(const auto less, without_device(files.back().string(), text, wanted));
    TRY(write_file(files.back(), less));
    // The copy that apply has written for mdevctl is removed, too.
    std::vector<Error> ignored;
    for (const auto& copy : load_mdevctl(tools.host, ignored))
      if (copy.exported && copy.name == wanted) TRY(remove_mdevctl_file(copy.where.file));
  }
  return files;
}

namespace {

// The id of the new type. A card that is away offers no types, so only an id can be used then.
Result<std::string> new_type(const VgpuView& view, const VgpuDefinition& definition, const std::string& type) {
  if (type.empty()) return definition.type;
  const auto place = find_place(view, definition.card);
  if (place && !view.card(place->card)->types.empty()) {
    TRY_ASSIGN(const auto* found, find_type(*view.card(place->card), type));
    return found->id;
  }
  if (type.starts_with("nvidia-")) return type;
  return Error{ErrorKind::usage, "define the vGPU " + definition.name + " as " + type,
               "the card " + definition.card + " offers no types now, so the name cannot be looked up",
               "give the type's id (nvidia-63)"};
}

}  // namespace

Result<Modified> modify_vgpu(const VgpuTools& tools, const std::string& name, const DefinitionChange& change) {
  TRY_ASSIGN(const auto wanted, vgpu_name(name));
  const auto tried = "modify the definition of the vGPU " + wanted;
  if (change.type.empty() && !change.automatic && change.settings.empty())
    return Error{ErrorKind::usage, tried, "nothing is to be changed",
                 "give --type, --param, --unset-param, --placement, --no-placement, --auto or --manual"};
  TRY(need_root(tools.host, tried, root_hint));
  TRY_ASSIGN(const auto lock, lock_vgpus(tools));
  TRY_ASSIGN(const auto known, load_definitions(tools.host));
  const auto view = read_vgpus(tools.sysfs);
  TRY_ASSIGN(auto found, definitions_named(view, known.all, wanted, change.card, tried));
  warn_of_unknown_params(change.settings.params);
  Modified modified;
  modified.exists = view.device(wanted) != nullptr;
  for (auto& each : found) {
    TRY_ASSIGN(each.type, new_type(view, each, change.type));
    if (change.automatic) each.automatic = *change.automatic;
    change_settings(each.attributes, change.settings);
    const fs::path file = each.where.file;
    TRY_ASSIGN(const auto before, read_file(file));
    std::string after;
    if (each.from_mdevctl) {
      TRY_ASSIGN(after, changed_mdevctl_text(file, before, each));
    } else {
      TRY_ASSIGN(const auto without, without_device(file.string(), before, wanted));
      TRY_ASSIGN(after, with_device(file.string(), without, each));
    }
    const auto write = [&]() -> Status {
      const auto now = read_file(file);
      if (!now || *now != before)
        return Error{ErrorKind::failed, tried, "another program has changed " + file.string() + " meanwhile",
                     "nothing was changed; try again"};
      return write_file(file, after);
    };
    modified.step = {pci_address(wanted) ? VgpuInterface::vendor_vfio : VgpuInterface::mdev,
                     pci_address(wanted) ? wanted : each.card,
                     each.type,
                     wanted,
                     each.attributes,
                     each.automatic};
    if (each.from_mdevctl) {
      TRY(Callouts(tools.host, tools.run).around("modify", modified.step, write));
    } else {
      TRY(write());
    }
    modified.files.push_back(file);
  }
  return modified;
}

}  // namespace vgpukit::vgpu
