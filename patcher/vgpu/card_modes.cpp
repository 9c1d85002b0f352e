#include "vgpu/card_modes.hpp"

#include <algorithm>
#include <map>

#include "support/text.hpp"
#include "system/nvidia_smi.hpp"
#include "vgpu/vgpu_list.hpp"

namespace vgpukit::vgpu {

namespace {

std::string words_of_program(const Outcome& outcome) {
  auto words = std::string(trimmed(outcome.err.empty() ? outcome.out : outcome.err));
  std::replace(words.begin(), words.end(), '\n', ' ');
  return words.empty() ? "" : ": " + printable(words, 300);
}

Result<Outcome> smi(const VgpuTools& tools, std::vector<std::string> words) {
  Command command;
  words.insert(words.begin(), "nvidia-smi");
  command.argv = std::move(words);
  if (!tools.host.is_host()) command.root = tools.host.root;
  command.deadline = std::chrono::seconds(60);
  return tools.run(command);
}

// The text that nvidia-smi printed. Error: failed, with its words, if it does not end with 0.
Result<std::string> smi_text(const VgpuTools& tools, const std::string& tried, const std::vector<std::string>& words,
                             const std::string& next) {
  auto said = smi(tools, words);
  if (!said) return Error{said.error().kind, tried, said.error().message(), next};
  if (said->ok()) return std::move(said->out);
  return Error{
      ErrorKind::failed, tried,
      "nvidia-smi " + join(words, " ") +
          (said->timed_out ? " did not end within 60 s" : " ended with status " + std::to_string(said->status)) +
          words_of_program(*said),
      next};
}

constexpr const char* ask_dmesg =
    "dmesg may tell why; a card that is being reset, or was lost, answers again after that";

// The GPU instances of `nvidia-smi mig -lgi`: "|   0  MIG 1g.5gb          19        7          4:1     |".
struct Instance {
  std::string profile, profile_id, id;
};
Result<std::vector<Instance>> gpu_instances(const VgpuTools& tools, const std::string& card) {
  std::vector<Instance> all;
  const auto tried = "list the GPU instances of " + card;
  const auto said = smi(tools, {"mig", "-lgi", "-i", card});
  if (!said) return Error{said.error().kind, tried, said.error().message(), ""};
  if (contains(said->out + said->err, "No GPU instances found")) return all;  // with status 6
  if (!said->ok())
    return Error{ErrorKind::failed, tried,
                 "nvidia-smi mig -lgi ended with status " + std::to_string(said->status) + words_of_program(*said),
                 ask_dmesg};
  each_line(said->out, [&](std::string_view line) {
    const auto words = words_of(line, "| \t");
    if (words.size() >= 5 && words[1] == "MIG")
      all.push_back({std::string(words[2]), std::string(words[3]), std::string(words[4])});
  });
  return all;
}

std::vector<std::string> missing(const std::vector<Instance>& existing, const std::vector<GpuInstances>& wanted) {
  std::vector<std::string> all;
  for (const auto& each : wanted) {
    const auto have = std::count_if(existing.begin(), existing.end(), [&](const Instance& instance) {
      return each.profile == instance.profile || each.profile == instance.profile_id;
    });
    for (auto i = static_cast<unsigned>(have); i < each.count; ++i) all.push_back(each.profile);
  }
  return all;
}

const CardSettings* settings_of(const VgpuView& view, const std::vector<CardSettings>& settings,
                                const std::string& card) {
  for (const auto& each : settings)
    if (const auto place = find_place(view, each.card); place && place->card == card) return &each;
  return nullptr;
}

bool has_vgpus(const VgpuView& view, const std::string& card) {
  return std::any_of(view.devices.begin(), view.devices.end(), [&](const Vgpu& each) { return each.card == card; });
}

// What is wanted and not so, or why it cannot be.
void plan_card(const VgpuTools& tools, const VgpuView& view, const CardSettings& settings, CardPlan& plan) {
  const auto modes = read_modes(tools, plan.card);
  const auto problem = [&](const std::string& text) { plan.problems.push_back(text); };
  if (!modes.problem.empty()) {
    problem("its MIG mode and mixed sizes are not known: " + modes.problem);
    return;
  }
  const auto& card = *view.card(plan.card);
  const bool functions_missing = card.most_functions > 0 && card.functions == 0;
  ModeSteps steps;
  if (!settings.gpu_instances.empty()) {
    if (modes.mig.empty()) {
      problem("gpu-instances are wanted, and the card has no MIG mode (nvidia-smi -q: MIG Mode: N/A)");
      return;
    }
    steps.mig = modes.mig != "Enabled";
    steps.gpu_instances = settings.gpu_instances;
    if (!steps.mig && !functions_missing) {
      const auto existing = gpu_instances(tools, plan.card);
      if (!existing) {
        problem(existing.error().message());
        return;
      }
      if (missing(*existing, settings.gpu_instances).empty()) steps.gpu_instances.clear();
    }
  }
  if (settings.mixed_sizes && modes.mixed != "Enabled") {
    if (modes.mixed_can_be == "Not Supported") {
      problem(
          "mixed-sizes: true is wanted, and the card does not support it (nvidia-smi -q: Heterogeneous Time-Slice "
          "Sizes: Not Supported)");
      return;
    }
    steps.mixed = true;
  }
  if (steps.any() && has_vgpus(view, plan.card)) {
    problem(std::string(steps.mig                      ? "MIG mode is off"
                        : !steps.gpu_instances.empty() ? "GPU instances are missing"
                                                       : "mixed sizes are off") +
            ", and nothing of that is changed while the card has vGPUs; stop them first: vgpukit vgpu list --card " +
            plan.card + " --active");
    return;
  }
  if (steps.any() && functions_missing) plan.needs_functions = true;
  // The types of GPU instances are offered when these exist: what the plan says of them until then is not so.
  if (!steps.gpu_instances.empty()) {
    plan.problems.clear();
    plan.create.clear();
  }
  plan.modes = std::move(steps);
}

}  // namespace

CardModes read_modes(const VgpuTools& tools, const std::string& card) {
  CardModes modes;
  const auto text = smi_text(tools, "ask nvidia-smi about " + card, {"-q", "-i", card}, ask_dmesg);
  if (!text) {
    modes.problem = text.error().why;
    return modes;
  }
  system::NvidiaSmi said;
  parse_nvidia_smi(*text, said);
  if (!said.cards.contains(card)) {
    modes.problem = "nvidia-smi -q -i " + card + " does not name the card";
    return modes;
  }
  modes.mig = said.value(card, "MIG Mode/Current");
  modes.mig_pending = said.value(card, "MIG Mode/Pending");
  modes.mixed = said.value(card, "GPU Virtualization Mode/vGPU Heterogeneous Mode");
  modes.mixed_can_be = said.value(card, "vGPU Device Capability/Heterogeneous Time-Slice Sizes");
  return modes;
}

void plan_modes(const VgpuTools& tools, const VgpuView& view, const std::vector<CardSettings>& settings,
                VgpuPlan& plan) {
  for (const auto& each : settings) {
    const auto place = find_place(view, each.card);
    auto found = std::find_if(plan.cards.begin(), plan.cards.end(),
                              [&](const CardPlan& card) { return card.card == (place ? place->card : each.card); });
    // Also without definitions: another program may make the vGPUs.
    if (found == plan.cards.end()) {
      plan.cards.emplace_back().card = place ? place->card : each.card;
      found = plan.cards.end() - 1;
    }
    if (!place)
      found->problems.push_back("its settings under cards: " + place.error().why + "; " + place.error().next);
    else if (!place->parent.empty() && place->parent != place->card)
      found->problems.push_back("its settings under cards: " + each.card + " is a virtual function of this card");
    else
      plan_card(tools, view, each, *found);
  }
}

void check_sizes(const VgpuTools& tools, const VgpuView& view, const std::vector<CardSettings>& settings,
                 VgpuPlan& plan) {
  for (auto& each : plan.cards) {
    const auto* card = view.card(each.card);
    const auto* wanted = card ? settings_of(view, settings, each.card) : nullptr;
    if (!card || (wanted && wanted->mixed_sizes)) continue;
    // Beside a vGPU the driver offers only sizes that are possible, so the plan has no others.
    if (has_vgpus(view, each.card)) continue;
    std::map<std::string, std::string> sizes;  // a size, and a type of it
    for (const auto& step : each.create) {
      const auto type = card->types.find(step.type);
      if (type == card->types.end() || is_mig_backed(type->second)) continue;
      if (const auto size = size_of(type->second); !size.empty())
        sizes.emplace(size, type->second.name.empty() ? step.type : type->second.name);
    }
    if (sizes.size() < 2) continue;
    const auto modes = read_modes(tools, each.card);
    if (modes.mixed == "Enabled") continue;
    each.problems.push_back(
        "the vGPUs have different sizes (" + join(sizes, ", ", [](const auto& size) { return size.second; }) +
        "), and the first one decides the size of all unless mixed sizes are on: write '- {card: \"" + each.card +
        "\", mixed-sizes: true}' under cards in vgpus.yaml, or use one size (" +
        (!modes.problem.empty()                  ? modes.problem
         : modes.mixed.empty()                   ? "nvidia-smi -q tells nothing of mixed sizes"
         : modes.mixed_can_be == "Not Supported" ? "nvidia-smi -q: this card cannot have mixed sizes"
                                                 : "nvidia-smi -q: vGPU Heterogeneous Mode: " + modes.mixed) +
        ")");
  }
}

Status switch_mig_on(const VgpuTools& tools, const std::string& card) {
  const auto tried = "switch MIG mode of " + card + " on";
  if (read_modes(tools, card).mig == "Enabled") return {};
  const auto commands = "nothing may use the card (nvidia-smi shows what does; sriov-manage -d " + card +
                        " removes virtual functions): nvidia-smi -i " + card + " -mig 1, then vgpukit vgpu apply again";
  TRY(smi_text(tools, tried, {"-i", card, "-mig", "1"}, commands));
  const auto now = read_modes(tools, card);
  if (now.mig == "Enabled") return {};
  if (now.mig_pending == "Enabled")
    return Error{ErrorKind::failed, tried, "the mode waits for a reset of this one GPU (the host stays up)",
                 "nvidia-smi --gpu-reset -i " + card + " while nothing uses the card, then vgpukit vgpu apply again"};
  return Error{ErrorKind::failed, tried,
               "nvidia-smi ended with 0, but the mode is " + (now.mig.empty() ? "not known" : now.mig) + " now",
               commands};
}

Status make_gpu_instances(const VgpuTools& tools, const std::string& card, const std::vector<GpuInstances>& wanted) {
  TRY_ASSIGN(const auto existing, gpu_instances(tools, card));
  std::vector<std::string> made;
  const auto undo = [&] {
    std::string left;
    for (; !made.empty(); made.pop_back())
      for (const auto* what : {"-dci", "-dgi"})
        if (const auto done =
                smi_text(tools, "remove a GPU instance", {"mig", what, "-gi", made.back(), "-i", card}, "");
            !done)
          append(left, done.error().why, "; ");
    return left;
  };
  for (const auto& profile : missing(existing, wanted)) {
    const auto said =
        smi_text(tools, "make a GPU instance " + profile + " on " + card, {"mig", "-cgi", profile, "-C", "-i", card},
                 "nvidia-smi mig -lgip -i " + card + " shows the profiles and how many of each are free");
    if (!said) {
      auto error = said.error();
      if (const auto left = undo(); !left.empty()) append(error.next, left, "; ");
      return error;
    }
    // "Successfully created GPU instance ID  7 on GPU  0 using profile MIG 1g.5gb (ID 19)"
    constexpr std::string_view before = "created GPU instance ID";
    if (const auto at = said->find(before); at != std::string::npos)
      if (const auto words = words_of(std::string_view(*said).substr(at + before.size())); !words.empty())
        made.emplace_back(words.front());
  }
  TRY_ASSIGN(const auto now, gpu_instances(tools, card));
  if (const auto lacking = missing(now, wanted); !lacking.empty()) {
    undo();
    return Error{ErrorKind::failed, "make the GPU instances of " + card,
                 "nvidia-smi ended with 0, but there is no " + lacking.front(), ask_dmesg};
  }
  return {};
}

Status switch_mixed_on(const VgpuTools& tools, const std::string& card) {
  const auto tried = "switch mixed sizes of " + card + " on";
  const auto before = read_modes(tools, card);
  if (before.mixed == "Enabled") return {};
  const auto next =
      before.mixed.empty()
          ? "nvidia-smi -q shows no vGPU Heterogeneous Mode of it: drivers before branch 550 have no mixed sizes, and "
            "cards in MIG mode have none either"
          : "it works while the card has its virtual functions and no vGPU: nvidia-smi vgpu -shm 1 -i " + card;
  TRY(smi_text(tools, tried, {"vgpu", "-shm", "1", "-i", card}, next));
  const auto now = read_modes(tools, card);
  if (now.mixed == "Enabled") return {};
  return Error{ErrorKind::failed, tried,
               "nvidia-smi ended with 0, but vGPU Heterogeneous Mode is " +
                   (now.mixed.empty() ? "not known" : now.mixed) + " now",
               next};
}

}  // namespace vgpukit::vgpu
