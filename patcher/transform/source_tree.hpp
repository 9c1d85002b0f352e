// The driver's sources for transforms: the files on disk, with edits in memory. Nothing is written to disk.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::transform {

struct Token;

class SourceTree {
 public:
  // Lists `folder` once, without build output (driver::is_build_output), binary objects (*.o_binary), symbolic links
  // and names that start with a dot (except .manifest). Error: usage if the folder cannot be read.
  static Result<SourceTree> open(const std::filesystem::path& folder);
  // A tree in memory: path -> text. For tests.
  static SourceTree of(std::map<std::string, std::string> files);

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] std::vector<std::string> files() const;                          // sorted, '/' separated, relative
  [[nodiscard]] std::vector<std::string> matching(std::string_view glob) const;  // sorted
  [[nodiscard]] bool has(std::string_view path) const;
  // The current text: edited, or from disk, which is read once. Error: usage if there is no such file.
  Result<std::string_view> read(std::string_view path) const;
  // The tokens of the current text (flat_tokens() of token_match.hpp), computed once for a file on disk. They are views
  // of the text of read(). Empty if there is no such file.
  [[nodiscard]] std::shared_ptr<const std::vector<Token>> tokens(std::string_view path) const;
  // The text on disk, without the edits. Error: usage if there is no such file on disk.
  Result<std::string_view> original(std::string_view path) const;
  // Replaces or adds a file in memory. An earlier result of read() for this path is no longer valid. A text that is the
  // same as on disk is not an edit.
  void write(std::string_view path, std::string text);
  void remove(std::string_view path);

  // The differences from the disk: path -> new text (nullopt: removed).
  using Edits = std::map<std::string, std::optional<std::string>, std::less<>>;
  [[nodiscard]] const Edits& edits() const { return edits_; }
  // For undoing the edits of a failed recipe.
  [[nodiscard]] Edits snapshot() const { return edits_; }
  void restore(Edits edits) { edits_ = std::move(edits); }

 private:
  std::filesystem::path folder_;
  std::vector<std::string> on_disk_;  // sorted
  struct Cache;                       // texts and tokens of the files on disk; shared between copies
  std::shared_ptr<Cache> cache_;
  Edits edits_;
};

}  // namespace vgpukit::transform
