// Which names of the new kernel are near one that is gone, and whether one of them is its new name. Internal to build/.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "diagnostics/api_changes.hpp"
#include "diagnostics/header_texts.hpp"

namespace vgpukit::diagnostics {

// The types that are called something else now: "struct drm_atomic_state" -> "struct drm_atomic_commit".
using Renames = std::map<std::string, std::string, std::less<>>;

std::string with_new_types(const std::string& text, const Renames& renames);

// Among the headers that declare a name, the one that a driver would include comes first: the lowest.
int rank_of(const HeaderTexts::Found& found);

HeaderPlace place_of(const HeaderTexts& kernel, const HeaderTexts::Found& found);

class Ranking {
 public:
  // `old`: the declaration in `old_kernel`, where one is known. `renames`: types of its arguments that have new names.
  Ranking(const ApiChange& finding, HeaderTexts* old_kernel, std::optional<HeaderTexts::Found> old,
          const Renames& renames);

  // A declaration of the header, or the structure, where it used to be.
  void consider_same_header(const HeaderTexts::Found& found);
  // One from a header that nobody has named: only the same subsystem's, and from its own header (mdev_...:
  // <linux/mdev.h>) sooner.
  void consider_other_header(const HeaderTexts::Found& found);

  // What the old header names beside the old one: worth looking for, whatever it is called.
  [[nodiscard]] const std::set<std::string, std::less<>>& beside() const { return beside_; }
  // At most three, the nearest first; a rename stands alone.
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
  // A macro's parameters have no types: then their number decides.
  [[nodiscard]] bool alike(const Declaration& one) const;
  [[nodiscard]] bool in_old_header(const Declaration& one) const;

  const ApiChange& finding_;
  HeaderTexts* old_kernel_;
  std::optional<HeaderTexts::Found> old_;
  std::vector<std::string> old_arguments_;  // with the types' new names
  std::set<std::string, std::less<>> beside_;
  std::vector<Candidate> candidates_;
};

}  // namespace vgpukit::diagnostics
