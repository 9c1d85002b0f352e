// The folder in which one driver is built for one kernel. After a build it may stay, with its objects: when nothing but
// C files and headers of the driver has changed by the next one, make compiles these alone.
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
  // `folder`: below host.work(), always the same for the same build. `key`: what decides on the result, without the
  // recipes. What an earlier build with the same key and content left in `folder` is used; anything else in there goes
  // away. Fills it with the driver's sources, the tree's edits and the binary objects. Error: missing when it cannot be
  // written.
  static Result<WorkTree> make(std::filesystem::path folder, std::string key, const driver::Driver& driver,
                               const transform::SourceTree& tree);
  WorkTree(WorkTree&& other) noexcept;
  WorkTree& operator=(WorkTree&&) = delete;
  // Removes the folder, unless it is kept. What a kill -9 leaves is removed by the next build in it.
  ~WorkTree();

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] bool has_objects() const { return has_objects_; }  // of an earlier build: make finds what is still good
  // The folder stays, the only one of its kind: those that other builds keep beside it, and that none is at work in, go
  // away. `locks`: where the builds hold NAME.lock for the folder NAME. Does nothing where less than 2 GiB are free.
  void keep(const std::filesystem::path& locks);

 private:
  WorkTree(std::filesystem::path folder, std::string key) : folder_(std::move(folder)), key_(std::move(key)) {}
  std::filesystem::path folder_;
  std::string key_;
  std::map<std::string, std::string> edits_;  // path -> hash of its text; empty: removed
  bool has_objects_ = false;
  bool keep_ = false;
};

// Writes the tree (the driver's sources with the tree's edits, binary objects too) into `folder`, which is empty.
Status write_patched_tree(const driver::Driver& driver, const transform::SourceTree& tree,
                          const std::filesystem::path& folder);

}  // namespace vgpukit::build
