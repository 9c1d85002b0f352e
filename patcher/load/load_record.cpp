#include "load/load_record.hpp"

#include "support/json_file.hpp"

namespace vgpukit::load {

namespace {

fs::path record_file(const HostPaths& host) {
  return host.in_root("/run/vgpukit/modules.json");
}

std::string text_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

ModuleRecord read_module_record(const HostPaths& host) {
  ModuleRecord record;
  const auto document = read_json(record_file(host));
  if (!document) return record;
  for (const auto& [name, entry] : document->items())
    if (entry.is_object()) record[name] = {text_of(entry, "file"), text_of(entry, "options")};
  return record;
}

Status write_module_record(const HostPaths& host, const ModuleRecord& record) {
  auto document = nlohmann::json::object();
  for (const auto& [name, from] : record) document[name] = {{"file", from.file.string()}, {"options", from.options}};
  return write_file(record_file(host), json_text(document, 2) + "\n");
}

}  // namespace vgpukit::load
