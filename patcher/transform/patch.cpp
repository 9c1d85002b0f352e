// patch: applies a unified diff, for edits that no structural transform can make.
#include <algorithm>

#include "transform/kinds.hpp"
#include "transform/source_text.hpp"
#include "transform/unified_diff.hpp"

namespace vgpukit::transform {
namespace {

bool only_dos_lines(std::string_view text) {
  if (!contains(text, "\r\n")) return false;
  for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
    if (at == 0 || text[at - 1] != '\r') return false;
  return true;
}

class PatchTransform : public Transform {
 public:
  static constexpr std::string_view kind_name = "patch";
  static Result<std::unique_ptr<Transform>> make(const Parameters& parameters);

  std::string diff, name;
  std::vector<FileDiff> files;

  std::string_view kind() const override { return kind_name; }
  std::string describe() const override {
    std::vector<std::string> paths;
    for (const FileDiff& file : files) paths.push_back(file.path);
    return "patch " + name + " to " + join(paths, ", ");
  }

  Result<Applied> apply(SourceTree& tree) const override {
    Texts texts;
    std::map<std::string, std::string> tree_paths;
    std::vector<std::string> done, todo;
    for (const FileDiff& file : files) {
      const std::string path = path_in(tree, file);
      tree_paths[file.path] = path;
      std::optional<std::string> text;
      if (tree.has(path)) {
        TRY_ASSIGN(const std::string_view source, tree.read(path));
        text = to_diff_endings(source);
      }
      (is_done(file, text) ? done : todo).push_back(path);
      texts[file.path] = std::move(text);
    }
    if (todo.empty()) return Applied{{}, true};
    if (!done.empty())
      return refuse("only a part of it is applied: " + join(done, ", ") + " has it, " + join(todo, ", ") + " does not",
                    "this driver has a part of the fix: split the patch");
    for (const FileDiff& file : files) TRY(check(file, texts[file.path]));
    TRY_ASSIGN(const Texts after, apply_diffs(files, name, texts));

    Applied applied;
    for (const FileDiff& file : files) {
      const std::string& path = tree_paths[file.path];
      const std::optional<std::string>& text = after.find(file.path)->second;
      if (text)
        tree.write(path, was_dos(tree, path) ? with_line_endings(*text, "\r\n") : *text);
      else
        tree.remove(path);
      applied.files.push_back({path, std::max<std::size_t>(file.hunks.size(), 1)});
    }
    return applied;
  }

 private:
  Error refuse(std::string why, std::string next) const {
    return {ErrorKind::failed, "apply the patch " + name, std::move(why), std::move(next)};
  }

  static std::string path_in(const SourceTree& tree, const FileDiff& file) {
    const auto inner = path_in_sources(file.path);
    const bool is_inner = !tree.has(file.path) && (tree.has(inner) || file.what != FileDiff::What::change);
    return is_inner ? inner : file.path;
  }

  bool has_dos_lines() const { return contains(diff, "\r\n"); }
  bool was_dos(const SourceTree& tree, const std::string& path) const {
    if (has_dos_lines() || !tree.has(path)) return false;
    const auto source = tree.read(path);
    return source && only_dos_lines(*source);
  }
  // A diff with plain newlines can be applied to a file with DOS line endings; the file's endings stay.
  std::string to_diff_endings(std::string_view source) const {
    return !has_dos_lines() && only_dos_lines(source) ? with_line_endings(source, "\n") : std::string(source);
  }

  static bool is_done(const FileDiff& file, const std::optional<std::string>& text) {
    if (file.what == FileDiff::What::remove) return !text;
    if (!text) return false;
    if (file.what == FileDiff::What::change) return is_applied(file, *text);
    std::string whole;
    for (const Hunk& hunk : file.hunks)
      for (const std::string& line : hunk.after) whole += line;
    return whole == *text;
  }

  Status check(const FileDiff& file, const std::optional<std::string>& text) const {
    const std::string next = "this driver differs from the one that the patch was made for";
    if (file.what == FileDiff::What::add)
      return text ? Status(refuse(file.path + " exists with another content", next)) : Status();
    if (!text) return refuse(file.path + " is not among the driver's sources", next);
    const std::string why = place_hunks(file, *text).obstacle;
    return why.empty() ? Status() : Status(refuse(file.path + ": " + why, next));
  }
};

Result<std::unique_ptr<Transform>> PatchTransform::make(const Parameters& parameters) {
  auto made = std::make_unique<PatchTransform>();
  made->diff = text_of(parameters, "diff");
  made->name = trimmed_copy(text_or(parameters, "file", "(in the recipe)"));
  TRY_ASSIGN(made->files, read_diff(made->diff, made->name));
  return std::unique_ptr<Transform>(std::move(made));
}

}  // namespace

TransformKind patch_kind() {
  using Type = ParameterSpec::Type;
  return {PatchTransform::kind_name,
          "Applies a unified diff at any line offset, with paths below the driver's source folder (kernel/ in front is "
          "allowed). Done already: its new lines are there, with their context, in every file.",
          {{"diff", Type::code, true, "the unified diff (a recipe file names `file: X.patch` instead)"},
           {"file", Type::text, false, "the patch's name, for messages"}},
          PatchTransform::make};
}

}  // namespace vgpukit::transform
