// Reads a kernel commit from a git repository or from a mail of git format-patch.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "support/result.hpp"

namespace vgpukit::authoring {

struct KernelCommit {
  std::string id;       // 40 hex digits; empty if a mail does not have it
  std::string subject;  // the first line of its message
  std::string message;  // all of it; of a mail only what is above the diff
  std::string release;  // "6.8": of the first tag v6.8-rc1, v6.8, ... that contains it; empty if none does
  std::string diff;     // unified, of all files

  // A header that a module can include, before and after. Of a mail only the hunks with their context.
  struct Header {
    std::string name;  // "linux/eventfd.h"
    std::string before, after;
    bool gone = false;
  };
  std::vector<Header> headers;
};

// `release`: KernelCommit::release, if it is known; its search reads many commits. Error: usage if there is no
// repository or no such commit, if it is a merge, or if the repository lacks the commit's parent or files (a shallow or
// partial clone).
Result<KernelCommit> commit_of_repository(const std::filesystem::path& repository, const std::string& revision,
                                          const std::optional<std::string>& release = {});

// Error: usage if it cannot be read or has no unified diff.
Result<KernelCommit> commit_of_mail(const std::filesystem::path& file);

}  // namespace vgpukit::authoring
