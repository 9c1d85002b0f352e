#include "conftest/conftest_cache.hpp"

#include <nlohmann/json.hpp>

#include "support/checksummed_file.hpp"
#include "support/hash.hpp"
#include "support/json_file.hpp"

namespace vgpukit::kernel {
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(CompileError, file, line, fatal, message)
}

namespace vgpukit::conftest {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ConftestVerdict, compiled, errors)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ConftestCheck, test, define, code, inverted, verdict)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ConftestAnswers, files, checks, tests, left_to_make)

namespace {

using Json = nlohmann::json;

// Increase the number when the file format or the way of asking changes.
constexpr std::string_view generation = "vgpukit conftest 2";

fs::path cache_file(const HostPaths& host, const std::string& key, const char* ending) {
  return host.cache / "conftest" / (hash_of(std::string(generation) + key) + ending);
}

template <class T>
std::optional<T> load_json(const fs::path& file) {
  const auto text = read_checksummed(file);
  if (!text) return std::nullopt;
  const Json json = parse_json(*text);
  if (json.is_discarded()) return std::nullopt;
  try {
    return json.get<T>();
  } catch (const Json::exception&) {  // a file of another format
    return std::nullopt;
  }
}

template <class T>
void save_json(const fs::path& file, const T& value) {
  write_checksummed(file, json_text(Json(value)));
}

}  // namespace

VerdictCache::VerdictCache(const HostPaths& host, const std::string& key) : file_(cache_file(host, key, ".verdicts")) {
  load();
}

void VerdictCache::load() {
  if (auto known = load_json<std::map<std::string, ConftestVerdict>>(file_)) verdicts_.merge(*known);
}

const ConftestVerdict* VerdictCache::find(const std::string& source) const {
  const auto found = verdicts_.find(hash_of(source));
  return found == verdicts_.end() ? nullptr : &found->second;
}

void VerdictCache::add(const std::string& source, ConftestVerdict verdict) {
  verdicts_[hash_of(source)] = std::move(verdict);
  changed_ = true;
}

void VerdictCache::save() const {
  if (!changed_) return;
  VerdictCache merged = *this;
  merged.load();
  save_json(file_, merged.verdicts_);
}

std::optional<ConftestAnswers> load_answers(const HostPaths& host, const std::string& key) {
  return load_json<ConftestAnswers>(cache_file(host, key, ".answers"));
}

void save_answers(const HostPaths& host, const std::string& key, const ConftestAnswers& answers) {
  save_json(cache_file(host, key, ".answers"), answers);
}

}  // namespace vgpukit::conftest
