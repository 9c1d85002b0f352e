#include "transform/first_of.hpp"

#include <algorithm>

#include "support/text.hpp"

namespace vgpukit::transform {
namespace {

void add(Applied& to, const Applied& from) {
  for (const Applied::File& file : from.files) {
    const auto same =
        std::find_if(to.files.begin(), to.files.end(), [&](const auto& each) { return each.path == file.path; });
    if (same == to.files.end())
      to.files.push_back(file);
    else
      same->places += file.places;
  }
}

class FirstOf : public Transform {
 public:
  explicit FirstOf(std::vector<Alternative> alternatives) : alternatives_(std::move(alternatives)) {}

  std::string_view kind() const override { return "first-of"; }
  std::string describe() const override {
    return "first of: " + join(alternatives_, "; or ", [](const Alternative& alternative) {
             return join(alternative, ", ", [](const auto& step) { return step->describe(); });
           });
  }

  Result<Applied> apply(SourceTree& tree) const override {
    const SourceTree::Edits before = tree.snapshot();
    std::string reasons;
    bool already = false;
    for (const Alternative& alternative : alternatives_) {
      auto applied = all_of(alternative, tree);
      if (applied && !applied->files.empty()) return applied;
      tree.restore(before);
      if (applied)
        already = true;
      else
        append(reasons, applied.error().why, "; ");
    }
    if (already) return Applied{{}, true};
    return Error{ErrorKind::failed, "apply first-of", "none of the known forms is there: " + reasons, ""};
  }

 private:
  static Result<Applied> all_of(const Alternative& alternative, SourceTree& tree) {
    Applied all;
    for (const auto& step : alternative) {
      TRY_ASSIGN(const Applied applied, step->apply(tree));
      add(all, applied);
    }
    return all;
  }

  std::vector<Alternative> alternatives_;
};

}  // namespace

std::unique_ptr<Transform> first_of(std::vector<Alternative> alternatives) {
  return std::make_unique<FirstOf>(std::move(alternatives));
}

}  // namespace vgpukit::transform
