#include "doctor/verdict.hpp"

#include <algorithm>

#include "support/text.hpp"

namespace vgpukit::doctor {

namespace {

bool starts_with_any(std::string_view id, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) { return id.starts_with(name); });
}

bool for_vgpus(std::string_view id) {
  return starts_with_any(id, {"vgpu.", "card.log", "card.branch", "card.driver", "kernel.driver", "driver.dkms",
                              "secure-boot", "parameters.harmful"});
}

bool for_passthrough(std::string_view id) {
  return starts_with_any(id, {"cpu.", "iommu.", "parameters.", "display.", "card.log", "card.driver", "card.functions",
                              "card.group", "card.reset", "vfio.", "kernel.config", "cards.here"});
}

// The findings of a state that are about the subject, as "vgpu.types 0000:01:00.0, ...".
template <class About>
std::string names_of(const Findings& findings, State state, About about) {
  std::string names;
  for (const auto& finding : findings)
    if (finding.state == state && about(finding.id))
      append(names, finding.id + (finding.subject.empty() ? "" : " " + finding.subject));
  return names;
}

template <class About>
Verdict verdict(const char* name, const Findings& findings, About about, const std::string& ready) {
  if (const auto failed = names_of(findings, State::fail, about); !failed.empty())
    return {name, State::fail, "not possible until this is repaired: " + failed};
  if (const auto unknown = names_of(findings, State::unknown, about); !unknown.empty())
    return {name, State::unknown, "not known: " + unknown};
  return {name, State::ok, ready};
}

// Why there can be no vGPUs although no check failed; empty if there can be some.
std::string no_vgpus(const HostView& view) {
  const auto cards = view.pci.nvidia_cards();
  if (cards.empty()) return "no: this host has no NVIDIA card";
  if (std::none_of(cards.begin(), cards.end(), [](const auto* card) { return card->driver == "nvidia"; }))
    return "no: NVIDIA's driver has no card";
  if (!view.vgpu_driver.for_vgpus())
    return "no: the driver" + (view.vgpu_driver.version.empty() ? "" : " " + view.vgpu_driver.version) +
           " is not one for vGPU hosts (vgpu-kvm)";
  return "";
}

std::string offered(const HostView& view) {
  std::string all;
  for (const auto& card : view.vgpus.cards) {
    if (!card.types.empty())
      append(all, card.address + " offers " + std::to_string(card.types.size()) + " types");
    else if (card.most_functions > 0 && card.functions == 0)
      append(all, card.address + " offers types when its virtual functions are made");
  }
  return all.empty() ? "no card offers types" : "ready: " + all;
}

}  // namespace

std::vector<Verdict> verdicts(const CheckInput& input, const Findings& findings) {
  std::vector<Verdict> all;
  if (const auto no = no_vgpus(input.view); !no.empty())
    all.push_back({"vGPUs", State::ok, no});
  else
    all.push_back(verdict("vGPUs", findings, for_vgpus, offered(input.view)));
  if (input.view.pci.nvidia_cards().empty()) return all;
  all.push_back(verdict("passthrough", findings, for_passthrough, "nothing that was checked prevents it"));
  return all;
}

std::vector<std::string> not_checked(const CheckInput& input, const Findings& findings) {
  const auto& view = input.view;
  std::vector<std::string> all;
  for (const auto& finding : findings)
    if (finding.state == State::unknown)
      all.push_back(finding.id + (finding.subject.empty() ? "" : " " + finding.subject) + ": " + finding.what);
  if (!view.log.problem.empty())
    all.push_back("the kernel log (" + view.log.source + "): " + view.log.problem);
  else if (!view.log.whole)
    all.push_back("the beginning of the kernel log (" + view.log.source + "): it is not there any more");
  if (view.vgpu_driver.for_vgpus() && !view.host.is_host())
    all.push_back("ECC, MIG mode, scheduler and mixed sizes: nvidia-smi is not run for another root");
  return all;
}

}  // namespace vgpukit::doctor
