#include "diagnostics/name_ranking.hpp"

#include <algorithm>

#include "diagnostics/name_distance.hpp"

namespace vgpukit::diagnostics {
namespace {

using Found = HeaderTexts::Found;
using Names = std::set<std::string, std::less<>>;

// The lowest scores of names that are shown.
constexpr double in_same_header = 0.6;
constexpr double anywhere = 0.78;

// The words of its body and of the comment lines that name it: "in_irq() - Obsolete version of in_hardirq()".
Names named_beside(const HeaderTexts::File& file, const Declaration& old) {
  Names words;
  for_each_word(old.body, [&](std::string_view word, std::size_t) { words.insert(std::string(word)); });
  if (old.kind == NameKind::type) words.clear();  // the members of a structure are not its names
  const std::string_view text = file.text;
  for (auto at = find_word(text, old.name); at != std::string_view::npos; at = find_word(text, old.name, at + 1)) {
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

}  // namespace

std::string with_new_types(const std::string& text, const Renames& renames) {
  std::string result = text;
  for (const auto& [from, to] : renames) {
    for (auto at = result.find(from); at != std::string::npos; at = result.find(from, at)) {
      const auto end = at + from.size();
      const bool longer = end < result.size() && is_identifier_character(result[end]);
      if (!longer) result.replace(at, from.size(), to);
      at += longer ? from.size() : to.size();
    }
  }
  return result;
}

int rank_of(const Found& found) {
  int rank = 0;
  if (found.file->name.starts_with("linux/") || found.file->name.starts_with("drm/")) rank -= 4;
  if (!contains(found.declaration->text, "__")) rank -= 1;
  if (contains(found.file->name, "fortify") || found.file->name.starts_with("asm-generic/")) rank += 4;
  if (std::count(found.file->name.begin(), found.file->name.end(), '/') > 1) rank += 2;
  return rank;
}

HeaderPlace place_of(const HeaderTexts& kernel, const Found& found) {
  return {kernel.release(), found.file->name, found.declaration->line, found.declaration->text};
}

Ranking::Ranking(const ApiChange& finding, HeaderTexts* old_kernel, std::optional<Found> old, const Renames& renames)
    : finding_(finding), old_kernel_(old_kernel), old_(old) {
  if (!old_) return;
  beside_ = named_beside(*old_->file, *old_->declaration);
  for (const auto& argument : old_->declaration->arguments) old_arguments_.push_back(with_new_types(argument, renames));
}

void Ranking::consider(const Found& found, double threshold) {
  const Declaration& one = *found.declaration;
  const Subject& subject = finding_.subject;
  if (one.name == subject.name || !compatible(one)) return;
  const bool beside = beside_.contains(one.name);
  const double near = nearness(subject.name, one.name);
  const bool same = same_arguments(one);
  const bool was_there = in_old_header(one);
  // Two or more arguments of the same types in a new declaration are no coincidence.
  const bool same_prototype =
      same && !was_there && one.callable && one.kind != NameKind::macro && old_arguments_.size() >= 2;
  if (near < (beside || same_prototype ? 0.3 : 0.45)) return;
  Candidate candidate{found, near, false, {}};
  if (same_prototype) candidate.score += 0.2;
  if (same) candidate.score += 0.12;
  if (old_ && !was_there) candidate.score += 0.06;
  if (beside) candidate.score += 0.3;
  double shared = 0;
  if (old_ && one.kind == NameKind::type) {
    shared = overlap(old_->declaration->body, one.body);
    candidate.score += shared * 0.6;
    if (shared < 0.2 && !one.body.empty()) return;
  }
  if (candidate.score < threshold) return;
  if (beside)
    candidate.why = old_kernel_->release() + "'s <" + old_->file->name + "> names it beside " + subject.name;
  else if (shared > 0.6)
    candidate.why = "it has the same members";
  else if (old_ && same && !was_there && one.callable)
    candidate.why = "new in that header, with the same arguments";
  candidate.likely_rename = old_ && subject.gone && same && !candidate.why.empty() && (beside || near >= 0.6);
  candidates_.push_back(std::move(candidate));
}

void Ranking::consider_same_header(const Found& found) {
  consider(found, in_same_header);
}

void Ranking::consider_other_header(const Found& found) {
  const auto first_word = [](std::string_view name) { return name.substr(0, name.find('_', 1)); };
  const auto subsystem = first_word(finding_.subject.name);
  if (!beside_.contains(found.declaration->name) && first_word(found.declaration->name) != subsystem) return;
  const bool own_header = found.file->name.ends_with("/" + std::string(subsystem) + ".h");
  consider(found, own_header ? in_same_header : anywhere);
}

std::vector<NearName> Ranking::best(const HeaderTexts& kernel) {
  std::stable_sort(candidates_.begin(), candidates_.end(), [](const Candidate& a, const Candidate& b) {
    return a.score != b.score ? a.score > b.score : rank_of(a.found) < rank_of(b.found);
  });
  // A likely rename is the only result.
  const double margin = candidates_.empty() || candidates_.front().likely_rename ? 0 : 0.15;
  std::vector<NearName> names;
  for (const Candidate& candidate : candidates_) {
    const std::string& name = candidate.found.declaration->name;
    if (std::any_of(names.begin(), names.end(), [&](const NearName& each) { return each.name == name; })) continue;
    if (names.size() == 3 || candidate.score < candidates_.front().score - margin) break;
    names.push_back({name, place_of(kernel, candidate.found), names.empty() && candidate.likely_rename, candidate.why});
  }
  return names;
}

bool Ranking::compatible(const Declaration& one) const {
  const NameKind kind = finding_.subject.kind;
  if (kind == NameKind::field) return one.kind == NameKind::field;
  if (kind == NameKind::type) return one.kind == NameKind::type;
  if (one.kind == NameKind::field || one.kind == NameKind::type) return false;
  const bool called = old_ ? old_->declaration->callable : kind == NameKind::function;
  return called == one.callable;
}

bool Ranking::same_arguments(const Declaration& one) const {
  if (!old_) return false;
  const Declaration& old = *old_->declaration;
  if (old.kind == NameKind::type) return one.of == old.of;
  if (old.callable != one.callable) return false;
  if (!old.callable) return old.kind == one.kind;
  if (old.kind == NameKind::macro || one.kind == NameKind::macro) return old_arguments_.size() == one.arguments.size();
  return old_arguments_ == one.arguments;
}

bool Ranking::in_old_header(const Declaration& one) const {
  if (!old_) return false;
  const auto& all = old_kernel_->declarations(*old_->file);
  return std::any_of(all.begin(), all.end(), [&](const Declaration& each) {
    return each.name == one.name && (each.kind == NameKind::field) == (one.kind == NameKind::field) &&
           (each.kind == NameKind::type) == (one.kind == NameKind::type);
  });
}

}  // namespace vgpukit::diagnostics
