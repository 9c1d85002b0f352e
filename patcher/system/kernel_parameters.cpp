#include "system/kernel_parameters.hpp"

#include <algorithm>

#include "support/text.hpp"

namespace vgpukit::system {

namespace {

bool same_name(std::string_view a, std::string_view b) {
  const auto plain = [](char c) { return c == '-' ? '_' : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return plain(x) == plain(y); });
}

std::string without_quotes(std::string text) {
  std::erase(text, '"');
  return text;
}

}  // namespace

KernelParameters::KernelParameters(std::string_view line) {
  std::size_t at = 0;
  while (at < line.size()) {
    const auto begin = line.find_first_not_of(" \t\n", at);
    if (begin == std::string_view::npos) return;
    bool quoted = false;
    auto end = begin;
    for (; end < line.size(); ++end) {
      if (line[end] == '"') quoted = !quoted;
      if (!quoted && (line[end] == ' ' || line[end] == '\t' || line[end] == '\n')) break;
    }
    at = end;
    KernelParameter one;
    one.text = line.substr(begin, end - begin);
    if (one.text == "--") return;
    const auto plain = without_quotes(one.text);
    const auto equals = plain.find('=');
    one.name = plain.substr(0, equals);
    if (equals != std::string::npos) one.value = plain.substr(equals + 1);
    if (!one.name.empty()) all_.push_back(std::move(one));
  }
}

const KernelParameter* KernelParameters::find(std::string_view name) const {
  const auto found =
      std::find_if(all_.rbegin(), all_.rend(), [&](const KernelParameter& each) { return same_name(each.name, name); });
  return found == all_.rend() ? nullptr : &*found;
}

const KernelParameter* KernelParameters::with(std::string_view name, std::string_view value) const {
  for (const auto& each : all_) {
    if (!same_name(each.name, name) || !each.value) continue;
    if (*each.value == value || contains("," + *each.value + ",", "," + std::string(value) + ",")) return &each;
  }
  return nullptr;
}

std::vector<std::string> iommu_parameters(std::string_view cpuinfo) {
  if (contains(cpuinfo, "AuthenticAMD")) return {};
  return {"intel_iommu=on", "iommu=pt"};
}

}  // namespace vgpukit::system
