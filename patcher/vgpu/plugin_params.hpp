// The attributes of a vGPU: files below its folder in sysfs, which are written after it was made and before a virtual
// machine opens it. Two of them are NVIDIA's (vGPU user guide, "Setting vGPU Plugin Parameters" and "Placing a vGPU on
// a Physical GPU in Mixed-Size Mode"). Mediated devices and virtual functions have the same:
//   nvidia/vgpu_params   NAME=VALUE,NAME=VALUE
//   nvidia/placement_id  a number
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::vgpu {

inline constexpr const char* params_attribute = "nvidia/vgpu_params";
inline constexpr const char* placement_attribute = "nvidia/placement_id";

using Attributes = std::vector<std::pair<std::string, std::string>>;    // a name, which is a path, and a value
using PluginParams = std::vector<std::pair<std::string, std::string>>;  // in the order in which they are written

// "NAME=VALUE". Error: usage, if there is no name or value, or if one has a character that the driver's list cannot
// hold.
Result<std::pair<std::string, std::string>> parse_param(std::string_view word);
// The text of nvidia/vgpu_params. Parts without "=" are left out.
PluginParams params_in(std::string_view text);
std::string params_text(const PluginParams& params);

// The parameters of NVIDIA's documentation. Others are passed on as well, because each branch has its own.
[[nodiscard]] bool is_known_param(std::string_view name);
// A warning for each of the parameters that is not known, with the most similar name.
void warn_of_unknown_params(const PluginParams& params);

// The value of the attribute, or null.
const std::string* find_attribute(const Attributes& attributes, std::string_view name);
// Sets the attribute; an empty value removes it.
void set_attribute(Attributes& attributes, const std::string& name, const std::string& value);
// The parameters among the attributes.
PluginParams params_of(const Attributes& attributes);

// What `create`, `define` and `modify` are to change.
struct SettingsChange {
  PluginParams params;                   // to set
  std::vector<std::string> unset;        // names of parameters to remove
  std::optional<std::string> placement;  // a number; empty: none
  [[nodiscard]] bool empty() const { return params.empty() && unset.empty() && !placement; }
};
void change_settings(Attributes& attributes, const SettingsChange& change);

}  // namespace vgpukit::vgpu
