#include <unistd.h>

#include "cli/cli.hpp"
#include "cli/passthrough_text.hpp"
#include "passthrough/domain_xml.hpp"
#include "passthrough/rom.hpp"
#include "support/atomic_file.hpp"
#include "support/log.hpp"

namespace vgpukit::cli {

namespace {

struct PassthroughOptions {
  std::string card, guest_os, apply, rom_file, guest_driver, output;
  bool any_device = false;
};

Result<Exit> groups(const Globals& globals, const PassthroughOptions& /*options*/) {
  TRY_ASSIGN(const auto host, host_of(globals));
  const Sysfs sysfs(host);
  const auto pci = system::read_pci_devices(sysfs);
  const auto all = system::read_iommu_groups(sysfs, pci);
  if (globals.json())
    print_json(groups_json(sysfs, pci, all));
  else
    print(groups_text(sysfs, pci, all, style_of(globals, STDOUT_FILENO)));
  if (all.empty()) log::info("there are no IOMMU groups: vgpukit doctor tells why");
  return Exit::done;
}

// The first free name of FILE.before-vgpukit, FILE.before-vgpukit.2, ...
fs::path backup_name(const fs::path& file) {
  fs::path backup = file.string() + ".before-vgpukit";
  std::error_code bad;
  for (int i = 2; fs::exists(fs::symlink_status(backup, bad)); ++i)
    backup = file.string() + ".before-vgpukit." + std::to_string(i);
  return backup;
}

Result<Exit> apply_xml(const Globals& globals, const std::string& file, const passthrough::GuestRequest& request) {
  // A link (libvirt's autostart folder has links) stays a link: its target is changed.
  std::error_code bad;
  const auto real = fs::canonical(file, bad);
  const fs::path path = bad ? fs::path(file) : real;
  TRY_ASSIGN(const auto text, read_file(path));
  TRY_ASSIGN(const auto edited, passthrough::edit_domain(text, file, request));
  for (const auto& note : edited.notes) log::warning(note);
  std::string backup;
  if (!edited.changes.empty()) {
    backup = backup_name(path);
    TRY(copy_with_owner(path, backup));
    TRY(replace_file(path, edited.text));
  }
  if (globals.json()) {
    print_json({{"file", file}, {"changes", edited.changes}, {"notes", edited.notes}, {"backup", backup}});
    return Exit::done;
  }
  for (const auto& change : edited.changes) print("+ " + change + "\n");
  if (edited.changes.empty()) print("nothing to do: the domain has all of it\n");
  if (!backup.empty()) {
    log::info("the old file is " + backup);
    log::info("to make libvirt read the new one: virsh define " + file);
  }
  return Exit::done;
}

Result<Exit> xml(const Globals& globals, const PassthroughOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  const Sysfs sysfs(host);
  const auto pci = system::read_pci_devices(sysfs);
  TRY_ASSIGN(const auto* card, system::find_card(pci, options.card, options.any_device));
  passthrough::GuestRequest request{&pci, card, options.guest_os == "windows", std::nullopt, ""};
  if (!options.guest_driver.empty()) {
    request.guest_driver = Version::leading(options.guest_driver);
    if (!request.guest_driver)
      return Error{ErrorKind::usage, "take '" + options.guest_driver + "' as the guest's driver", "it is not a version",
                   "give a version such as 450.66 or 535"};
  }
  if (!options.rom_file.empty()) {
    const auto path = fs::absolute(options.rom_file);
    TRY_ASSIGN(const auto bytes, read_file(path));
    TRY_ASSIGN(const auto rom, passthrough::parse_rom(bytes));
    for (const auto& problem : passthrough::rom_problems(rom, card)) log::warning(options.rom_file + ": " + problem);
    request.rom_file = path.string();
  }
  if (!card->is_nvidia())
    log::warning(system::describe(*card) +
                 " is not from NVIDIA: it gets the same lines, but vgpukit knows nothing of its driver");
  if (!options.apply.empty()) return apply_xml(globals, options.apply, request);
  const auto text = passthrough::guest_domain_xml(request);
  if (globals.json())
    print_json({{"card", card->address}, {"domain", text}, {"hidden", passthrough::must_hide(request)}});
  else
    print(text);
  return Exit::done;
}

Result<Exit> rom(const Globals& globals, const PassthroughOptions& options) {
  TRY_ASSIGN(const auto host, host_of(globals));
  Sysfs sysfs(host);
  std::error_code bad;
  const system::PciDevice* card = nullptr;
  std::string bytes;
  const auto pci = system::read_pci_devices(sysfs);
  if (fs::exists(options.card, bad)) {
    TRY_ASSIGN(bytes, read_file(options.card));
  } else {
    TRY_ASSIGN(card, system::find_card(pci, options.card, options.any_device));
    TRY_ASSIGN(bytes, passthrough::read_card_rom(sysfs, *card));
  }
  TRY_ASSIGN(const auto parsed, passthrough::parse_rom(bytes));
  const auto problems = passthrough::rom_problems(parsed, card);
  if (!options.output.empty()) {
    if (fs::exists(options.output, bad))
      return Error{ErrorKind::usage, "write the ROM to " + options.output, "there is a file of that name",
                   "choose another name"};
    // Without the header of nvflash: for QEMU it must begin with 55 AA.
    TRY(write_file(options.output, std::string_view(bytes).substr(parsed.leading), 0644));
  }
  if (globals.json())
    print_json(rom_json(parsed, bytes.size(), problems));
  else
    print(rom_text(parsed, bytes.size(), problems, style_of(globals, STDOUT_FILENO)));
  // A missing EFI image alone is not a failure: some cards have none.
  return problems.empty() || (problems.size() == 1 && !parsed.has(passthrough::RomImage::Kind::efi)) ? Exit::done
                                                                                                     : Exit::failed;
}

}  // namespace

void add_passthrough(CLI::App& app, Globals& globals, Action& action) {
  auto* passthrough = app.add_subcommand("passthrough", "Give a whole card to a virtual machine");
  passthrough->require_subcommand(1);
  const auto options = std::make_shared<PassthroughOptions>();
  const auto add = [&](const char* name, const char* about,
                       Result<Exit> (*what)(const Globals&, const PassthroughOptions&)) {
    auto* sub = passthrough->add_subcommand(name, about);
    set_action(sub, globals, action, options, what);
    return sub;
  };
  const auto* card = "The card's PCI address (01:00.0)";
  const auto* any = "Also a device that is not a graphics card";
  add("groups", "Show the IOMMU groups and their devices, those with NVIDIA's cards first", groups);
  auto* lines = add("xml", "Print libvirt's XML that gives a card to a guest", xml);
  lines->add_option("CARD", options->card, card)->required();
  lines->add_option("--guest-os", options->guest_os, "The guest's operating system")
      ->check(CLI::IsMember({"linux", "windows"}))
      ->required();
  lines
      ->add_option("--guest-driver", options->guest_driver,
                   "NVIDIA's driver in the guest; before 465 it refuses to run when it detects a virtual machine")
      ->type_name("VERSION");
  lines
      ->add_option("--rom", options->rom_file,
                   "A file with the card's ROM, for a card whose own ROM the guest cannot read")
      ->type_name("FILE");
  lines
      ->add_option("--apply", options->apply,
                   "Add the lines to this domain's XML file; the old file is saved beside it")
      ->type_name("FILE");
  lines->add_flag("--any-device", options->any_device, any);
  auto* image = add("rom", "Read a card's ROM, or check a file with one", rom);
  image->add_option("CARD|FILE", options->card, "The card's PCI address, or a file")->required();
  image->add_option("--output", options->output, "Write the ROM to this file, as <rom file=...> wants it")
      ->type_name("FILE");
  image->add_flag("--any-device", options->any_device, any);
  add_passthrough_change(*passthrough, globals, action);
}

}  // namespace vgpukit::cli
