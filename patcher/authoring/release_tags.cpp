#include "authoring/release_tags.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

namespace vgpukit::authoring {
namespace {

// Without commit and time.
std::optional<ReleaseTag> parse_tag(const std::string& name) {
  ReleaseTag tag;
  tag.candidate = ~0U;
  const char* at = name.data() + 1;
  const char* const end = name.data() + name.size();
  const auto number = [&](unsigned& into) {
    const auto [next, bad] = std::from_chars(at, end, into);
    at = next;
    return bad == std::errc();
  };
  if (!name.starts_with('v') || !number(tag.major) || at == end || *at++ != '.' || !number(tag.minor))
    return std::nullopt;
  if (at == end) return tag;
  if (!std::string_view(at, end).starts_with("-rc")) return std::nullopt;
  at += 3;
  return number(tag.candidate) && at == end ? std::optional(tag) : std::nullopt;
}

bool tag_contains(git_repository* repository, const ReleaseTag& tag, const git_oid& commit) {
  return git_oid_equal(&tag.commit, &commit) != 0 || git_graph_descendant_of(repository, &tag.commit, &commit) == 1;
}

}  // namespace

std::vector<ReleaseTag> release_tags(git_repository* repository) {
  git_strarray names{};
  std::vector<ReleaseTag> tags;
  if (git_tag_list_match(&names, "v*", repository) != 0) return tags;
  for (std::size_t i = 0; i < names.count; ++i) {
    auto tag = parse_tag(names.strings[i]);
    git_object* found = nullptr;
    const auto revision = std::string("refs/tags/") + names.strings[i] + "^{commit}";
    if (!tag || git_revparse_single(&found, repository, revision.c_str()) != 0) continue;
    tag->commit = *git_object_id(found);
    tag->time = git_commit_time(reinterpret_cast<git_commit*>(found));
    git_object_free(found);
    tags.push_back(*tag);
  }
  git_strarray_dispose(&names);
  std::sort(tags.begin(), tags.end(), [](const ReleaseTag& a, const ReleaseTag& b) {
    return std::tie(a.major, a.minor, a.candidate) < std::tie(b.major, b.minor, b.candidate);
  });
  return tags;
}

std::string release_of(git_repository* repository, const git_oid& commit) {
  git_commit* found = nullptr;
  if (git_commit_lookup(&found, repository, &commit) != 0) return "";
  // libgit2 reads all commits between a tag and the commit. So the nearest tags are asked first. A committer's clock
  // may be wrong by some hours.
  constexpr git_time_t day = 24 * 60 * 60;
  const auto since = git_commit_time(found) - day;
  git_commit_free(found);
  const auto tags = release_tags(repository);
  const auto lacks = [&](const ReleaseTag& tag) { return !tag_contains(repository, tag, commit); };
  auto from = std::find_if(tags.begin(), tags.end(), [&](const ReleaseTag& tag) { return tag.time >= since; });
  for (std::ptrdiff_t count = 1; from != tags.end(); count *= 2) {
    const auto to = from + std::min(count, tags.end() - from);
    if (!lacks(to[-1])) return std::partition_point(from, to, lacks)->release();
    from = to;
  }
  return "";
}

}  // namespace vgpukit::authoring
