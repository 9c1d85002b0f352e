#include "build/earlier_build.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "support/atomic_file.hpp"
#include "support/hash.hpp"
#include "support/json_file.hpp"
#include "support/output_folder.hpp"

namespace vgpukit::build {

namespace {

// What the system knows about a file and nobody can set: a file with the same identity has the same content.
std::string identity_of(const fs::path& file) {
  struct stat info {};
  if (::lstat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return "";
  return std::to_string(info.st_dev) + " " + std::to_string(info.st_ino) + " " + std::to_string(info.st_size) + " " +
         std::to_string(info.st_ctim.tv_sec) + "." + std::to_string(info.st_ctim.tv_nsec);
}

// The record of a build in a folder that the user named. It is in the state folder: what is in the other folder may
// have been prepared by somebody else, with the hashes that fit.
fs::path output_record(const HostPaths& host, const fs::path& output) {
  return host.state / "outputs" / (hash_of(fs::absolute(output).lexically_normal().string()) + ".json");
}

// Whether this user's vgpukit has made the folder's files as they are.
bool is_ours(const HostPaths& host, const fs::path& output) {
  const auto inside = fs::absolute(output).lexically_normal().lexically_relative(host.state / "built");
  if (!inside.empty() && *inside.begin() != "..") return true;  // only this user can write there
  const auto record = json_if_readable(output_record(host, output));
  if (!record || !record->contains("files") || !record->at("files").is_object()) return false;
  const auto files = entries_of(output);
  return files.size() == record->at("files").size() && std::all_of(files.begin(), files.end(), [&](const auto& file) {
           const auto identity = identity_of(file);
           return !identity.empty() && text_in(record->at("files"), file.filename().c_str()) == identity;
         });
}

// The name of an entry that no build of vgpukit has put into the folder; empty if there is none. build.json, which
// another version may have written, lists the files of a build.
std::string foreign_entry(const fs::path& output) {
  std::set<std::string> ours;
  std::error_code bad;
  const auto record = output / "build.json";
  const auto text =
      fs::is_regular_file(fs::symlink_status(record, bad)) ? read_file(record) : Result<std::string>(Error{});
  const auto document = text ? parse_json(*text) : nlohmann::json();
  try {
    if (document.at("result") == "built" && document.at("inputs").is_string() &&
        document.at("driver").at("version").is_string() && document.at("kernel").at("release").is_string() &&
        !document.at("modules").empty()) {
      ours = {"build.json", "build.log"};
      for (const auto& module : document.at("modules"))
        ours.insert(fs::path(module.at("path").get<std::string>()).filename());
    }
  } catch (const nlohmann::json::exception&) {  // not the record of a build
    ours.clear();
  }
  for (const auto& entry : fs::directory_iterator(output, bad)) {
    auto name = entry.path().filename().string();
    if (!ours.contains(name) || !fs::is_regular_file(entry.symlink_status(bad))) return name;
  }
  return bad ? "an unreadable entry" : "";
}

}  // namespace

Status record_output(const HostPaths& host, const fs::path& output) {
  nlohmann::json files;
  for (const auto& file : entries_of(output)) files[file.filename().string()] = identity_of(file);
  return write_file(output_record(host, output), json_text({{"output", output.string()}, {"files", files}}) + "\n",
                    0600);
}

std::optional<BuildReport> unchanged_build(const HostPaths& host, const fs::path& output, const std::string& inputs,
                                           recipe::Strict strict) {
  if (!is_ours(host, output)) return std::nullopt;
  const auto text = read_file(output / "build.json");
  if (!text) return std::nullopt;
  const auto document = parse_json(*text);
  if (!document.is_object() || text_in(document, "inputs") != inputs) return std::nullopt;
  BuildReport report;
  try {
    report = document.get<BuildReport>();
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;  // written by another version of vgpukit: build again
  }
  if (strict != recipe::Strict::none && std::any_of(report.warnings.begin(), report.warnings.end(),
                                                    [](const auto& warning) { return warning.tool == "recipe"; }))
    return std::nullopt;
  // The plan decides whether a strict build takes the recipe.
  if (strict != recipe::Strict::none &&
      std::any_of(report.notices.begin(), report.notices.end(),
                  [](const auto& notice) { return notice.name == recipe::adapted_notice; }))
    return std::nullopt;
  for (const auto& module : report.modules) {
    Hasher hasher;
    if (!hasher.add_file(module.path) || hasher.hex() != module.hash) return std::nullopt;
  }
  report.unchanged = true;
  report.kernel.root = host.root.string();  // it may have been built for another root with the same content
  return report;
}

Status check_output(const fs::path& output) {
  return check_output_folder(output, "put the modules into " + output.string(), foreign_entry);
}

}  // namespace vgpukit::build
