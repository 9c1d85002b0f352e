// vgpukit passthrough plan, apply and undo: a card that vfio-pci has from the boot on.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "passthrough/passthrough_record.hpp"
#include "passthrough/vfio_claim.hpp"
#include "support/sysfs.hpp"

namespace vgpukit::passthrough {

struct PassthroughPlan {
  ClaimPlan card;
  system::BootSetup setup;
  BootEdits edits;  // of this card and those that are applied already: from what is there now to what will be
  std::vector<std::string> notes;      // about changes of others
  std::vector<std::string> conflicts;  // as in WithoutUs
  bool nothing = false;                // all of it is applied already
};

// Changes nothing, and takes no lock. Error: usage for a card that is none or files that make no sense; missing.
Result<PassthroughPlan> plan_passthrough(const HostPaths& host, const Sysfs& sysfs, const std::string& card);

// `forced`: the options of risks that the user takes ("--force-..."). Error: consent for a risk that is not; missing
// for a distribution that is not known; failed for a program that failed, after everything has been put back.
Result<PassthroughPlan> apply_passthrough(const ChangeTools& tools, const Sysfs& sysfs, const std::string& card,
                                          const std::set<std::string>& forced);

struct PassthroughUndone {
  std::string card;
  std::vector<FileEdit> files;  // what was taken back
  std::vector<std::vector<std::string>> commands;
  std::vector<std::string> notes;
  std::vector<std::string> cards_left;  // that stay applied
};
// Works without the card in the machine. `dry_run`: only tells. Error: usage for a card that nothing was applied for,
// or for files that others have changed in the same lines.
Result<PassthroughUndone> undo_passthrough(const ChangeTools& tools, const std::string& card, bool dry_run);

// The cards that are applied.
Result<std::vector<CardClaim>> applied_passthrough(const HostPaths& host);

}  // namespace vgpukit::passthrough
