#include "diagnostics/api_changes.hpp"

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "diagnostics/header_texts.hpp"
#include "diagnostics/name_distance.hpp"
#include "diagnostics/name_ranking.hpp"
#include "support/atomic_file.hpp"

namespace vgpukit::diagnostics {
namespace {

using Found = HeaderTexts::Found;
using Names = std::set<std::string, std::less<>>;

// The least nearness of a word in any header whose declaration is read.
constexpr double min_nearness = 0.58;

// "struct vm_area_struct" -> "vm_area_struct"
std::string tag_of(const std::string& type) {
  return type.substr(type.rfind(' ') == std::string::npos ? 0 : type.rfind(' ') + 1);
}

bool fits(const Subject& subject, const Declaration& one) {
  switch (subject.kind) {
    case NameKind::field:
      return one.kind == NameKind::field && (subject.of.empty() || one.of == subject.of);
    case NameKind::type:
      return one.kind == NameKind::type && (subject.of.empty() || one.of == subject.of);
    case NameKind::function:
    case NameKind::symbol:
      return one.callable ? one.kind == NameKind::function || one.kind == NameKind::macro
                          : subject.kind == NameKind::symbol && one.kind == NameKind::variable;
    default:
      return one.kind != NameKind::field && one.kind != NameKind::type;
  }
}

// For a field without its structure: whether this field has the callback type of the message, or is const if the
// message says read-only.
bool matches_message(const Subject& subject, const Declaration& one) {
  if (one.of.empty()) return false;
  if (!subject.arguments.empty()) return one.callable && one.arguments == subject.arguments;
  return contains(one.text, "const ");
}

// The names to find: those of the subjects, and the structures of fields.
struct Wanted {
  Names names;
  Names types;
};

Wanted wanted_of(const std::vector<ApiChange>& findings) {
  Wanted wanted;
  for (const ApiChange& finding : findings) {
    const Subject& subject = finding.subject;
    if (subject.kind == NameKind::type) {
      wanted.types.insert(subject.name);
    } else if (subject.kind == NameKind::field && !subject.of.empty()) {
      wanted.types.insert(tag_of(subject.of));
    } else if (subject.kind != NameKind::header) {
      wanted.names.insert(subject.name);
    }
  }
  return wanted;
}

using Index = std::map<std::string, std::vector<Found>, std::less<>>;

// A field is found through its structure, in the headers that define it.
std::optional<Found> look_up(HeaderTexts& kernel, const Index& index, const Subject& subject) {
  const auto tag = tag_of(subject.of);
  const bool by_structure = subject.kind == NameKind::field && !subject.of.empty();
  const auto at = index.find(by_structure ? tag : subject.name);
  if (at == index.end()) return std::nullopt;
  std::optional<Found> best;
  const auto take = [&](const Found& found) {
    if (!fits(subject, *found.declaration)) return;
    if (!best || rank_of(found) < rank_of(*best)) best = found;
  };
  for (const Found& found : at->second) {
    if (!by_structure) {
      take(found);
      continue;
    }
    for (const Declaration& one : kernel.declarations(*found.file))
      if (one.kind == NameKind::field && one.name == subject.name) take({found.file, &one});
  }
  return best;
}

// Sets the structure of a field if exactly one structure has a field that matches the message.
void set_structure(Subject& subject, const Index& index) {
  if (subject.kind != NameKind::field || !subject.of.empty()) return;
  const auto at = index.find(subject.name);
  if (at == index.end()) return;
  Names owners;
  for (const Found& found : at->second)
    if (found.declaration->kind == NameKind::field && matches_message(subject, *found.declaration))
      owners.insert(found.declaration->of);
  if (owners.size() == 1) subject.of = *owners.begin();
}

// For a removed header, those with similar paths: <linux/mdev_core.h> for <linux/mdev.h>.
std::vector<NearName> nearest_headers(const HeaderTexts& kernel, const std::string& name) {
  std::vector<std::pair<double, const HeaderTexts::File*>> ranked;
  const auto leaf = [](std::string_view path) {
    return path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1);
  };
  const auto folder = [](std::string_view path) {
    return path.substr(0, path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/'));
  };
  for (const auto& file : kernel.files()) {
    std::string_view stem = leaf(file.name);
    std::string_view wanted = leaf(name);
    stem.remove_suffix(2);
    wanted.remove_suffix(2);
    double score = nearness(wanted, stem);
    if (folder(file.name) == folder(name)) score += 0.1;
    if (score >= 0.9) ranked.emplace_back(score, &file);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<NearName> names;
  for (const auto& [score, file] : ranked)
    if (names.size() < 3) names.push_back({file->name, {kernel.release(), file->name, 0, {}}, false, {}});
  return names;
}

// "# Added by commit 888dbb901744 (...) in v4.18" in the comment of conftest.sh's test that names the function.
std::string conftest_comment_on(std::string_view script, const Subject& subject) {
  for (auto at = find_word(script, subject.name); at != std::string_view::npos;
       at = find_word(script, subject.name, at + 1)) {
    auto line_end = script.find('\n', at);
    const auto line_begin = script.rfind('\n', at) + 1;
    std::string_view line = script.substr(line_begin, line_end - line_begin);
    if (line.find_first_not_of(" \t") == std::string_view::npos || line[line.find_first_not_of(" \t")] != '#') continue;
    // The sentence may continue in the next comment lines.
    std::string text;
    std::size_t begin = line_begin;
    for (int lines = 0; lines < 6 && begin < script.size(); ++lines) {
      line_end = std::min(script.find('\n', begin), script.size());
      line = script.substr(begin, line_end - begin);
      const auto first = line.find_first_not_of(" \t");
      if (first == std::string_view::npos || line[first] != '#') break;
      const auto word = line.find_first_not_of(" \t#", first);
      if (word == std::string_view::npos || contains(line.substr(first + 1), "#")) break;
      append(text, line.substr(word), " ");
      begin = line_end + 1;
    }
    if (!contains(text, "commit")) continue;
    if (const auto stop = text.find(". "); stop != std::string::npos) text.erase(stop);
    return text;
  }
  return {};
}

class ApiChangeSearch {
 public:
  // `keep`: kernels in which nothing is found stay in memory, for the next search.
  ApiChangeSearch(std::deque<HeaderTexts>& kernels, const std::string& release, std::vector<ApiChange> findings,
                  bool keep)
      : findings_(std::move(findings)), old_(findings_.size()), old_kernel_(findings_.size(), nullptr), keep_(keep) {
    const auto here =
        std::find_if(kernels.begin(), kernels.end(), [&](const auto& each) { return each.release() == release; });
    if (here == kernels.end()) return;
    kernel_ = &*here;
    find_in_this_kernel();
    // The newest of the older kernels first.
    for (auto older = std::make_reverse_iterator(here); older != kernels.rend() && incomplete(); ++older)
      find_in_older_kernel(*older);
    // Types first: their new names decide whether the arguments of functions are the same.
    for (const bool types : {true, false})
      for (std::size_t i = 0; i < findings_.size(); ++i)
        if ((findings_[i].subject.kind == NameKind::type) == types) find_nearest(i);
    find_in_other_headers();
    for (ApiChange& finding : findings_) set_follows(finding);
  }

  std::vector<ApiChange> findings() && { return std::move(findings_); }

 private:
  void find_in_this_kernel() {
    const auto wanted = wanted_of(findings_);
    index_ = kernel_->find(wanted.names, wanted.types);
    for (ApiChange& finding : findings_) {
      set_structure(finding.subject, index_);
      if (const auto found = look_up_completed(*kernel_, index_, finding.subject))
        finding.now = place_of(*kernel_, *found);
    }
  }

  // A field whose structure was set after the search is in the index by its own name.
  static std::optional<Found> look_up_completed(HeaderTexts& kernel, const Index& index, const Subject& subject) {
    if (auto found = look_up(kernel, index, subject)) return found;
    const auto at = index.find(subject.name);
    if (subject.kind != NameKind::field || subject.of.empty() || at == index.end()) return std::nullopt;
    for (const Found& found : at->second)
      if (fits(subject, *found.declaration)) return found;
    return std::nullopt;
  }

  // A field without a structure is not searched for.
  [[nodiscard]] static bool searchable(const Subject& subject) {
    return subject.kind != NameKind::header && (subject.kind != NameKind::field || !subject.of.empty());
  }

  [[nodiscard]] bool incomplete() const {
    return std::any_of(findings_.begin(), findings_.end(), [](const ApiChange& each) {
      return !each.before && (searchable(each.subject) || each.subject.kind == NameKind::header);
    });
  }

  void find_in_older_kernel(HeaderTexts& kernel) {
    const auto wanted = wanted_of(findings_);
    const Index index = kernel.find(wanted.names, wanted.types);
    bool useful = false;
    for (std::size_t i = 0; i < findings_.size(); ++i) {
      ApiChange& finding = findings_[i];
      if (finding.before) continue;
      if (const auto* file = finding.subject.kind == NameKind::header ? kernel.file(finding.subject.name) : nullptr) {
        finding.before = HeaderPlace{kernel.release(), file->name, 0, {}};
        useful = true;
      }
      if (!searchable(finding.subject)) continue;
      const auto found = look_up(kernel, index, finding.subject);
      if (!found) continue;
      // What exists in another form had the old one in a kernel before the change.
      if (!finding.subject.gone && finding.now && found->declaration->text == finding.now->text) continue;
      finding.before = place_of(kernel, *found);
      old_[i] = *found;
      old_kernel_[i] = &kernel;
      useful = true;
    }
    if (!useful && !keep_) kernel.forget();
  }

  // Searches the same header, or for a field the same structure.
  void find_nearest(std::size_t i) {
    ApiChange& finding = findings_[i];
    if (finding.subject.kind == NameKind::header && !finding.now) {
      finding.nearest = nearest_headers(*kernel_, finding.subject.name);
      return;
    }
    if (!finding.subject.gone || finding.now) return;
    Ranking ranking(finding, old_kernel_[i], old_[i], renames_);
    if (finding.subject.kind == NameKind::field) {
      for (const auto& file : structure_files(finding.subject.of))
        for (const Declaration& one : kernel_->declarations(*file))
          if (one.kind == NameKind::field && one.of == finding.subject.of) ranking.consider_same_header({file, &one});
    } else if (finding.before) {
      if (const auto* file = kernel_->file(finding.before->header))
        for (const Declaration& one : kernel_->declarations(*file)) ranking.consider_same_header({file, &one});
    }
    finding.nearest = ranking.best(*kernel_);
    if (finding.nearest.empty() && finding.subject.kind != NameKind::field) unmatched_.push_back(i);
    if (finding.subject.kind == NameKind::type && finding.before && !finding.nearest.empty() &&
        finding.nearest.front().likely_rename)
      renames_.emplace(finding.before->text, finding.nearest.front().place.text);
  }

  // A declaration that changed only in the name of a renamed type needs no change of its own.
  void set_follows(ApiChange& finding) const {
    if (finding.subject.gone || !finding.before || !finding.now || finding.before->text == finding.now->text) return;
    for (const auto& rename : renames_)
      if (with_new_types(finding.before->text, {rename}) == finding.now->text) finding.follows = "type " + rename.first;
  }

  std::set<const HeaderTexts::File*> structure_files(const std::string& of) const {
    std::set<const HeaderTexts::File*> files;
    if (const auto at = index_.find(tag_of(of)); at != index_.end())
      for (const Found& found : at->second) files.insert(found.file);
    return files;
  }

  // For names that may have moved to another header: finds the declarations of similar words of linux/ and drm/.
  void find_in_other_headers() {
    if (unmatched_.empty()) return;
    std::unordered_set<std::string_view> words;
    for (const auto& file : kernel_->files()) {
      if (!file.name.starts_with("linux/") && !file.name.starts_with("drm/")) continue;
      for_each_word(file.text, [&](std::string_view word, std::size_t) {
        if (word.size() >= 4) words.insert(word);
      });
    }
    // Similar names have a common beginning or end; comparing all of them takes too long if thousands are unknown.
    std::unordered_map<std::string_view, std::vector<std::string_view>> by_begin, by_end;
    for (const auto word : words) {
      by_begin[word.substr(0, 3)].push_back(word);
      by_end[word.substr(word.size() - 4)].push_back(word);
    }
    Names names;
    std::vector<Ranking> rankings;
    rankings.reserve(unmatched_.size());
    for (const auto i : unmatched_) {
      Ranking ranking(findings_[i], old_kernel_[i], old_[i], renames_);
      names.insert(ranking.beside().begin(), ranking.beside().end());
      const std::string& name = findings_[i].subject.name;
      const auto add_near = [&](const std::vector<std::string_view>& similar) {
        for (const auto word : similar)
          if (word.size() < 2 * name.size() && name.size() < 2 * word.size() && nearness(name, word) >= min_nearness)
            names.insert(std::string(word));
      };
      add_near(by_begin[std::string_view(name).substr(0, 3)]);
      if (name.size() > 3) add_near(by_end[std::string_view(name).substr(name.size() - 4)]);
      rankings.push_back(std::move(ranking));
    }
    const Index index = kernel_->find(names, {});
    for (std::size_t k = 0; k < unmatched_.size(); ++k) {
      for (const auto& [name, all] : index)
        for (const Found& found : all)
          if (found.file->name.starts_with("linux/") || found.file->name.starts_with("drm/"))
            rankings[k].consider_other_header(found);
      findings_[unmatched_[k]].nearest = rankings[k].best(*kernel_);
    }
  }

  std::vector<ApiChange> findings_;
  std::vector<std::optional<Found>> old_;
  std::vector<HeaderTexts*> old_kernel_;
  bool keep_;
  HeaderTexts* kernel_ = nullptr;
  Index index_;  // of kernel_: the names and structures that the errors are about
  Renames renames_;
  std::vector<std::size_t> unmatched_;  // without a similar name in the same header
};

std::vector<ApiChange> search_in(std::deque<HeaderTexts>& kernels, const std::string& release,
                                 const std::vector<Subject>& subjects, const std::filesystem::path& driver, bool keep) {
  std::vector<ApiChange> findings;
  for (const Subject& subject : subjects) {
    ApiChange finding;
    finding.subject = subject;
    findings.push_back(std::move(finding));
  }
  if (findings.empty()) return findings;
  findings = ApiChangeSearch(kernels, release, std::move(findings), keep).findings();
  if (driver.empty()) return findings;
  const auto script = read_file(driver / "conftest.sh");
  for (ApiChange& finding : findings)
    if (script && !finding.before && !finding.now) finding.conftest = conftest_comment_on(*script, finding.subject);
  return findings;
}

}  // namespace

std::vector<ApiChange> find_api_changes(const std::vector<kernel::KernelHeaders>& headers, const std::string& release,
                                        const std::vector<Subject>& subjects, const std::filesystem::path& driver) {
  std::deque<HeaderTexts> kernels;
  for (const auto& each : headers) kernels.emplace_back(each);
  return search_in(kernels, release, subjects, driver, false);
}

std::vector<ApiChange> find_api_changes(std::deque<HeaderTexts>& kernels, const std::string& release,
                                        const std::vector<Subject>& subjects, const std::filesystem::path& driver) {
  return search_in(kernels, release, subjects, driver, true);
}

}  // namespace vgpukit::diagnostics
