#include "vgpu/plugin_params.hpp"

#include <algorithm>
#include <array>

#include "support/log.hpp"
#include "support/text.hpp"
#include "support/yaml_reader.hpp"

namespace vgpukit::vgpu {

namespace {

// NVIDIA's vGPU user guide and its pages about CUDA tools and about the console in a virtual machine.
constexpr std::array<std::string_view, 7> known = {"disable_vnc",    "enable_debugging",   "enable_profiling",
                                                   "enable_uvm",     "frame_rate_limiter", "intervaltime",
                                                   "vgaintervaltime"};

bool is_part(std::string_view text) {
  return !text.empty() && std::none_of(text.begin(), text.end(), [](char each) {
    return each == ',' || static_cast<unsigned char>(each) <= ' ' || each == '\x7f';
  });
}

template <class Pairs>
auto find_name(Pairs& pairs, std::string_view name) {
  return std::find_if(pairs.begin(), pairs.end(), [&](const auto& each) { return each.first == name; });
}

}  // namespace

Result<std::pair<std::string, std::string>> parse_param(std::string_view word) {
  const auto sign = word.find('=');
  const auto tried = "use '" + printable(word, 60) + "' as a plugin parameter";
  if (sign == std::string_view::npos)
    return Error{ErrorKind::usage, tried, "it has no '='", "NAME=VALUE, such as frame_rate_limiter=0"};
  const auto name = word.substr(0, sign);
  const auto value = word.substr(sign + 1);
  if (is_part(name) && is_part(value)) return std::pair(std::string(name), std::string(value));
  return Error{ErrorKind::usage, tried,
               name.empty()    ? "it has no name"
               : value.empty() ? "it has no value"
                               : "the driver's list separates parameters with commas, and has no white space",
               "NAME=VALUE, such as frame_rate_limiter=0; one --param for each"};
}

PluginParams params_in(std::string_view text) {
  PluginParams params;
  for (const auto part : words_of(text, ", \t\r\n"))
    if (const auto sign = part.find('='); sign != std::string_view::npos && sign != 0)
      params.emplace_back(part.substr(0, sign), part.substr(sign + 1));
  return params;
}

std::string params_text(const PluginParams& params) {
  return join(params, ",", [](const auto& each) { return each.first + "=" + each.second; });
}

bool is_known_param(std::string_view name) {
  return std::find(known.begin(), known.end(), name) != known.end();
}

void warn_of_unknown_params(const PluginParams& params) {
  for (const auto& [name, value] : params) {
    if (is_known_param(name)) continue;
    const auto near = nearest(name, {known.begin(), known.end()});
    log::warning("the plugin parameter '" + name + "' is not one that vgpukit knows; it is passed on as it is" +
                 (near.empty() ? "" : "; did you mean '" + near + "'?"));
  }
}

const std::string* find_attribute(const Attributes& attributes, std::string_view name) {
  const auto found = find_name(attributes, name);
  return found == attributes.end() ? nullptr : &found->second;
}

void set_attribute(Attributes& attributes, const std::string& name, const std::string& value) {
  const auto found = find_name(attributes, name);
  if (found == attributes.end() && !value.empty())
    attributes.emplace_back(name, value);
  else if (found != attributes.end() && value.empty())
    attributes.erase(found);
  else if (found != attributes.end())
    found->second = value;
}

PluginParams params_of(const Attributes& attributes) {
  const auto* text = find_attribute(attributes, params_attribute);
  return text ? params_in(*text) : PluginParams{};
}

void change_settings(Attributes& attributes, const SettingsChange& change) {
  auto params = params_of(attributes);
  for (const auto& [name, value] : change.params) {
    if (const auto found = find_name(params, name); found != params.end())
      found->second = value;
    else
      params.emplace_back(name, value);
  }
  std::erase_if(params, [&](const auto& each) {
    return std::find(change.unset.begin(), change.unset.end(), each.first) != change.unset.end();
  });
  if (!change.params.empty() || !change.unset.empty()) set_attribute(attributes, params_attribute, params_text(params));
  if (change.placement) set_attribute(attributes, placement_attribute, *change.placement);
}

}  // namespace vgpukit::vgpu
