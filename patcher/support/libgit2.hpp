// Owners of libgit2's objects.
#pragma once

#include <git2.h>

#include <memory>
#include <string>

namespace vgpukit {

// Make one before libgit2 is used. The first one initialises the library, which is shut down only when the program
// ends: a thread frees its part of the library's state when it ends, and cannot after a shutdown.
struct GitLibrary {
  GitLibrary() {
    static const struct Process {
      Process() { git_libgit2_init(); }
      ~Process() { git_libgit2_shutdown(); }
      Process(const Process&) = delete;
      Process& operator=(const Process&) = delete;
    } process;
  }
};

template <auto function>
struct GitFree {
  template <class T>
  void operator()(T* pointer) const {
    function(pointer);
  }
};
using GitDiff = std::unique_ptr<git_diff, GitFree<git_diff_free>>;
using GitPatch = std::unique_ptr<git_patch, GitFree<git_patch_free>>;
using GitRepository = std::unique_ptr<git_repository, GitFree<git_repository_free>>;
using GitDatabase = std::unique_ptr<git_odb, GitFree<git_odb_free>>;
using GitIndex = std::unique_ptr<git_index, GitFree<git_index_free>>;
using GitTree = std::unique_ptr<git_tree, GitFree<git_tree_free>>;
using GitBlob = std::unique_ptr<git_blob, GitFree<git_blob_free>>;

inline std::string git_reason() {
  const git_error* error = git_error_last();
  return error != nullptr && error->message != nullptr ? error->message : "libgit2 gives no reason";
}

}  // namespace vgpukit
