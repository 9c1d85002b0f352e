#include "passthrough/passthrough.hpp"

#include <algorithm>

namespace vgpukit::passthrough {

namespace {

std::string listed(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += (text.empty() ? "" : "; ") + line;
  return text;
}

// What others have changed is not lost without a word.
Status refuse_conflicts(const std::string& tried, const std::vector<std::string>& conflicts, bool overwrite) {
  if (conflicts.empty() || overwrite) return {};
  return Error{
      ErrorKind::usage, tried, listed(conflicts),
      "take your lines out of there, or run it with --force-overwrite-changes: your version is then kept aside"};
}

// The edits as they look to who knows the machine as it is now, with what we wrote earlier in it.
Status from_now(const HostPaths& host, BootEdits& edits) {
  const auto now = [&](const std::string& path) -> Result<std::optional<std::string>> {
    std::error_code bad;
    if (!fs::exists(host.in_root(path), bad)) return std::optional<std::string>();
    TRY_ASSIGN(auto text, read_file(host.in_root(path)));
    return std::optional<std::string>(std::move(text));
  };
  for (auto& edit : edits.files) {
    TRY_ASSIGN(edit.before, now(edit.path));
  }
  return {};
}

Result<PassthroughPlan> make_plan(const HostPaths& host, const Sysfs& sysfs, const std::string& word,
                                  const OriginalFiles& baseline, std::vector<CardClaim>& cards, BootEdits& edits) {
  PassthroughPlan plan;
  const auto view = read_claim_view(host, sysfs);
  TRY_ASSIGN(const auto* card, find_own_card(view.pci, word));
  TRY_ASSIGN(plan.card, plan_claim(view, *card));
  plan.setup = system::boot_setup_of(host);
  cards = baseline.cards();
  std::erase_if(cards, [&](const CardClaim& each) { return each.address == card->address; });
  cards.push_back(plan.card.claim);
  TRY_ASSIGN(edits, boot_edits(host, plan.setup, cards, view.modules,
                               [&](const std::string& path) { return baseline.text(path); }));
  plan.edits = edits;
  TRY(from_now(host, plan.edits));
  std::erase_if(plan.edits.files, [](const FileEdit& edit) { return edit.before == edit.after; });
  plan.notes = baseline.merged();
  plan.conflicts = baseline.conflicts();
  const bool known = std::any_of(baseline.cards().begin(), baseline.cards().end(), [&](const CardClaim& each) {
    return claim_json(each) == claim_json(plan.card.claim);
  });
  plan.nothing = known && plan.edits.files.empty();
  return plan;
}

}  // namespace

Result<PassthroughPlan> plan_passthrough(const HostPaths& host, const Sysfs& sysfs, const std::string& card) {
  TRY_ASSIGN(const auto baseline, OriginalFiles::open(host));
  std::vector<CardClaim> cards;
  BootEdits edits;
  return make_plan(host, sysfs, card, baseline, cards, edits);
}

Result<PassthroughPlan> apply_passthrough(const ChangeTools& tools, const Sysfs& sysfs, const std::string& card,
                                          const std::set<std::string>& forced) {
  // Bad input is said before anything is locked or made.
  TRY_ASSIGN(const auto first_look, plan_passthrough(tools.host, sysfs, card));
  const auto tried = "prepare " + first_look.card.claim.address + " for a virtual machine";
  if (!first_look.edits.unknown.empty())
    return Error{ErrorKind::missing, tried, first_look.edits.unknown,
                 "nothing is changed; `vgpukit passthrough plan` shows what would have to stand where"};
  for (const auto& risk : first_look.card.risks)
    if (!forced.contains(risk.option))
      return Error{ErrorKind::consent, tried, risk.text, "if that is what you want: " + risk.option};

  TRY_ASSIGN(auto change,
             JournaledChange::begin(passthrough_rules(tools.host), "passthrough apply " + first_look.card.claim.address,
                                    {}, tools.on_step));
  TRY_ASSIGN(const auto baseline, OriginalFiles::open(tools.host));
  std::vector<CardClaim> cards;
  BootEdits edits;
  TRY_ASSIGN(auto plan, make_plan(tools.host, sysfs, card, baseline, cards, edits));
  if (plan.nothing) return plan;
  TRY(refuse_conflicts(tried, plan.conflicts, tools.overwrite));
  TRY(change_to(tools, std::move(change), baseline, cards, edits));
  return plan;
}

Result<PassthroughUndone> undo_passthrough(const ChangeTools& tools, const std::string& word, bool dry_run) {
  auto address = pci_address(word);
  if (!address) address = pci_address(word + ".0");
  const auto tried = "take back what was done for '" + word + "'";
  if (!address)
    return Error{ErrorKind::usage, tried, "it is no PCI address", "write it as lspci does, such as 01:00.0"};
  std::optional<JournaledChange> change;
  std::error_code bad;
  if (!dry_run && fs::exists(PassthroughPlaces(tools.host).folder, bad)) {
    TRY_ASSIGN(auto begun, JournaledChange::begin(passthrough_rules(tools.host), "passthrough undo " + *address, {},
                                                  tools.on_step));
    change.emplace(std::move(begun));
  }
  TRY_ASSIGN(const auto baseline, OriginalFiles::open(tools.host));
  auto cards = baseline.cards();
  PassthroughUndone undone;
  undone.card = *address;
  const auto gone = std::erase_if(cards, [&](const CardClaim& each) { return each.address == *address; });
  for (const auto& card : cards) undone.cards_left.push_back(card.address);
  if (gone == 0)
    return Error{ErrorKind::usage, tried, "vgpukit passthrough apply was not run for " + *address,
                 undone.cards_left.empty() ? "nothing is applied here" : "applied are " + listed(undone.cards_left)};
  BootEdits edits;
  if (!cards.empty()) {
    TRY_ASSIGN(edits,
               boot_edits(tools.host, system::boot_setup_of(tools.host), cards, InstalledModules::read(tools.host),
                          [&](const std::string& path) { return baseline.text(path); }));
  }
  edits.commands = baseline.commands();
  undone.commands = edits.commands;
  undone.notes = baseline.merged();
  for (const auto& path : baseline.paths()) {
    FileEdit file{path, std::nullopt, "", 0644, ""};
    if (fs::exists(tools.host.in_root(path), bad)) {
      TRY_ASSIGN(file.before, read_file(tools.host.in_root(path)));
    }
    TRY_ASSIGN(const auto text, baseline.text(path));
    file.after = text.value_or("");
    for (const auto& edit : edits.files)
      if (edit.path == path) file.after = edit.after;
    undone.files.push_back(std::move(file));
  }
  TRY(refuse_conflicts(tried, baseline.conflicts(), tools.overwrite));
  if (change) TRY(change_to(tools, std::move(*change), baseline, cards, edits));
  return undone;
}

Result<std::vector<CardClaim>> applied_passthrough(const HostPaths& host) {
  TRY_ASSIGN(const auto baseline, OriginalFiles::open(host));
  return baseline.cards();
}

}  // namespace vgpukit::passthrough
