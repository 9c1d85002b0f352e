#include "system/boot_initramfs.hpp"

#include <algorithm>

#include "support/atomic_file.hpp"
#include "support/text.hpp"
#include "system/boot_entries.hpp"

namespace vgpukit::system {

namespace {

using Family = Distribution::Family;

void find_tool(const HostPaths& host, BootSetup& setup, const std::vector<BootFact>& images) {
  std::vector<InitramfsTool> makers;
  const auto note = [&](InitramfsTool tool, BootFact fact) {
    makers.push_back(tool);
    setup.initramfs_facts.push_back(std::move(fact));
  };
  for (const auto& image : images) {
    if (contains(fs::path(image.value).filename().string(), "ucode")) continue;  // microcode
    if (contains(image.value, "booster")) note(InitramfsTool::booster, {image.file, "initrd " + image.value});
    if (const auto file = boot_file(host, image.value); !file.empty()) {
      setup.images.push_back(file);
      if (const auto maker = maker_of_image(*host.resolve(file)))
        note(maker->tool, {file, "has the file " + maker->mark});
    }
  }
  const auto family = setup.distribution.family;
  const bool mkinitcpio = exists(host, "/etc/mkinitcpio.conf");
  const bool dracut = has_program(host, "dracut") || exists(host, "/etc/dracut.conf");
  const bool booster = exists(host, "/etc/booster.yaml") || has_program(host, "booster");
  // Debian's dracut package replaces initramfs-tools, whose configuration file can remain: update-initramfs tells
  // which of the two is in use.
  const bool debian =
      exists(host, "/etc/initramfs-tools/initramfs.conf") && (!dracut || has_program(host, "update-initramfs"));
  if (std::adjacent_find(makers.begin(), makers.end(), std::not_equal_to<>()) != makers.end()) {
    if (setup.refusal.empty()) {
      setup.refusal = "the evidence about the initramfs contradicts itself: " + facts_text(setup.initramfs_facts);
      setup.refusal_next = "generate the image that the next boot loads with the tool that you use, then try again";
    }
    return;
  }
  if (!makers.empty()) {
    setup.initramfs = makers.front();
    return;
  }
  const auto use = [&](InitramfsTool tool, const char* file) {
    setup.initramfs = tool;
    setup.initramfs_facts.push_back({file, "exists"});
  };
  // The image that booted is not known. The distribution's own tool comes first: others can be installed without being
  // used.
  const auto image_there = [&](std::string_view start) {
    const auto here = host.resolve("/boot");
    const auto all = here ? entries_of(*here) : std::vector<fs::path>();
    return std::any_of(all.begin(), all.end(),
                       [&](const fs::path& path) { return path.filename().string().starts_with(start); });
  };
  if (booster && mkinitcpio && image_there("booster-")) {
    if (!image_there("initramfs-")) return use(InitramfsTool::booster, "/boot/booster-*.img");
    if (!setup.refusal.empty()) return;
    setup.refusal =
        "it is not known which initramfs this host boots: /boot has images of booster (booster-*.img) and "
        "of mkinitcpio (initramfs-*.img)";
    setup.refusal_next = "remove the images that no boot entry names, then try again";
    return;
  }
  if (family == Family::debian && debian) return use(InitramfsTool::initramfs_tools, "/etc/initramfs-tools");
  if (family == Family::arch && mkinitcpio) return use(InitramfsTool::mkinitcpio, "/etc/mkinitcpio.conf");
  if (dracut) return use(InitramfsTool::dracut, "dracut");
  if (debian) return use(InitramfsTool::initramfs_tools, "/etc/initramfs-tools");
  if (mkinitcpio) return use(InitramfsTool::mkinitcpio, "/etc/mkinitcpio.conf");
  if (booster) use(InitramfsTool::booster, "booster");
}

void set_update_initramfs(BootSetup& setup) {
  switch (setup.initramfs) {
    case InitramfsTool::initramfs_tools:
      setup.update_initramfs = {"update-initramfs", "-u", "-k", "all"};
      break;
    case InitramfsTool::dracut:
      setup.update_initramfs = {"dracut", "--force", "--regenerate-all"};
      break;
    case InitramfsTool::mkinitcpio:
      setup.update_initramfs = {"mkinitcpio", "-P"};
      break;
    case InitramfsTool::booster:
      setup.update_initramfs = {"/usr/lib/booster/regenerate_images"};
      break;
    case InitramfsTool::none:
      return;
  }
  // These programs generate the image, too, and put it where the loader reads it.
  if (setup.place == ParameterPlace::limine_defaults || setup.place == ParameterPlace::unified_image)
    setup.update_initramfs = setup.update_parameters;
  if (!setup.update_parameters.empty() && setup.update_parameters.front() == "sdbootutil")
    setup.update_initramfs = {"sdbootutil", "mkinitrd"};
}

}  // namespace

std::vector<BootFact> booted_images(const HostPaths& host, const KernelParameters& parameters,
                                    const std::string& cmdline, const BootedLoader& booted) {
  std::vector<BootFact> images;
  for (const auto& each : parameters.all())
    if (each.name == "initrd" && each.value) images.push_back({"/proc/cmdline", *each.value});
  if (!images.empty()) return images;
  std::vector<BootEntry> entries;
  if (booted.loader == BootLoader::grub) {
    entries = grub_entries(host);
    if (const auto more = loader_entries(host); !more.empty()) entries.insert(entries.end(), more.begin(), more.end());
  }
  if (booted.loader == BootLoader::systemd_boot) entries = loader_entries(host);
  if (booted.loader == BootLoader::limine) entries = limine_entries(host);
  if (booted.loader == BootLoader::refind) entries = refind_entries(host);
  const auto* image = parameters.find("BOOT_IMAGE");
  const BootEntry* best = nullptr;
  for (const auto& entry : entries) {
    if (entry.initrds.empty()) continue;
    if (!booted.entry.empty() && fs::path(entry.file).filename() == booted.entry) best = &entry;
    const bool same = same_parameters(entry.options, cmdline) &&
                      (!image || !image->value || entry.kernel.empty() || image->value->ends_with(entry.kernel));
    if (same && (!best || booted.entry.empty())) {
      best = &entry;
      break;
    }
  }
  // The parameters were changed since: an entry with the same kernel.
  for (const auto& entry : entries)
    if (!best && !entry.initrds.empty() &&
        (entries.size() == 1 ||
         (image && image->value && !entry.kernel.empty() && image->value->ends_with(entry.kernel))))
      best = &entry;
  if (best)
    for (const auto& file : best->initrds) images.push_back({best->file, file});
  return images;
}

void find_initramfs(const HostPaths& host, BootSetup& setup, const std::vector<BootFact>& images) {
  find_tool(host, setup, images);
  set_update_initramfs(setup);
}

}  // namespace vgpukit::system
