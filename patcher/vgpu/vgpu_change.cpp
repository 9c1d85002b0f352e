#include "vgpu/vgpu_change.hpp"

#include <algorithm>

#include "support/text.hpp"
#include "system/kernel_log.hpp"
#include "vgpu/mdev.hpp"
#include "vgpu/sysfs_errors.hpp"
#include "vgpu/uuid.hpp"
#include "vgpu/vendor_vfio.hpp"
#include "vgpu/vgpu_list.hpp"
#include "vgpu/vgpu_support.hpp"
#include "vgpu/vgpu_users.hpp"

namespace vgpukit::vgpu {

namespace {

// The card of the request, or all cards in the order in which they are tried.
Result<std::vector<VgpuPlace>> places_of(const VgpuView& view, const VgpuRequest& request) {
  if (!request.card.empty()) {
    TRY_ASSIGN(auto place, find_place(view, request.card));
    return std::vector<VgpuPlace>{std::move(place)};
  }
  std::vector<VgpuPlace> all;
  for (const auto& card : view.cards) all.push_back({card.address, ""});
  if (all.empty())
    return Error{ErrorKind::missing, "find a card for the vGPU", "NVIDIA's driver has no card here",
                 "sudo vgpukit load loads the driver; vgpukit doctor tells what prevents it"};
  return all;
}

// Makes the virtual functions of the card of the request, or of the only card, if it has none and offers no types
// without them.
Status make_missing_functions(const VgpuTools& tools, const VgpuRequest& request, VgpuView& view) {
  TRY_ASSIGN(const auto places, places_of(view, request));
  if (places.size() != 1) return {};
  const auto* card = view.card(places.front().card);
  if (card->interface != VgpuInterface::none || card->most_functions == 0) return {};
  TRY(make_functions(tools.host, tools.sysfs, card->address, tools.retry_pause()));
  view = read_vgpus(tools.sysfs);
  return {};
}

}  // namespace

Result<VgpuStep> choose_parent(const VgpuView& view, const VgpuRequest& request, InstanceBudget& budget) {
  TRY_ASSIGN(const auto places, places_of(view, request));
  std::optional<Error> unknown;
  std::string full;
  for (const auto& place : places) {
    const auto& card = *view.card(place.card);
    const auto type = find_type(card, request.type);
    if (!type) {
      if (!unknown || !card.types.empty()) unknown = type.error();
      if (const auto hint = mig_hint(request.type); !hint.empty()) unknown->next = hint;
      continue;
    }
    const auto* parent = budget.take(place.card, place.parent, (*type)->id);
    if (parent) return VgpuStep{parent->interface, parent->name, (*type)->id, "", {}};
    append(full, place.parent.empty() ? place.card : place.parent);
    const auto hint = mig_hint((*type)->name);
    if (const auto why = hint.empty() ? other_size(view, card, **type) : hint; !why.empty()) full += ": " + why;
  }
  if (!full.empty())
    return Error{ErrorKind::failed, "make a vGPU of the type " + request.type, "no instance is available on " + full,
                 "vgpukit vgpu types shows the available instances, vgpukit vgpu list the vGPUs that use them"};
  if (unknown && places.size() > 1) unknown->tried = "find the vGPU type '" + request.type + "' on any card";
  return *unknown;
}

Status require_types(const VgpuTools& tools, const VgpuView& view, const VgpuRequest& request) {
  TRY_ASSIGN(const auto places, places_of(view, request));
  if (std::any_of(places.begin(), places.end(),
                  [&](const VgpuPlace& place) { return !view.card(place.card)->types.empty(); }))
    return {};
  return no_types(tools.host, tools.sysfs, places.front().card);
}

Result<FileLock> lock_vgpus(const VgpuTools& tools) {
  return FileLock::acquire(tools.host.in_root("/run/vgpukit/vgpus.lock"), tools.on_wait);
}

namespace {

Status remove_device(const VgpuTools& tools, const VgpuStep& step) {
  if (step.interface == VgpuInterface::vendor_vfio) return set_function_type(tools.sysfs, step.parent, "");
  return remove_mdev(tools.sysfs, step.name);
}

// Whether the file says now what was written. A file that cannot be read says nothing.
bool was_taken(const Sysfs& sysfs, const std::string& file, const std::string& name, const std::string& value) {
  if (name != params_attribute && name != placement_attribute) return true;  // their form is not known
  const auto now = sysfs.read(file);
  if (now.error != 0) return true;
  return name == params_attribute ? params_in(now.text) == params_in(value) : now.text == value;
}

Status write_attributes(const VgpuTools& tools, const VgpuStep& step) {
  for (const auto& [name, value] : step.attributes) {
    const auto file = device_folder(step.interface, step.name) + name;
    const auto tried = "set " + name + " of the vGPU " + step.name + " to '" + value + "'";
    system::KernelMessages messages(tools.host, system::KernelMessages::From::now);
    Error bad;
    if (const int error = tools.sysfs.write(file, value); error != 0) {
      bad = explain_write_error(error, tried, SysfsWrite::set_attribute);
    } else {
      if (was_taken(tools.sysfs, file, name, value)) continue;
      bad = {ErrorKind::failed, tried,
             "the driver accepted the request, but it is '" + tools.sysfs.read(file).text + "' now",
             "see NVIDIA's vGPU user guide for the values of this driver branch"};
    }
    for (const auto& message : messages.fresh())
      if (contains(message.text, "vgpu") || contains(message.text, "NVRM")) bad.why += "; kernel: " + message.text;
    return bad;
  }
  return {};
}

Status make_device(const VgpuTools& tools, const VgpuView& view, const VgpuStep& step) {
  if (step.interface == VgpuInterface::vendor_vfio) {
    TRY(set_function_type(tools.sysfs, step.parent, step.type));
  } else {
    TRY(create_mdev(tools.sysfs, *view.parent(step.parent), step.type, step.name));
  }
  auto done = write_attributes(tools, step);
  if (done) return done;
  if (const auto removed = remove_device(tools, step); !removed)
    append(done.error().next, removed.error().message(), "; ");
  return done;
}

// The definition of the UUID, for the card of the request if it names one. Error: usage, if there is one for each of
// several cards, or if it is for another card or type than the request.
Result<std::optional<VgpuDefinition>> definition_of(const VgpuTools& tools, const VgpuView& view,
                                                    const VgpuRequest& request, const std::string& uuid) {
  const auto tried = "make the vGPU " + uuid + " (" + request.type + ")";
  TRY_ASSIGN(const auto known, load_definitions(tools.host));
  std::vector<const VgpuDefinition*> all, here;
  for (const auto& each : known.all) {
    if (each.name != uuid) continue;
    all.push_back(&each);
    const auto place = find_place(view, each.card);
    if (request.card.empty()) {
      here.push_back(&each);
    } else if (const auto wanted = find_place(view, request.card); place && wanted && place->card == wanted->card) {
      if (wanted->parent.empty() || place->parent.empty() || wanted->parent == place->parent) here.push_back(&each);
    }
  }
  if (all.empty()) return std::optional<VgpuDefinition>();
  const auto undefine = "vgpukit vgpu undefine " + uuid + " removes the definition";
  if (here.empty())
    return Error{ErrorKind::usage, tried, "it is defined as " + all.front()->type + " on " + all.front()->card,
                 "name that card, or give another UUID; " + undefine, all.front()->where};
  const auto card_of = [&](const VgpuDefinition& each) {
    const auto place = find_place(view, each.card);
    return place ? place->card : each.card;
  };
  for (const auto* each : here)
    if (card_of(*each) != card_of(*here.front()))
      return Error{ErrorKind::usage, tried, "it is defined for " + here.front()->card + " and for " + each->card,
                   "name one of them with --card"};
  const auto place = find_place(view, here.front()->card);
  if (!place) return place.error();
  const auto& card = *view.card(place->card);
  TRY_ASSIGN(const auto* wanted, find_type(card, request.type));
  for (const auto* each : here)
    if (!names_type(*wanted, each->type))
      return Error{ErrorKind::usage, tried, "it is defined as " + each->type + " on " + each->card,
                   "make it as that type, or give another UUID; " + undefine, each->where};
  // vgpus.yaml and mdevctl may both define it; the attributes are mdevctl's.
  auto found = *here.front();
  for (const auto* each : here)
    if (!each->attributes.empty()) found.attributes = each->attributes;
  return std::optional(found);
}

}  // namespace

Status start_vgpu(const VgpuTools& tools, const VgpuView& view, const VgpuStep& step) {
  return Callouts(tools.host, tools.run).around("start", step, [&] { return make_device(tools, view, step); });
}

Status stop_vgpu(const VgpuTools& tools, const VgpuStep& step) {
  return Callouts(tools.host, tools.run).around("stop", step, [&] { return remove_device(tools, step); });
}

Result<VgpuStep> create_vgpu(const VgpuTools& tools, const VgpuRequest& request) {
  std::string uuid;
  if (!request.uuid.empty()) {
    TRY_ASSIGN(uuid, parse_uuid(request.uuid));
  }
  TRY(need_root(tools.host, "make a vGPU", root_hint));
  warn_of_unknown_params(request.settings.params);
  TRY_ASSIGN(const auto lock, lock_vgpus(tools));
  auto view = read_vgpus(tools.sysfs);
  if (!uuid.empty() && view.device(uuid))
    return Error{ErrorKind::usage, "make the vGPU " + uuid,
                 "there is one of that UUID, on " + view.device(uuid)->parent,
                 "give another UUID, or none for a new one"};
  TRY(make_missing_functions(tools, request, view));
  remember_type_names(tools.host, view);
  TRY(require_types(tools, view, request));
  auto chosen = request;
  std::optional<VgpuDefinition> defined;
  if (!uuid.empty()) {
    TRY_ASSIGN(defined, definition_of(tools, view, request, uuid));
  }
  if (defined && (request.card.empty() || view.parent(defined->card))) chosen.card = defined->card;
  InstanceBudget budget(view);
  TRY_ASSIGN(auto step, choose_parent(view, chosen, budget));
  if (defined) {
    step.attributes = defined->attributes;
    step.automatic = defined->automatic;
  }
  change_settings(step.attributes, request.settings);
  if (step.interface == VgpuInterface::vendor_vfio) {
    if (!uuid.empty())
      return Error{ErrorKind::usage, "make the vGPU " + uuid,
                   step.parent + " is a virtual function: its address is its only name", "leave --uuid out"};
    step.name = step.parent;
  } else if (uuid.empty()) {
    TRY_ASSIGN(step.name, new_uuid());
  } else {
    step.name = uuid;
  }
  TRY(start_vgpu(tools, view, step));
  return step;
}

Result<Vgpu> remove_vgpu(const VgpuTools& tools, const std::string& name) {
  TRY_ASSIGN(const auto wanted, vgpu_name(name));
  TRY(need_root(tools.host, "remove the vGPU " + wanted, root_hint));
  TRY_ASSIGN(const auto lock, lock_vgpus(tools));
  const auto view = read_vgpus(tools.sysfs);
  const auto* device = view.device(wanted);
  if (!device)
    return Error{ErrorKind::usage, "remove the vGPU " + wanted, "it does not exist",
                 "vgpukit vgpu list shows the vGPUs"};
  const auto users = vgpu_users(tools.sysfs, {*device});
  if (!users.empty())
    return Error{ErrorKind::failed, "remove the vGPU " + wanted, users.begin()->second.front().text() + " has it",
                 "shut that down first"};
  TRY(stop_vgpu(tools, {device->interface, device->parent, device->type, device->name, {}}));
  return *device;
}

Result<std::string> vgpu_name(const std::string& word) {
  if (is_uuid(word)) return parse_uuid(word);
  if (auto address = pci_address(word)) return std::move(*address);
  return Error{ErrorKind::usage, "find the vGPU '" + word + "'",
               "that is neither a UUID nor the PCI address of a virtual function",
               "vgpukit vgpu list shows their names"};
}

}  // namespace vgpukit::vgpu
