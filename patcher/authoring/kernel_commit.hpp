// A commit of the kernel: from a git repository, or as the mail that git format-patch makes of it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::authoring {

struct KernelCommit {
  std::string id;       // 40 hex digits; empty where a mail does not tell
  std::string subject;  // the first line of its message
  std::string release;  // "6.8": the first tag v6.8-rc1, v6.8, ... that holds it; empty where none does
  std::string diff;     // unified, of all files

  // A header that a module can include, as it was and as it is. Of a mail: the hunks and what is around them.
  struct Header {
    std::string name;  // "linux/eventfd.h"
    std::string before, after;
    bool gone = false;
  };
  std::vector<Header> headers;
};

// Error: usage - no repository, no such commit, a merge; a repository that lacks the commit's parent or its files (a
// shallow or partial clone).
Result<KernelCommit> commit_of_repository(const std::filesystem::path& repository, const std::string& revision);

// Error: usage - unreadable, or no unified diff in it.
Result<KernelCommit> commit_of_mail(const std::filesystem::path& file);

}  // namespace vgpukit::authoring
