#include "vgpu/mdevctl.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "support/atomic_file.hpp"
#include "support/json_file.hpp"
#include "vgpu/uuid.hpp"

namespace vgpukit::vgpu {

namespace {

std::vector<fs::path> sorted_children(const fs::path& folder) {
  std::vector<fs::path> all;
  std::error_code bad;
  for (fs::directory_iterator at(folder, bad), end; !bad && at != end; at.increment(bad)) all.push_back(at->path());
  std::sort(all.begin(), all.end());
  return all;
}

// An attribute's name is a path below the device's folder. It must not lead out of that folder.
bool is_attribute(const std::string& name) {
  const fs::path path(name);
  return !path.empty() && path.is_relative() && std::find(path.begin(), path.end(), "..") == path.end();
}

// What is wrong with the document; empty if it is valid.
std::string read_definition(const nlohmann::json& data, VgpuDefinition& one) {
  if (!data.is_object()) return "it holds no JSON object";
  const auto type = data.find("mdev_type");
  const auto start = data.find("start");
  if (type == data.end() || !type->is_string()) return "it has no text 'mdev_type'";
  if (start == data.end() || start->is_null()) return "it has no 'start'";
  one.type = *type;
  if (one.type.empty() || one.type.find('/') != std::string::npos) return "'" + one.type + "' cannot be a type";
  one.automatic = *start == "auto";
  one.exported = data.contains("vgpukit");
  const auto attributes = data.find("attrs");
  if (attributes == data.end() || attributes->is_null()) return "";
  if (!attributes->is_array()) return "'attrs' is no list";
  for (const auto& each : *attributes) {
    if (!each.is_object() || each.size() != 1 || !each.begin()->is_string())
      return "one of 'attrs' is not {\"NAME\": \"VALUE\"}";
    if (!is_attribute(each.begin().key()))
      return "the attribute '" + each.begin().key() + "' is no name below the device's folder";
    one.attributes.emplace_back(each.begin().key(), each.begin()->get<std::string>());
  }
  return "";
}

}  // namespace

std::vector<VgpuDefinition> load_mdevctl(const HostPaths& host, std::vector<Error>& bad) {
  std::vector<VgpuDefinition> all;
  std::error_code ignored;
  for (const auto& child : sorted_children(host.in_root("/etc/mdevctl.d"))) {
    const auto parent = fs::path("/etc/mdevctl.d") / child.filename();
    if (!fs::is_directory(host.in_root(parent), ignored)) continue;
    for (const auto& entry : sorted_children(host.in_root(parent))) {
      const auto file = host.in_root(parent / entry.filename());
      if (!is_uuid(entry.filename().string()) || !fs::is_regular_file(file, ignored)) continue;
      VgpuDefinition one;
      one.card = parent.filename();
      one.name = parse_uuid(entry.filename().string()).value();
      one.from_mdevctl = true;
      one.where = {file.string(), 0, 0};
      const auto text = read_file(file);
      if (!text) {
        bad.push_back(text.error());
        continue;
      }
      const auto data = parse_json(*text);
      const auto why = data.is_discarded() ? "it is no JSON" : read_definition(data, one);
      if (why.empty())
        all.push_back(std::move(one));
      else
        bad.push_back(
            {ErrorKind::usage, "read the vGPU's definition " + file.string(), why, "correct it, or remove the file"});
    }
  }
  return all;
}

fs::path mdevctl_file(const HostPaths& host, const std::string& parent, const std::string& uuid) {
  return host.reach(fs::path("/etc/mdevctl.d") / parent / uuid);
}

Status remove_mdevctl_file(const fs::path& file) {
  std::error_code bad;
  fs::remove(file, bad);
  if (bad) return Error{ErrorKind::missing, "remove mdevctl's definition " + file.string(), bad.message(), ""};
  fs::remove(file.parent_path(), bad);  // if it is empty
  return {};
}

namespace {

void set_definition(nlohmann::ordered_json& data, const VgpuDefinition& definition) {
  data["mdev_type"] = definition.type;
  data["start"] = definition.automatic ? "auto" : "manual";
  data["attrs"] = nlohmann::ordered_json::array();
  for (const auto& [name, value] : definition.attributes) data["attrs"].push_back({{name, value}});
}

std::string text_of(const nlohmann::ordered_json& data) {
  return data.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Result<std::string> changed_mdevctl_text(const fs::path& file, const std::string& text,
                                         const VgpuDefinition& definition) {
  auto data = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!data.is_object())
    return Error{ErrorKind::usage, "change the vGPU's definition " + file.string(), "it is no JSON object",
                 "correct it, or remove the file"};
  set_definition(data, definition);
  return text_of(data);
}

std::string mdevctl_text(const VgpuDefinition& definition) {
  nlohmann::ordered_json data;
  set_definition(data, definition);
  if (definition.exported) data["vgpukit"] = "from /etc/vgpukit/vgpus.yaml";
  return text_of(data);
}

}  // namespace vgpukit::vgpu
