#include "passthrough/text_merge.hpp"

#include <git2.h>

#include <stdexcept>

#include "support/libgit2.hpp"

namespace vgpukit::passthrough {

std::string text_diff(const std::string& path, const std::optional<std::string>& before,
                      const std::optional<std::string>& after) {
  const GitLibrary library;
  const auto name = path.substr(path.find_first_not_of('/'));
  git_diff_options options;
  git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
  options.flags |= GIT_DIFF_FORCE_TEXT;
  git_patch* raw = nullptr;
  if (git_patch_from_buffers(&raw, before ? before->data() : nullptr, before ? before->size() : 0,
                             before ? name.c_str() : nullptr, after ? after->data() : nullptr,
                             after ? after->size() : 0, after ? name.c_str() : nullptr, &options) != 0)
    throw std::runtime_error("git_patch_from_buffers: " + git_reason());
  const GitPatch patch(raw);
  std::string text;
  for (std::size_t hunk = 0; hunk < git_patch_num_hunks(patch.get()); ++hunk) {
    const git_diff_hunk* head = nullptr;
    std::size_t lines = 0;
    git_patch_get_hunk(&head, &lines, patch.get(), hunk);
    // Without the name of a function that git adds after the second "@@".
    const std::string_view line(head->header, head->header_len);
    text += std::string(line.substr(0, line.find("@@", 2) + 2)) + "\n";
    for (std::size_t i = 0; i < lines; ++i) {
      const git_diff_line* each = nullptr;
      git_patch_get_line_in_hunk(&each, patch.get(), hunk, i);
      if (each->origin == GIT_DIFF_LINE_CONTEXT || each->origin == GIT_DIFF_LINE_ADDITION ||
          each->origin == GIT_DIFF_LINE_DELETION)
        text += each->origin;
      text.append(each->content, each->content_len);
    }
  }
  if (text.empty()) return "";
  return "--- " + (before ? "a/" + name : "/dev/null") + "\n+++ " + (after ? "b/" + name : "/dev/null") + "\n" + text;
}

std::optional<std::string> merge_texts(const std::string& base, const std::string& mine, const std::string& theirs) {
  const GitLibrary library;
  const auto input = [](const std::string& text) {
    git_merge_file_input file;
    git_merge_file_input_init(&file, GIT_MERGE_FILE_INPUT_VERSION);
    file.ptr = text.data();
    file.size = text.size();
    return file;
  };
  const auto ancestor = input(base), ours = input(mine), others = input(theirs);
  git_merge_file_result result{};
  if (git_merge_file(&result, &ancestor, &ours, &others, nullptr) != 0) return std::nullopt;
  std::optional<std::string> merged;
  if (result.automergeable != 0) merged.emplace(result.ptr == nullptr ? "" : result.ptr, result.len);
  git_merge_file_result_free(&result);
  return merged;
}

}  // namespace vgpukit::passthrough
