#include "kernel/fact_cache.hpp"

#include <nlohmann/json.hpp>

#include "support/atomic_file.hpp"
#include "support/json_file.hpp"
#include "support/sandbox.hpp"

namespace vgpukit::kernel {

namespace {

using Json = nlohmann::json;

std::optional<std::string> text_at(const Json& object, const char* key) {
  if (!object.is_object()) return std::nullopt;
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<ProbeBuild> probe_from(const Json& json) {
  const auto directory = text_at(json, "directory");
  auto vermagic = text_at(json, "vermagic");
  const auto why = text_at(json, "debug-info-why");
  if (!directory || !vermagic || !why || !json.contains("debug-info") || !json["debug-info"].is_number_integer() ||
      !json.contains("compile") || !json["compile"].is_array())
    return std::nullopt;
  ProbeBuild probe;
  for (const auto& word : json["compile"]) {
    if (!word.is_string()) return std::nullopt;
    probe.compile.push_back(word.get<std::string>());
  }
  if (probe.compile.empty()) return std::nullopt;
  probe.directory = *directory;
  probe.vermagic = *std::move(vermagic);
  probe.debug_info = {static_cast<DebugInfo::Kind>(json["debug-info"].get<int>()), *why};
  return probe;
}

}  // namespace

FactCache FactCache::load(const HostPaths& host, const std::string& fingerprint) {
  FactCache cache;
  cache.file_ = host.cache / "facts" / (fingerprint + ".json");
  const auto text = read_file(cache.file_);
  if (!text) return cache;
  const Json json = parse_json(*text);
  // The fingerprint is in the file, too, so that a copied or renamed file is not used.
  if (json.is_discarded() || text_at(json, "fingerprint") != fingerprint) return cache;
  if (json.contains("probe")) cache.probe = probe_from(json["probe"]);
  if (!json.contains("answers") || !json["answers"].is_object()) return cache;
  for (const auto& [key, value] : json["answers"].items()) {
    const auto evidence = text_at(value, "evidence");
    if (!evidence || !value.contains("yes") || !value["yes"].is_boolean()) continue;
    cache.answers[key] = Answer{value["yes"].get<bool>(), *evidence, true, false, text_at(value, "doubt").value_or("")};
  }
  return cache;
}

void FactCache::save() const {
  const AsSelf files;
  if (file_.empty()) return;
  const std::string fingerprint = file_.stem();
  HostPaths host;
  host.cache = file_.parent_path().parent_path();
  FactCache merged = load(host, fingerprint);
  for (const auto& [key, answer] : answers) merged.answers[key] = answer;
  if (probe) merged.probe = probe;

  Json json = {{"fingerprint", fingerprint}, {"answers", Json::object()}};
  for (const auto& [key, answer] : merged.answers) {
    json["answers"][key] = {{"yes", answer.yes}, {"evidence", answer.evidence}};
    if (!answer.doubt.empty()) json["answers"][key]["doubt"] = answer.doubt;
  }
  if (merged.probe)
    json["probe"] = {{"compile", merged.probe->compile},
                     {"directory", merged.probe->directory.string()},
                     {"vermagic", merged.probe->vermagic},
                     {"debug-info", static_cast<int>(merged.probe->debug_info.kind)},
                     {"debug-info-why", merged.probe->debug_info.why}};
  static_cast<void>(static_cast<bool>(write_file(file_, json_text(json, 1) + "\n")));
}

}  // namespace vgpukit::kernel
