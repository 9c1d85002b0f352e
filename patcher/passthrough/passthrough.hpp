// `vgpukit passthrough plan`, `apply` and `undo`: vfio-pci gets a card at every boot.
//
// The folder passthrough/ gives a whole card to a guest: the boot files that name it to vfio-pci (boot_edits), their
// undo (passthrough_record), binding on the running host (rebind), libvirt domains and hooks, and the card's ROM. It
// uses system/ and kernel/, and what these use.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "passthrough/passthrough_record.hpp"
#include "passthrough/read_back.hpp"
#include "passthrough/vfio_claim.hpp"
#include "support/sysfs.hpp"

namespace vgpukit::passthrough {

struct PassthroughPlan {
  ClaimPlan card;
  system::BootSetup setup;
  BootEdits edits;                 // for this card and those that are already applied, from the files as they are now
  std::vector<std::string> notes;  // about changes by others that stay
  std::vector<std::string> conflicts;  // as in OriginalFiles
  bool nothing = false;                // all of it is already applied
  ReadBack read_back;                  // of the parameters; `plan`: as the loader's configuration is now
  std::optional<ReadBack> initramfs;   // `apply`, if it has an initramfs made again
};

// Changes nothing, and takes no lock. Error: usage for a word that does not name a card or for a file with a syntax
// error; missing without a kernel that has vfio-pci.
Result<PassthroughPlan> plan_passthrough(const HostPaths& host, const Sysfs& sysfs, const std::string& card);

// `forced`: the options ("--force-...") of the risks that the user accepts. Error: consent for another risk; missing
// for an unknown distribution; failed for a program that failed, and if the boot loader's configuration then lacks the
// parameters or the initramfs lacks the file, after everything has been restored.
Result<PassthroughPlan> apply_passthrough(const ChangeTools& tools, const Sysfs& sysfs, const std::string& card,
                                          const std::set<std::string>& forced);

struct PassthroughUndone {
  std::string card;
  std::vector<FileEdit> files;  // what was undone
  std::vector<std::vector<std::string>> commands;
  std::vector<std::string> notes;
  std::vector<std::string> cards_left;  // that stay applied
};
// The card need not be in the machine. `dry_run`: changes nothing. Error: usage for a card that is not applied, or for
// files that others have changed in the same lines.
Result<PassthroughUndone> undo_passthrough(const ChangeTools& tools, const std::string& card, bool dry_run);

// The cards that are applied.
Result<std::vector<CardClaim>> applied_passthrough(const HostPaths& host);
// Whether the last apply was since the machine booted. False if that is not known.
bool applied_in_this_boot(const HostPaths& host);

}  // namespace vgpukit::passthrough
