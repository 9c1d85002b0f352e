// Fixtures for the tests of driver/: a temporary folder, packages and archives.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "support/host_paths.hpp"
#include "support/small_disk.hpp"
#include "support/temp_folder.hpp"

namespace vgpukit::driver::testing_driver {

namespace fs = std::filesystem;

using test::SmallDisk;
using test::TempFolder;

inline void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// All paths below a folder, hidden ones too.
inline std::vector<std::string> listing(const fs::path& folder) {
  std::vector<std::string> paths;
  if (!fs::exists(folder)) return paths;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    paths.push_back(entry.path().lexically_relative(folder).string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

using Files = std::map<std::string, std::string>;

// A small general package with NVIDIA's layout.
inline Files general_package(const std::string& version = "535.261.03") {
  return {
      {"Kbuild", "# Kbuild\nccflags-y += -D__KERNEL__\nccflags-y += -DNV_VERSION_STRING=\\\"" + version + "\\\"\n"},
      {"Makefile",
       "  NV_KERNEL_MODULES ?= $(wildcard nvidia nvidia-uvm nvidia-vgpu-vfio nvidia-modeset nvidia-drm "
       "nvidia-peermem)\n"},
      {"conftest.sh",
       "#!/bin/sh\n# VGX_KVM_BUILD parameter defined only vGPU builds on KVM hypervisor\n"
       "# GRID_BUILD parameter defined only for GRID builds (GRID Guest driver)\n"
       "if [ -n \"$VGX_KVM_BUILD\" ]; then echo \"#define NV_VGPU_KVM_BUILD\"; fi\n"
       "if [ -n \"$GRID_BUILD\" ]; then echo \"#define NV_GRID_BUILD\"; fi\n"},
      {"dkms.conf", "PACKAGE_NAME=\"nvidia\"\nPACKAGE_VERSION=\"__VERSION_STRING\"\n"},
      {"nvidia/nvidia.Kbuild",
       "# nv-kernel.o_binary is the core\nNVIDIA_BINARY_OBJECT := $(src)/nvidia/nv-kernel.o_binary\n"},
      {"nvidia/nv-kernel.o_binary", "binary"},
      {"nvidia/nv.c", "int nv;\n"},
      {"nvidia/nv-frontend.c", "MODULE_LICENSE(\"NVIDIA\");\n"},
      {"nvidia-modeset/nvidia-modeset.Kbuild",
       "NVIDIA_MODESET_BINARY_OBJECT := $(src)/nvidia-modeset/nv-modeset-kernel.o_binary\n"},
      {"nvidia-modeset/nv-modeset-kernel.o_binary", "binary"},
      {"nvidia-uvm/nvidia-uvm.Kbuild", "\n"},
  };
}

inline Files vgpu_package(const std::string& version = "535.247.02") {
  auto files = general_package(version);
  files["conftest.sh"] += "VGX_KVM_BUILD=1\n";
  files["nvidia-vgpu-vfio/nvidia-vgpu-vfio.Kbuild"] = "\n";
  return files;
}

inline Files open_package(const std::string& version = "550.163.01") {
  auto files = general_package(version);
  files.erase("nvidia/nv-frontend.c");
  files["nvidia/nv.c"] = "MODULE_LICENSE(\"Dual MIT/GPL\");\n";
  return files;
}

inline fs::path put(const fs::path& folder, const Files& files) {
  for (const auto& [name, text] : files) write(folder / name, text);
  return folder;
}

// Writes archives with any content, also invalid and malicious ones.
class ArchiveWriter {
 public:
  explicit ArchiveWriter(const fs::path& path, const char* filter = "none", const char* format = "gnutar")
      : writer_(archive_write_new()) {
    if (std::string(filter) != "none") check(archive_write_add_filter_by_name(writer_, filter));
    archive_write_set_bytes_in_last_block(writer_, 1);
    check(archive_write_set_format_by_name(writer_, format));
    check(archive_write_open_filename(writer_, path.c_str()));
  }
  ~ArchiveWriter() { close(); }
  ArchiveWriter(const ArchiveWriter&) = delete;
  ArchiveWriter& operator=(const ArchiveWriter&) = delete;

  ArchiveWriter& file(const std::string& name, const std::string& text, mode_t mode = 0644) {
    entry(name, AE_IFREG, mode,
          [&](archive_entry* e) { archive_entry_set_size(e, static_cast<la_int64_t>(text.size())); });
    if (archive_write_data(writer_, text.data(), text.size()) < 0) check(ARCHIVE_FATAL);
    return *this;
  }
  ArchiveWriter& folder(const std::string& name, mode_t mode = 0755) { return entry(name, AE_IFDIR, mode); }
  ArchiveWriter& special(const std::string& name, mode_t type) {
    return entry(name, type, 0644, [](archive_entry* e) { archive_entry_set_size(e, 0); });
  }
  ArchiveWriter& symlink(const std::string& name, const std::string& to) {
    return entry(name, AE_IFLNK, 0777, [&](archive_entry* e) { archive_entry_set_symlink(e, to.c_str()); });
  }
  ArchiveWriter& hardlink(const std::string& name, const std::string& to) {
    return entry(name, AE_IFREG, 0644, [&](archive_entry* e) { archive_entry_set_hardlink(e, to.c_str()); });
  }
  void close() {
    if (writer_) archive_write_free(writer_);
    writer_ = nullptr;
  }

 private:
  template <class F>
  ArchiveWriter& entry(const std::string& name, mode_t type, mode_t mode, F fill) {
    archive_entry* e = archive_entry_new();
    archive_entry_set_pathname(e, name.c_str());
    archive_entry_set_filetype(e, type);
    archive_entry_set_perm(e, mode);
    archive_entry_set_uid(e, 12345);
    archive_entry_set_mtime(e, 1'000'000'000, 0);
    fill(e);
    const int result = archive_write_header(writer_, e);
    archive_entry_free(e);
    check(result);
    return *this;
  }
  ArchiveWriter& entry(const std::string& name, mode_t type, mode_t mode) {
    return entry(name, type, mode, [](archive_entry*) {});
  }
  void check(int result) {
    if (result < ARCHIVE_WARN) {
      ADD_FAILURE() << archive_error_string(writer_);
      std::abort();
    }
  }

  archive* writer_;
};

inline fs::path make_tarball(const fs::path& path, const Files& files,
                             const std::string& prefix = "modules/nvidia-kernel/") {
  ArchiveWriter writer(path, "xz");
  writer.folder("modules/");
  for (const auto& [name, text] : files) writer.file(prefix + name, text);
  return path;
}

// A machine whose cache and state are below a temporary folder.
struct RunningSystem {
  TempFolder folder;
  HostPaths host{"/", folder / "cache", folder / "state", folder / "config.yaml"};
};

// A machine on which packages are opened.
class OpensDrivers : public ::testing::Test {
 protected:
  Driver open(const fs::path& path, bool prefer_open = false) {
    auto driver = open_driver(machine.host, path, prefer_open);
    if (!driver) {
      ADD_FAILURE() << driver.error().message();
      return {};
    }
    return std::move(*driver);
  }

  // Expects bad input and a message with all of these words.
  void expect_refused(const fs::path& path, const std::vector<std::string>& words) {
    const auto driver = open_driver(machine.host, path);
    ASSERT_FALSE(driver);
    EXPECT_EQ(driver.error().kind, ErrorKind::usage);
    for (const auto& word : words)
      EXPECT_TRUE(contains(driver.error().message(), word)) << word << " in: " << driver.error().message();
  }

  RunningSystem machine;
};

}  // namespace vgpukit::driver::testing_driver
