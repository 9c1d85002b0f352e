// Ranks the names of a kernel that may replace a removed one.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "diagnostics/api_changes.hpp"
#include "diagnostics/header_texts.hpp"

namespace vgpukit::diagnostics {

// Renamed types: "struct drm_atomic_state" -> "struct drm_atomic_commit".
using Renames = std::map<std::string, std::string, std::less<>>;

std::string with_new_types(const std::string& text, const Renames& renames);

// Of several headers that declare a name, a driver includes the one with the lowest rank.
int rank_of(const HeaderTexts::Found& found);

HeaderPlace place_of(const HeaderTexts& kernel, const HeaderTexts::Found& found);

class Ranking {
 public:
  // `old`: the declaration in `old_kernel`, if there is one. `renames`: renamed types of its arguments.
  Ranking(const ApiChange& finding, HeaderTexts* old_kernel, std::optional<HeaderTexts::Found> old,
          const Renames& renames);

  // Adds a declaration of the same header or structure.
  void consider_same_header(const HeaderTexts::Found& found);
  // Adds a declaration of another header if its name has the same prefix. The subsystem's own header (<linux/mdev.h>
  // for mdev_...) has a lower threshold.
  void consider_other_header(const HeaderTexts::Found& found);

  // The words that the old header has beside the old name, in comments on it and in its body.
  [[nodiscard]] const std::set<std::string, std::less<>>& beside() const { return beside_; }
  // At most three, the nearest first. A likely rename is the only result.
  std::vector<NearName> best(const HeaderTexts& kernel);

 private:
  struct Candidate {
    HeaderTexts::Found found;
    double score = 0;
    bool likely_rename = false;
    std::string why;
  };
  void consider(const HeaderTexts::Found& found, double threshold);
  [[nodiscard]] bool compatible(const Declaration& one) const;
  // Whether the arguments have the same types; for a macro, whether their number is the same.
  [[nodiscard]] bool same_arguments(const Declaration& one) const;
  [[nodiscard]] bool in_old_header(const Declaration& one) const;

  const ApiChange& finding_;
  HeaderTexts* old_kernel_;
  std::optional<HeaderTexts::Found> old_;
  std::vector<std::string> old_arguments_;  // with the new names of types
  std::set<std::string, std::less<>> beside_;
  std::vector<Candidate> candidates_;
};

}  // namespace vgpukit::diagnostics
