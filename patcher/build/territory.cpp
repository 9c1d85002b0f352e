#include "build/territory.hpp"

#include <algorithm>
#include <deque>
#include <unordered_set>

#include "build/header_texts.hpp"
#include "build/name_distance.hpp"
#include "support/atomic_file.hpp"

namespace vgpukit {
namespace {

using Found = HeaderTexts::Found;
using Names = std::set<std::string, std::less<>>;

// "struct vm_area_struct" -> "vm_area_struct"
std::string tag_of(const std::string& type) {
  return type.substr(type.rfind(' ') == std::string::npos ? 0 : type.rfind(' ') + 1);
}

// Among the headers that declare a name, the one that a driver would include comes first.
int rank_of(const Found& found) {
  int rank = 0;
  if (found.file->name.starts_with("linux/") || found.file->name.starts_with("drm/")) rank -= 4;
  if (found.declaration->text.find("__") == std::string::npos) rank -= 1;
  if (found.file->name.find("fortify") != std::string::npos || found.file->name.starts_with("asm-generic/")) rank += 4;
  if (std::count(found.file->name.begin(), found.file->name.end(), '/') > 1) rank += 2;
  return rank;
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

// A field without its structure: the one whose type is what the message shows, or that is const where the message says read-only.
bool is_the_field(const Subject& subject, const Declaration& one) {
  if (one.of.empty()) return false;
  if (!subject.arguments.empty()) return one.callable && one.arguments == subject.arguments;
  return one.text.find("const ") != std::string::npos;
}

HeaderPlace place_of(const HeaderTexts& kernel, const Found& found) {
  return {kernel.release(), found.file->name, found.declaration->line, found.declaration->text};
}

// What of a subject is looked for: its own name, and the structure of a field.
struct Wanted {
  Names names;
  Names types;
};

Wanted wanted_of(const std::vector<Finding>& findings) {
  Wanted wanted;
  for (const Finding& finding : findings) {
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

// A field is found through its structure: only the headers that define one of the structures were read.
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

// Gives a field the structure that its callback's type or its const belongs to, when only one fits.
void complete(Subject& subject, const Index& index) {
  if (subject.kind != NameKind::field || !subject.of.empty()) return;
  const auto at = index.find(subject.name);
  if (at == index.end()) return;
  Names owners;
  for (const Found& found : at->second)
    if (found.declaration->kind == NameKind::field && is_the_field(subject, *found.declaration))
      owners.insert(found.declaration->of);
  if (owners.size() == 1) subject.of = *owners.begin();
}

// The words of the lines that name the old one: "in_irq() - Obsolete version of in_hardirq()", and what it was made of.
Names named_beside(const HeaderTexts::File& file, const Declaration& old) {
  Names words;
  for_each_word(old.body, [&](std::string_view word, std::size_t) { words.insert(std::string(word)); });
  if (old.kind == NameKind::type) words.clear();  // a structure's members are no names for it
  const std::string_view text = file.text;
  for (auto at = text.find(old.name); at != std::string_view::npos; at = text.find(old.name, at + 1)) {
    const auto begin = text.rfind('\n', at) + 1;
    const std::string_view line = text.substr(begin, text.find('\n', at) - begin);
    const auto first = line.find_first_not_of(" \t");
    if (line[first] != '*' && line.substr(first, 2) != "/*" && line.substr(first, 2) != "//") continue;
    for_each_word(line, [&](std::string_view word, std::size_t) { words.insert(std::string(word)); });
  }
  words.erase(old.name);
  return words;
}

double overlap(const std::string& left, const std::string& right) {
  Names a;
  Names b;
  for_each_word(left, [&](std::string_view word, std::size_t) { a.insert(std::string(word)); });
  for_each_word(right, [&](std::string_view word, std::size_t) { b.insert(std::string(word)); });
  std::size_t common = 0;
  for (const auto& word : a) common += b.contains(word) ? 1U : 0U;
  const std::size_t all = a.size() + b.size() - common;
  return all == 0 ? 0 : static_cast<double>(common) / static_cast<double>(all);
}

// The types that are called something else now: "struct drm_atomic_state" -> "struct drm_atomic_commit".
using Renames = std::map<std::string, std::string, std::less<>>;

std::string with_new_types(const std::string& text, const Renames& renames) {
  std::string result = text;
  for (const auto& [from, to] : renames) {
    for (auto at = result.find(from); at != std::string::npos; at = result.find(from, at)) {
      const auto end = at + from.size();
      const bool longer = end < result.size() && (std::isalnum(static_cast<unsigned char>(result[end])) != 0 || result[end] == '_');
      if (!longer) result.replace(at, from.size(), to);
      at += longer ? from.size() : to.size();
    }
  }
  return result;
}

struct Candidate {
  Found found;
  double score = 0;
  bool convincing = false;
  std::string why;
};

// What makes names near enough to be shown: below, people only wonder.
constexpr double in_same_header = 0.6;
constexpr double anywhere = 0.78;

class Ranking {
 public:
  Ranking(const Finding& finding, HeaderTexts* old_kernel, std::optional<Found> old, const Renames& renames)
      : finding_(finding), old_kernel_(old_kernel), old_(old) {
    if (!old_) return;
    beside_ = named_beside(*old_->file, *old_->declaration);
    for (const auto& argument : old_->declaration->arguments) old_arguments_.push_back(with_new_types(argument, renames));
  }

  void consider(const Found& found, double threshold) {
    const Declaration& one = *found.declaration;
    const Subject& subject = finding_.subject;
    if (one.name == subject.name || !compatible(one)) return;
    const bool beside = beside_.contains(one.name);
    const double near = nearness(subject.name, one.name);
    const bool same_arguments = alike(one);
    const bool was_there = in_old_header(one);
    // Two arguments or more of the same types in what is new are no accident.
    const bool twin = same_arguments && !was_there && one.callable && one.kind != NameKind::macro && old_arguments_.size() >= 2;
    if (near < (beside || twin ? 0.3 : 0.45)) return;
    Candidate candidate{found, near, false, {}};
    if (twin) candidate.score += 0.2;
    if (same_arguments) candidate.score += 0.12;
    if (old_ && !was_there) candidate.score += 0.06;
    if (beside) candidate.score += 0.3;
    double shared = 0;
    if (old_ && one.kind == NameKind::type) {
      shared = overlap(old_->declaration->body, one.body);
      candidate.score += shared * 0.6;
      if (shared < 0.2 && !one.body.empty()) return;
    }
    if (candidate.score < threshold) return;
    const std::string words(name_kind_word(old_ ? old_->declaration->kind : subject.kind));
    if (beside)
      candidate.why = old_kernel_->release() + "'s <" + old_->file->name + "> names it beside " + subject.name;
    else if (shared > 0.6)
      candidate.why = "it has the same members";
    else if (old_ && same_arguments && !was_there && one.callable)
      candidate.why = "new in that header, with the same arguments";
    candidate.convincing = old_ && subject.gone && same_arguments && !candidate.why.empty() && (beside || near >= 0.6);
    candidates_.push_back(std::move(candidate));
  }

  // From a header that nobody has named: only the same subsystem's, and from its own header (mdev_...: <linux/mdev.h>) sooner.
  void consider_stranger(const Found& found) {
    const auto first_word = [](std::string_view name) { return name.substr(0, name.find('_', 1)); };
    const auto subsystem = first_word(finding_.subject.name);
    if (!beside_.contains(found.declaration->name) && first_word(found.declaration->name) != subsystem) return;
    const bool own_header = found.file->name.ends_with("/" + std::string(subsystem) + ".h");
    consider(found, own_header ? in_same_header : anywhere);
  }

  [[nodiscard]] const Names& beside() const { return beside_; }

  std::vector<NearName> best(const HeaderTexts& kernel) {
    std::stable_sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
      return a.score != b.score ? a.score > b.score : rank_of(a.found) < rank_of(b.found);
    });
    // Beside a rename there is nothing to choose from.
    const double margin = candidates_.empty() || candidates_.front().convincing ? 0 : 0.15;
    std::vector<NearName> names;
    for (const Candidate& candidate : candidates_) {
      const std::string& name = candidate.found.declaration->name;
      if (std::any_of(names.begin(), names.end(), [&](const NearName& each) { return each.name == name; })) continue;
      if (names.size() == 3 || candidate.score < candidates_.front().score - margin) break;
      names.push_back({name, place_of(kernel, candidate.found), names.empty() && candidate.convincing, candidate.why});
    }
    return names;
  }

 private:
  [[nodiscard]] bool compatible(const Declaration& one) const {
    const NameKind kind = finding_.subject.kind;
    if (kind == NameKind::field) return one.kind == NameKind::field;
    if (kind == NameKind::type) return one.kind == NameKind::type;
    if (one.kind == NameKind::field || one.kind == NameKind::type) return false;
    const bool called = old_ ? old_->declaration->callable : kind == NameKind::function;
    return called == one.callable;
  }

  // A macro's parameters have no types: then their number decides.
  [[nodiscard]] bool alike(const Declaration& one) const {
    if (!old_) return false;
    const Declaration& old = *old_->declaration;
    if (old.kind == NameKind::type) return one.of == old.of;
    if (old.callable != one.callable) return false;
    if (!old.callable) return old.kind == one.kind;
    if (old.kind == NameKind::macro || one.kind == NameKind::macro) return old_arguments_.size() == one.arguments.size();
    return old_arguments_ == one.arguments;
  }

  [[nodiscard]] bool in_old_header(const Declaration& one) const {
    if (!old_) return false;
    const auto& all = old_kernel_->declarations(*old_->file);
    return std::any_of(all.begin(), all.end(), [&](const Declaration& each) {
      return each.name == one.name && (each.kind == NameKind::field) == (one.kind == NameKind::field) &&
             (each.kind == NameKind::type) == (one.kind == NameKind::type);
    });
  }

  const Finding& finding_;
  HeaderTexts* old_kernel_;
  std::optional<Found> old_;
  std::vector<std::string> old_arguments_;  // with the types' new names
  Names beside_;
  std::vector<Candidate> candidates_;
};

// The header whose path is nearest: <linux/mdev.h> of <linux/mdev_core.h>; for a header that is gone.
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
std::string said_by_conftest(std::string_view script, const Subject& subject) {
  for (auto at = script.find(subject.name); at != std::string_view::npos; at = script.find(subject.name, at + 1)) {
    const auto end = at + subject.name.size();
    const auto in_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
    if ((at > 0 && in_word(script[at - 1])) || (end < script.size() && in_word(script[end]))) continue;
    auto line_end = script.find('\n', at);
    const auto line_begin = script.rfind('\n', at) + 1;
    std::string_view line = script.substr(line_begin, line_end - line_begin);
    if (line.find_first_not_of(" \t") == std::string_view::npos || line[line.find_first_not_of(" \t")] != '#') continue;
    // The sentence may go on in the next comment lines.
    std::string text;
    std::size_t begin = line_begin;
    for (int lines = 0; lines < 6 && begin < script.size(); ++lines) {
      line_end = std::min(script.find('\n', begin), script.size());
      line = script.substr(begin, line_end - begin);
      const auto first = line.find_first_not_of(" \t");
      if (first == std::string_view::npos || line[first] != '#') break;
      const auto word = line.find_first_not_of(" \t#", first);
      if (word == std::string_view::npos || line.find('#', first + 1) != std::string_view::npos) break;
      text += (text.empty() ? "" : " ") + std::string(line.substr(word));
      begin = line_end + 1;
    }
    if (text.find("commit") == std::string::npos) continue;
    if (const auto stop = text.find(". "); stop != std::string::npos) text.erase(stop);
    return text;
  }
  return {};
}

class Survey {
 public:
  Survey(const std::vector<KernelHeaders>& headers, const std::string& release, std::vector<Finding> findings)
      : findings_(std::move(findings)), old_(findings_.size()), old_kernel_(findings_.size(), nullptr) {
    const auto here = std::find_if(headers.begin(), headers.end(), [&](const auto& each) { return each.release == release; });
    if (here == headers.end()) return;
    kernel_.emplace(*here);
    look_here();
    // The newest of the older ones knows the most of what the driver was written for.
    for (auto older = std::make_reverse_iterator(here); older != headers.rend() && looking_for_more(); ++older) look_in(*older);
    // Types first: with their new names, functions that take them are the same again.
    for (const bool types : {true, false})
      for (std::size_t i = 0; i < findings_.size(); ++i)
        if ((findings_[i].subject.kind == NameKind::type) == types) near(i);
    look_everywhere();
    for (Finding& finding : findings_) follow(finding);
  }

  std::vector<Finding> findings() && { return std::move(findings_); }

 private:
  void look_here() {
    const auto wanted = wanted_of(findings_);
    index_ = kernel_->find(wanted.names, wanted.types);
    for (Finding& finding : findings_) {
      complete(finding.subject, index_);
      if (const auto found = look_up_completed(*kernel_, index_, finding.subject)) finding.now = place_of(*kernel_, *found);
    }
  }

  // A field whose structure has just become known was looked for by its own name.
  static std::optional<Found> look_up_completed(HeaderTexts& kernel, const Index& index, const Subject& subject) {
    if (auto found = look_up(kernel, index, subject)) return found;
    const auto at = index.find(subject.name);
    if (subject.kind != NameKind::field || subject.of.empty() || at == index.end()) return std::nullopt;
    for (const Found& found : at->second)
      if (fits(subject, *found.declaration)) return found;
    return std::nullopt;
  }

  // A field without a structure could be any structure's.
  [[nodiscard]] static bool searchable(const Subject& subject) {
    return subject.kind != NameKind::header && (subject.kind != NameKind::field || !subject.of.empty());
  }

  [[nodiscard]] bool looking_for_more() const {
    return std::any_of(findings_.begin(), findings_.end(), [](const Finding& each) {
      return !each.before && (searchable(each.subject) || each.subject.kind == NameKind::header);
    });
  }

  void look_in(const KernelHeaders& headers) {
    older_.emplace_back(headers);
    HeaderTexts& kernel = older_.back();
    const auto wanted = wanted_of(findings_);
    const Index index = kernel.find(wanted.names, wanted.types);
    bool useful = false;
    for (std::size_t i = 0; i < findings_.size(); ++i) {
      Finding& finding = findings_[i];
      if (finding.before) continue;
      if (const auto* file = finding.subject.kind == NameKind::header ? kernel.file(finding.subject.name) : nullptr) {
        finding.before = HeaderPlace{kernel.release(), file->name, 0, {}};
        useful = true;
      }
      if (!searchable(finding.subject)) continue;
      const auto found = look_up(kernel, index, finding.subject);
      if (!found) continue;
      finding.before = place_of(kernel, *found);
      old_[i] = *found;
      old_kernel_[i] = &kernel;
      useful = true;
    }
    if (!useful) older_.pop_back();
  }

  // The same header, or for a field the same structure.
  void near(std::size_t i) {
    Finding& finding = findings_[i];
    if (finding.subject.kind == NameKind::header && !finding.now) {
      finding.nearest = nearest_headers(*kernel_, finding.subject.name);
      return;
    }
    if (!finding.subject.gone || finding.now) return;
    Ranking ranking(finding, old_kernel_[i], old_[i], renames_);
    if (finding.subject.kind == NameKind::field) {
      for (const auto& file : structure_files(finding.subject.of))
        for (const Declaration& one : kernel_->declarations(*file))
          if (one.kind == NameKind::field && one.of == finding.subject.of) ranking.consider({file, &one}, in_same_header);
    } else if (finding.before) {
      if (const auto* file = kernel_->file(finding.before->header))
        for (const Declaration& one : kernel_->declarations(*file)) ranking.consider({file, &one}, in_same_header);
    }
    finding.nearest = ranking.best(*kernel_);
    if (finding.nearest.empty() && finding.subject.kind != NameKind::field) lost_.push_back(i);
    if (finding.subject.kind == NameKind::type && finding.before && !finding.nearest.empty() && finding.nearest.front().convincing)
      renames_.emplace(finding.before->text, finding.nearest.front().place.text);
  }

  // What takes or holds a type that has a new name changed with it, and needs nothing else.
  void follow(Finding& finding) const {
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

  // Names that moved to another header: all words of linux/, drm/ and the folder where it used to be, the nearest of them looked
  // up.
  void look_everywhere() {
    if (lost_.empty()) return;
    std::unordered_set<std::string_view> words;
    for (const auto& file : kernel_->files()) {
      if (!file.name.starts_with("linux/") && !file.name.starts_with("drm/")) continue;
      for_each_word(file.text, [&](std::string_view word, std::size_t) {
        if (word.size() >= 4) words.insert(word);
      });
    }
    Names names;
    std::vector<Ranking> rankings;
    rankings.reserve(lost_.size());
    for (const auto i : lost_) {
      Ranking ranking(findings_[i], old_kernel_[i], old_[i], renames_);
      names.insert(ranking.beside().begin(), ranking.beside().end());
      const std::string& name = findings_[i].subject.name;
      for (const auto word : words)
        if (word.size() < 2 * name.size() && name.size() < 2 * word.size() && nearness_possible(name, word) &&
            nearness(name, word) >= anywhere - 0.2)
          names.insert(std::string(word));
      rankings.push_back(std::move(ranking));
    }
    const Index index = kernel_->find(names, {});
    for (std::size_t k = 0; k < lost_.size(); ++k) {
      for (const auto& [name, all] : index)
        for (const Found& found : all)
          if (found.file->name.starts_with("linux/") || found.file->name.starts_with("drm/")) rankings[k].consider_stranger(found);
      findings_[lost_[k]].nearest = rankings[k].best(*kernel_);
    }
  }

  // Cheap, for hundreds of thousands of words: near names begin or end alike.
  static bool nearness_possible(std::string_view a, std::string_view b) {
    return a.substr(0, 3) == b.substr(0, 3) || a.substr(a.size() - 4) == b.substr(b.size() - 4);
  }

  std::vector<Finding> findings_;
  std::vector<std::optional<Found>> old_;
  std::vector<HeaderTexts*> old_kernel_;
  std::optional<HeaderTexts> kernel_;
  Index index_;  // of kernel_: the names and structures that the errors are about
  std::deque<HeaderTexts> older_;
  Renames renames_;
  std::vector<std::size_t> lost_;  // nothing near in the header where they used to be
};

}  // namespace

std::vector<Finding> survey(const std::vector<KernelHeaders>& headers, const std::string& release,
                            const std::vector<Subject>& subjects, const std::filesystem::path& driver) {
  std::vector<Finding> findings;
  for (const Subject& subject : subjects) {
    Finding finding;
    finding.subject = subject;
    findings.push_back(std::move(finding));
  }
  if (findings.empty()) return findings;
  findings = Survey(headers, release, std::move(findings)).findings();
  if (driver.empty()) return findings;
  const auto script = read_file(driver / "conftest.sh");
  for (Finding& finding : findings)
    if (script && !finding.before && !finding.now) finding.conftest = said_by_conftest(*script, finding.subject);
  return findings;
}

}  // namespace vgpukit
