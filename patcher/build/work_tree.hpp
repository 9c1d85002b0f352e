// The folder in which one driver is built for one kernel. It may stay after a build, with its objects: if only C files
// and headers of the driver change before the next build, make compiles only these.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "driver/driver.hpp"
#include "support/result.hpp"
#include "transform/source_tree.hpp"

namespace vgpukit::build {

class WorkTree {
 public:
  // `folder`: below host.work(), the same for the same build. `key`: all inputs of the build but the recipes. Fills the
  // folder with the driver's sources, the tree's edits and the binary objects. Objects of an earlier build with the
  // same key are used; anything else in the folder is removed. Error: missing if it cannot be written.
  static Result<WorkTree> make(std::filesystem::path folder, std::string key, const driver::Driver& driver,
                               const transform::SourceTree& tree);
  WorkTree(WorkTree&& other) noexcept;
  WorkTree& operator=(WorkTree&&) = delete;
  // Removes the folder, unless keep() was called. After a kill -9 the next build in the folder removes it.
  ~WorkTree();

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] bool has_objects() const { return has_objects_; }  // of an earlier build; make checks if they are valid
  // The folder stays. Removes all other such folders, except those that a build is using: `locks` is
  // the folder in which a build holds NAME.lock for the folder NAME. Does nothing if less than 2 GiB are free.
  void keep(const std::filesystem::path& locks);

 private:
  WorkTree(std::filesystem::path folder, std::string key) : folder_(std::move(folder)), key_(std::move(key)) {}
  std::filesystem::path folder_;
  std::string key_;
  std::map<std::string, std::string> edits_;  // path -> hash of its text; empty: removed
  bool has_objects_ = false;
  bool keep_ = false;
};

// Writes the driver's sources with the tree's edits, and the binary objects, into the empty `folder`.
Status write_patched_tree(const driver::Driver& driver, const transform::SourceTree& tree,
                          const std::filesystem::path& folder);
// Whether a folder on the way from `folder` to the relative `path` is a link. The driver's own makefiles may have put
// one into a tree that was built in: what root writes there would be written elsewhere.
bool is_below_link(const std::filesystem::path& folder, const std::filesystem::path& path);
// Writes edits over the unpatched sources in `folder`. A file keeps its mode.
Status write_edits(const transform::SourceTree::Edits& edits, const std::filesystem::path& folder);

}  // namespace vgpukit::build
