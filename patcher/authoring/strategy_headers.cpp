// Strategies for headers that moved.
#include <algorithm>
#include <map>

#include "authoring/draft_text.hpp"
#include "authoring/strategies.hpp"
#include "support/text.hpp"

namespace vgpukit::authoring {
namespace {

using diagnostics::NameKind;

std::string_view leaf(std::string_view path) {
  return path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1);
}

// The header of this kernel that declares most of what the old one declared; empty if none declares a half of it.
std::string successor_of(const Evidence& evidence) {
  if (!evidence.api.before) return {};
  std::set<std::string, std::less<>> names;
  for (auto& each : evidence.older) {
    if (each.release() != evidence.api.before->kernel) continue;
    const auto* file = each.file(evidence.api.before->header);
    if (!file) return {};
    for (const auto& one : each.declarations(*file))
      if (one.kind != NameKind::field && !one.name.ends_with("_H") && !one.name.ends_with("_H_"))
        names.insert(one.name);
  }
  std::map<std::string, std::size_t> counts;
  for (const auto& [name, all] : evidence.kernel.find(names, names)) {
    std::set<std::string> files;
    for (const auto& found : all) files.insert(found.file->name);
    for (const auto& file : files) ++counts[file];
  }
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most != counts.end() && most->second * 2 >= names.size() ? most->first : std::string();
}

}  // namespace

std::vector<Candidate> move_header(const Evidence& evidence) {
  const auto& subject = evidence.api.subject;
  if (subject.kind != NameKind::header || evidence.api.now) return {};
  std::vector<std::pair<std::string, std::string>> found;  // the header and why
  const auto add = [&](const std::string& header, const std::string& why) {
    const auto name = included_header(header);
    if (name != subject.name &&
        std::none_of(found.begin(), found.end(), [&](const auto& each) { return each.first == name; }))
      found.emplace_back(name, why);
  };
  if (const auto heir = successor_of(evidence); !heir.empty()) add(heir, "it declares what the old header declared");
  for (const auto& file : evidence.kernel.files())
    if (leaf(file.name) == leaf(subject.name) && (file.name.starts_with("linux/") || file.name.starts_with("drm/")))
      add(file.name, "it has the same name");
  std::vector<Candidate> all;
  for (const auto& [header, why] : found) {
    Candidate candidate{"move-header", "<" + header + ">: " + why, false, {}};
    candidate.change.kernel = "    has: {header: " + header + "}\n    lacks: {header: " + subject.name + "}\n";
    candidate.change.steps.push_back(replace_step("#include <" + subject.name + ">", "#include <" + header + ">"));
    all.push_back(std::move(candidate));
  }
  Candidate nothing{"move-header", "the driver may need nothing of it any more", false, {}};
  nothing.change.steps.push_back(replace_step("#include <" + subject.name + ">", ""));
  all.push_back(std::move(nothing));
  return all;
}

std::vector<Candidate> include_header(const Evidence& evidence) {
  const auto& api = evidence.api;
  if (!api.subject.gone || !api.now || api.subject.kind == NameKind::header || api.subject.kind == NameKind::field ||
      api.subject.kind == NameKind::symbol)
    return {};
  const auto files = files_of(evidence.errors);
  if (files.empty()) return {};
  const auto header = included_header(api.now->header);
  Candidate candidate{"include-header", "<" + header + "> declares it", false, {}};
  for (const auto& file : files) candidate.change.steps.push_back(step("add-include", {{"header", header}}, {file}));
  return {candidate};
}

}  // namespace vgpukit::authoring
