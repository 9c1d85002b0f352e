#include "passthrough/passthrough.hpp"

#include <algorithm>

#include "passthrough/parameter_words.hpp"
#include "passthrough/pending_edits.hpp"
#include "support/json_file.hpp"
#include "support/text.hpp"
#include "system/boot_entries.hpp"

namespace vgpukit::passthrough {

namespace {

// Changes by others are overwritten only if the user says so.
Status refuse_conflicts(const std::string& tried, const std::vector<std::string>& conflicts, bool overwrite) {
  if (conflicts.empty() || overwrite) return {};
  return Error{ErrorKind::usage, tried, join(conflicts, "; "),
               "remove your changes, or use --force-overwrite-changes, which saves a copy of your version"};
}

// The file as it is now, with vgpukit's changes.
Result<std::optional<std::string>> current_text(const HostPaths& host, const std::string& path) {
  std::error_code bad;
  if (!fs::exists(host.in_root(path), bad)) return std::optional<std::string>();
  TRY_ASSIGN(auto text, read_file(host.in_root(path)));
  return std::optional<std::string>(std::move(text));
}

Result<PassthroughPlan> make_plan(const HostPaths& host, const Sysfs& sysfs, const std::string& word,
                                  const OriginalFiles& originals, std::vector<CardClaim>& cards, BootEdits& edits) {
  PassthroughPlan plan;
  const auto view = read_claim_view(host, sysfs);
  TRY_ASSIGN(const auto* card, find_own_card(view.pci, word));
  cards = originals.cards();
  const auto applied =
      std::find_if(cards.begin(), cards.end(), [&](const CardClaim& each) { return each.address == card->address; });
  TRY_ASSIGN(plan.card, plan_claim(view, *card, applied == cards.end() ? nullptr : &*applied));
  if (applied != cards.end()) cards.erase(applied);
  plan.setup = system::boot_setup_of(host);
  cards.push_back(plan.card.claim);
  TRY_ASSIGN(edits, boot_edits(host, plan.setup, cards, view.modules,
                               [&](const std::string& path) { return originals.text(path); }));
  plan.edits = edits;
  for (auto& edit : plan.edits.files) {
    TRY_ASSIGN(edit.before, current_text(host, edit.path));
  }
  std::erase_if(plan.edits.files, [](const FileEdit& edit) { return edit.before == edit.after; });
  plan.notes = originals.merged();
  plan.conflicts = originals.conflicts();
  const bool known = std::any_of(originals.cards().begin(), originals.cards().end(), [&](const CardClaim& each) {
    return claim_json(each) == claim_json(plan.card.claim);
  });
  plan.read_back = read_back(host, plan.setup, plan.edits.parameters);
  plan.nothing = known && plan.edits.files.empty() && plan.read_back.state != ReadBack::State::missing;
  return plan;
}

}  // namespace

Result<PassthroughPlan> plan_passthrough(const HostPaths& host, const Sysfs& sysfs, const std::string& card) {
  TRY_ASSIGN(const auto originals, OriginalFiles::open(host));
  std::vector<CardClaim> cards;
  BootEdits edits;
  return make_plan(host, sysfs, card, originals, cards, edits);
}

Result<PassthroughPlan> apply_passthrough(const ChangeTools& tools, const Sysfs& sysfs, const std::string& card,
                                          const std::set<std::string>& forced) {
  // Bad input is an error before the lock is taken.
  TRY_ASSIGN(const auto preview, plan_passthrough(tools.host, sysfs, card));
  const auto tried = "prepare " + preview.card.claim.address + " for a virtual machine";
  if (!preview.edits.unknown.empty())
    return Error{ErrorKind::missing, tried, preview.edits.unknown,
                 (preview.edits.unknown_next.empty() ? "" : preview.edits.unknown_next + "; ") +
                     "nothing was changed; `vgpukit passthrough plan` shows the changes to make by hand"};
  for (const auto& risk : preview.card.risks)
    if (!forced.contains(risk.option))
      return Error{ErrorKind::consent, tried, risk.text, "if you want that: " + risk.option};

  TRY_ASSIGN(auto change, JournaledChange::begin(passthrough_rules(tools.host),
                                                 "passthrough apply " + preview.card.claim.address, {}, tools.on_step));
  TRY_ASSIGN(const auto originals, OriginalFiles::open(tools.host));
  std::vector<CardClaim> cards;
  BootEdits edits;
  TRY_ASSIGN(auto plan, make_plan(tools.host, sysfs, card, originals, cards, edits));
  if (plan.nothing) return plan;
  TRY(refuse_conflicts(tried, plan.conflicts, tools.overwrite));
  const auto check = [&]() -> Status {
    const auto ours = std::find_if(edits.files.begin(), edits.files.end(),
                                   [](const FileEdit& edit) { return edit.path == modprobe_file; });
    if (ours != edits.files.end() && !plan.setup.update_initramfs.empty()) {
      plan.initramfs = read_back_initramfs(tools.host, plan.setup, ours->after);
      if (plan.initramfs->state == ReadBack::State::missing)
        return Error{ErrorKind::failed, tried,
                     "the programs ended without an error, but the initramfs would not give the card to vfio-pci: " +
                         plan.initramfs->text,
                     "find out why " + join(plan.setup.update_initramfs, " ") + " does not write " +
                         plan.initramfs->file + " on this host"};
    }
    plan.read_back = read_back(tools.host, plan.setup, edits.parameters);
    if (plan.read_back.state != ReadBack::State::missing) return {};
    return Error{ErrorKind::failed, tried,
                 "the programs ended without an error, but the boot loader would not pass " +
                     join(edits.parameters, " ") + " to the kernel: " + plan.read_back.text,
                 "find out what writes " + plan.read_back.file +
                     " on this host; vgpukit doctor -v shows what is known "
                     "about the boot loader"};
  };
  TRY(change_to(tools, std::move(change), originals, cards, edits, check));
  return plan;
}

namespace {

// Kernels that were installed since then have grubby's parameters in entries of their own.
void remove_from_new_entries(const HostPaths& host, const OriginalFiles& originals, const BootEdits& edits,
                             std::vector<std::vector<std::string>>& commands) {
  std::vector<std::string> words;
  for (const auto& word : originals.added_by_grubby())
    if (std::find(edits.parameters.begin(), edits.parameters.end(), word) == edits.parameters.end())
      words.push_back(word);
  if (words.empty()) return;
  const auto recorded = originals.paths();
  for (const auto& entry : system::loader_entries(host))
    if (std::find(recorded.begin(), recorded.end(), entry.file) == recorded.end() && !entry.kernel.empty() &&
        missing_words(entry.options, words).empty())
      commands.push_back(
          {"grubby",
           "--update-kernel=" + (entry.kernel.starts_with("/boot/") ? "" : std::string("/boot")) + entry.kernel,
           "--remove-args=" + join(words, " ")});
}

}  // namespace

Result<PassthroughUndone> undo_passthrough(const ChangeTools& tools, const std::string& word, bool dry_run) {
  auto address = pci_address(word);
  if (!address) address = pci_address(word + ".0");
  const auto tried = "undo passthrough of '" + word + "'";
  if (!address)
    return Error{ErrorKind::usage, tried, "it is not a PCI address", "write it as lspci does, such as 01:00.0"};
  std::optional<JournaledChange> change;
  std::error_code bad;
  if (!dry_run && fs::exists(PassthroughPlaces(tools.host).folder, bad)) {
    TRY_ASSIGN(auto begun, JournaledChange::begin(passthrough_rules(tools.host), "passthrough undo " + *address, {},
                                                  tools.on_step));
    change.emplace(std::move(begun));
  }
  TRY_ASSIGN(const auto originals, OriginalFiles::open(tools.host));
  auto cards = originals.cards();
  PassthroughUndone undone;
  undone.card = *address;
  const auto gone = std::erase_if(cards, [&](const CardClaim& each) { return each.address == *address; });
  for (const auto& card : cards) undone.cards_left.push_back(card.address);
  if (gone == 0)
    return Error{
        ErrorKind::usage, tried, "vgpukit passthrough apply was not run for " + *address,
        undone.cards_left.empty() ? "nothing is applied here" : "applied are " + join(undone.cards_left, "; ")};
  BootEdits edits;
  if (!cards.empty()) {
    TRY_ASSIGN(edits,
               boot_edits(tools.host, system::boot_setup_of(tools.host), cards, InstalledModules::read(tools.host),
                          [&](const std::string& path) { return originals.text(path); }));
  }
  auto commands = originals.commands();
  remove_from_new_entries(tools.host, originals, edits, commands);
  for (const auto& command : edits.commands) add_command(commands, command);
  edits.commands = std::move(commands);
  undone.commands = edits.commands;
  undone.notes = originals.merged();
  for (const auto& path : originals.paths()) {
    FileEdit file;
    file.path = path;
    TRY_ASSIGN(file.before, current_text(tools.host, path));
    TRY_ASSIGN(const auto text, originals.text(path));
    file.after = text.value_or("");
    for (const auto& edit : edits.files)
      if (edit.path == path) file.after = edit.after;
    undone.files.push_back(std::move(file));
  }
  TRY(refuse_conflicts(tried, originals.conflicts(), tools.overwrite));
  if (change) TRY(change_to(tools, std::move(*change), originals, cards, edits));
  return undone;
}

Result<std::vector<CardClaim>> applied_passthrough(const HostPaths& host) {
  TRY_ASSIGN(const auto originals, OriginalFiles::open(host));
  return originals.cards();
}

bool applied_in_this_boot(const HostPaths& host) {
  const auto record = read_json(PassthroughPlaces(host).applied() / "record.json");
  const auto now = boot_id(host);
  return record && !now.empty() && text_in(*record, "boot_id") == now;
}

}  // namespace vgpukit::passthrough
