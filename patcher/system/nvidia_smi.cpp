#include "system/nvidia_smi.hpp"

#include "support/process.hpp"
#include "support/sysfs.hpp"
#include "support/text.hpp"

namespace vgpukit::system {

namespace {

// The first lines of what a program printed, in one.
std::string words_of_program(const Outcome& outcome) {
  std::string all;
  for (const auto& line : lines_of(outcome.err.empty() ? outcome.out : outcome.err))
    if (!trimmed(line).empty() && all.size() < 300) append(all, printable(trimmed(line)), " ");
  return all;
}

}  // namespace

std::string NvidiaSmi::value(const std::string& card, const std::string& key) const {
  const auto found = cards.find(card);
  if (found == cards.end()) return "";
  const auto value = found->second.find(key);
  return value == found->second.end() || value->second == "N/A" || value->second == "[N/A]" ? "" : value->second;
}

void parse_nvidia_smi(std::string_view text, NvidiaSmi& smi) {
  std::map<std::string, std::string>* card = nullptr;
  std::vector<std::pair<std::size_t, std::string>> sections;  // indentation, name
  each_line(text, [&](std::string_view line) {
    const auto indent = line.find_first_not_of(' ');
    if (indent == std::string_view::npos) return;
    const auto words = trimmed(line);
    if (indent == 0) {
      // "GPU 00000000:65:00.0"
      const auto address = words.starts_with("GPU ") ? pci_address(trimmed(words.substr(4))) : std::nullopt;
      card = address ? &smi.cards[*address] : nullptr;
      sections.clear();
      return;
    }
    if (!card) return;
    while (!sections.empty() && sections.back().first >= indent) sections.pop_back();
    const auto colon = words.find(" : ");
    if (colon == std::string_view::npos) {
      sections.emplace_back(indent, std::string(words));
      return;
    }
    std::string key;
    for (const auto& [depth, name] : sections) key += name + "/";
    card->emplace(key + std::string(trimmed(words.substr(0, colon))), std::string(trimmed(words.substr(colon + 3))));
  });
}

NvidiaSmi ask_nvidia_smi(const HostPaths& host) {
  NvidiaSmi smi;
  if (!host.is_host()) {
    smi.problem = "it is not run for another root";
    return smi;
  }
  Command command;
  command.argv = {"nvidia-smi", "-q"};
  command.deadline = std::chrono::seconds(10);
  const auto said = run(command);
  if (!said) {
    smi.problem = said.error().why;
    return smi;
  }
  if (said->timed_out) {
    smi.problem = "it did not answer within 10 s";
    return smi;
  }
  if (!said->ok()) {
    smi.problem = "it ended with status " + std::to_string(said->status) + ": " + words_of_program(*said);
    return smi;
  }
  parse_nvidia_smi(said->out, smi);
  if (smi.cards.empty()) smi.problem = "it names no card: " + words_of_program(*said);
  // Drivers that are not for vGPU hosts do not have this command.
  command.argv = {"nvidia-smi", "vgpu", "-ss"};
  if (const auto scheduler = run(command); scheduler && scheduler->ok()) parse_nvidia_smi(scheduler->out, smi);
  return smi;
}

}  // namespace vgpukit::system
