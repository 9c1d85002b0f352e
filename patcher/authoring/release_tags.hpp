// The tags of mainline's releases in a clone of the kernel's repository.
#pragma once

#include <string>
#include <vector>

#include "support/libgit2.hpp"

namespace vgpukit::authoring {

// v6.8-rc1 is the first tag of 6.8. Each tag contains the previous one.
struct ReleaseTag {
  unsigned major = 0, minor = 0;
  unsigned candidate = 0;  // of v6.8: the greatest number
  git_oid commit{};
  git_time_t time = 0;  // of the commit
  [[nodiscard]] std::string release() const { return std::to_string(major) + "." + std::to_string(minor); }
};

// All of them, from the oldest to the newest. Tags of stable releases (v6.8.1) and of others are left out.
std::vector<ReleaseTag> release_tags(git_repository* repository);

// "6.8": of the first tag that contains the commit, as `git describe --contains`; empty if none does.
std::string release_of(git_repository* repository, const git_oid& commit);

}  // namespace vgpukit::authoring
