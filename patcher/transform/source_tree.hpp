// The driver's sources as a transform sees them: what is on disk, with edits kept in memory on top. Nothing is written
// to disk.
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

// Matches a path relative to the tree. "**/" any folders, also none; "*" and "?" do not cross a slash; "{a,b}"
// alternatives.
bool glob_matches(std::string_view pattern, std::string_view path);

struct Token;

class SourceTree {
 public:
  // Lists `folder` once. Files that a build made (*.o, *.ko, *.mod, *.mod.c, .*.cmd, Module.symvers, modules.order,
  // conftest/, conftest[0-9]*, nv_compiler.h ...), binary objects (*.o_binary) and dot folders are no sources and are
  // left out; .manifest is kept. Symbolic links are left out. Error: usage when the folder cannot be read.
  static Result<SourceTree> open(const std::filesystem::path& folder);
  // A tree that exists in memory only, for tests: path -> text.
  static SourceTree of(std::map<std::string, std::string> files);

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] std::vector<std::string> files() const;                          // sorted, '/' separated, relative
  [[nodiscard]] std::vector<std::string> matching(std::string_view glob) const;  // sorted
  [[nodiscard]] bool has(std::string_view path) const;
  // The current text (edited or from disk; disk files are read once). Error: usage when there is no such file.
  Result<std::string_view> read(std::string_view path) const;
  // The tokens of the current text, as flat_tokens() gives them (token_match.hpp); taken apart once for a file on disk.
  // They are views into what read() gives. Empty where there is no such file.
  [[nodiscard]] std::shared_ptr<const std::vector<Token>> tokens(std::string_view path) const;
  // The text on disk, whatever the edits are. Error: usage when there is no such file on disk.
  Result<std::string_view> original(std::string_view path) const;
  // Replaces or adds a file, in memory. The old text stays readable as original(). What read() gave for this path is no
  // longer valid. A text that is the disk's again is no edit.
  void write(std::string_view path, std::string text);
  void remove(std::string_view path);

  // What differs from the disk, path -> new text (nullopt: removed).
  using Edits = std::map<std::string, std::optional<std::string>, std::less<>>;
  [[nodiscard]] const Edits& edits() const { return edits_; }
  // Undo to an earlier point: a failed recipe leaves no trace.
  [[nodiscard]] Edits snapshot() const { return edits_; }
  void restore(Edits edits) { edits_ = std::move(edits); }

 private:
  std::filesystem::path folder_;
  std::vector<std::string> on_disk_;  // sorted
  struct Cache;                       // what is known of the disk's files; shared between copies
  std::shared_ptr<Cache> cache_;
  Edits edits_;
};

}  // namespace vgpukit::transform
