// Unpacks container images into root folders, once for each image, with podman. Cells share these folders. After a kill
// nothing stays mounted or running. podman needs no other rights, and the image is never changed.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "support/host_paths.hpp"
#include "support/result.hpp"

namespace vgpukit::matrix {

namespace fs = std::filesystem;

struct Image {
  std::string id;                // podman's ID, which depends on the content; empty if there is a problem
  fs::path root;                 // the folder for the unpacked image
  bool unpacked = false;         // false if there is a problem
  std::optional<Error> problem;  // of kind `missing`: no podman, no such image, podman failed, it cannot be unpacked
  bool absent = false;           // the problem is that podman or the image is missing
};

// Unpacked images are in CACHE/images/ID, which other users cannot read (a root may contain secrets). If podman no
// longer has an image, a later unpack() removes its folder, a day after the last use.
class ImageRoots {
 public:
  // `environment`: of podman, program_environment(). The images are those of the current user.
  ImageRoots(const HostPaths& machine, std::map<std::string, std::string> environment, std::string program = "podman");

  // The image as podman knows it; podman is asked once. Unpacks and fetches nothing.
  const Image& find(const std::string& name);

  // Unpacks an image that find() found. Waits for other processes that unpack an image. A killed process leaves a
  // container, which was never started; the next unpack() removes it. After a failure find() returns the problem.
  // Error: interrupted only.
  Status unpack(const std::string& name, const std::function<void(const std::string& text)>& on_step);

  // Forgets podman's answers, because something may have been fetched.
  void forget() { known_.clear(); }

 private:
  Image ask(const std::string& name) const;
  Status make_root(const std::string& name, const Image& image) const;
  [[nodiscard]] bool is_gone(const std::string& image) const;
  [[nodiscard]] Result<std::string> podman(const std::string& tried, std::vector<std::string> words) const;
  Status remove_left_containers() const;
  void remove_left_folders() const;

  fs::path folder_;
  std::map<std::string, std::string> environment_;
  std::string program_;
  std::map<std::string, Image> known_;
};

// Replaces the path of the unpacked image in the error by the name of the image.
Error image_error(Error error, const fs::path& root, const std::string& name);

}  // namespace vgpukit::matrix
