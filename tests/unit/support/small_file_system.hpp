// A file system of 16 MB that a test can fill. Mounting it needs root; only this process sees it.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace vgpukit::test {

// False when this process cannot mount anything.
inline bool use_own_mounts() {
  if (::unshare(CLONE_NEWNS) != 0) return false;
  // This fails when / is no mount point. Then it is not needed.
  ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
  return true;
}

inline void mount_small_file_system(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  ASSERT_EQ(::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=16m"), 0);
}

// Writes one file until no page is free.
inline void fill_file_system(const std::filesystem::path& path) {
  std::error_code bad;
  std::filesystem::create_directories(path.parent_path(), bad);
  std::ofstream file(path, std::ios::binary);
  for (const std::size_t size : {std::size_t{1} << 20U, std::size_t{1} << 12U}) {
    const std::string part(size, 'x');
    while (file.write(part.data(), static_cast<std::streamsize>(size)).flush()) {
    }
    file.clear();
  }
}

}  // namespace vgpukit::test
