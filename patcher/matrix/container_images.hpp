// Container images as roots to build in. podman hands over what is in an image, once for each image; from then on it is
// a root folder like any other: cells share it, nothing stays mounted or running after a kill, podman needs no rights
// for more than that, and the image itself is never changed.
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
  std::string id;                // podman's: another content is another ID; empty where there is a problem
  fs::path root;                 // where it is unpacked, or will be
  bool unpacked = false;         // false, too, where there is a problem
  std::optional<Error> problem;  // always `missing`: no podman, no such image, podman fails, it cannot be unpacked
  bool absent = false;           // the problem is only that podman or the image is not there
};

// Unpacked images are CACHE/images/, which is closed to other users (a root's files may say more than they should);
// each is named after its ID. One whose image podman no longer has is removed by a later unpack(), a day after it was
// last asked for.
class ImageRoots {
 public:
  // `environment`: of podman, program_environment(). Images are those of the user who runs us.
  ImageRoots(const HostPaths& machine, std::map<std::string, std::string> environment, std::string program = "podman");

  // What podman says of the image, asked once. Unpacks and fetches nothing.
  const Image& find(const std::string& name);

  // Unpacks an image that find() found. One at a time, also of several processes; a process that is killed leaves a
  // container that never ran, which the next one removes. Where it cannot be done, find() has the problem from now on.
  // Error: "interrupted" only.
  Status unpack(const std::string& name, const std::function<void(const std::string& text)>& on_step);

  // Asks podman again from now on: something may have been fetched.
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

// The error of a root that is an unpacked image, in words of the image.
Error image_error(Error error, const fs::path& root, const std::string& name);

}  // namespace vgpukit::matrix
