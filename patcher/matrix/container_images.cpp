#include "matrix/container_images.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include "support/atomic_file.hpp"
#include "support/interrupt.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::matrix {

namespace {

constexpr auto query_deadline = std::chrono::minutes(2);  // for podman commands that only read its database
// For an unpacked image that podman no longer has: a build may still use it.
constexpr auto unused_lifetime = std::chrono::hours(24);
constexpr std::size_t id_length = 16;  // of 64 digits; podman shows 12
constexpr std::string_view label = "vgpukit.unpack";

bool is_id(const std::string& text) {
  return text.size() >= id_length && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Error missing(std::string tried, std::string why, std::string next) {
  return {ErrorKind::missing, std::move(tried), std::move(why), std::move(next)};
}

// Makes a folder in the root. Replaces a link, so that files that are written there stay inside of the root.
Status make_own_folder(const fs::path& path) {
  std::error_code bad;
  if (fs::is_directory(fs::symlink_status(path, bad))) return {};
  fs::remove(path, bad);
  if (fs::create_directory(path, bad)) return {};
  return missing("make the folder " + path.string(), bad ? bad.message() : "something else has this name", "");
}

// Makes all folders writable for their owner. Images have folders that are not (Fedora's /): only root could remove
// these.
void make_folders_writable(const fs::path& root) {
  std::error_code bad;
  fs::permissions(root, fs::perms::owner_all, fs::perm_options::add, bad);
  for (fs::recursive_directory_iterator entry(root, bad), end; !bad && entry != end; entry.increment(bad)) {
    std::error_code ignored;
    if (fs::is_directory(entry->symlink_status(ignored)))
      fs::permissions(entry->path(), fs::perms::owner_all, fs::perm_options::add, ignored);
  }
}

// Adds folders that a build in a root needs and that an image may lack: for temporary files and mount points.
Status add_folders(const fs::path& root) {
  make_folders_writable(root);
  for (const char* name : {"proc", "sys", "dev", "tmp", "var", "var/tmp"}) TRY(make_own_folder(root / name));
  std::error_code bad;
  fs::permissions(root, fs::perms(0755), bad);
  return {};
}

}  // namespace

ImageRoots::ImageRoots(const HostPaths& machine, std::map<std::string, std::string> environment, std::string program)
    : folder_(machine.cache / "images"), environment_(std::move(environment)), program_(std::move(program)) {}

Result<std::string> ImageRoots::podman(const std::string& tried, std::vector<std::string> words) const {
  Command command;
  command.argv = std::move(words);
  command.argv.insert(command.argv.begin(), program_);
  command.env = environment_;
  if (command.argv[1] != "export" && command.argv[1] != "create") command.deadline = query_deadline;
  auto outcome = run(command);
  if (!outcome) {
    if (Interrupt::caught() != 0) return outcome.error();
    return missing(tried, outcome.error().why, outcome.error().next);
  }
  if (outcome->ok()) return std::string(trimmed(outcome->out));
  const auto reason = outcome->timed_out ? "it did not answer within 2 min" : outcome->last_error_line();
  return missing(tried,
                 "podman " + command.argv[1] + " ended with status " + std::to_string(outcome->status) +
                     (reason.empty() ? "" : ": " + reason),
                 "see whether it works for this user: " + join(command.argv, " ", shell_word));
}

// Only the status of "exists" tells a missing image from other problems.
bool ImageRoots::is_gone(const std::string& image) const {
  Command exists;
  exists.argv = {program_, "image", "exists", image};
  exists.env = environment_;
  exists.deadline = query_deadline;
  const auto outcome = run(exists);
  return outcome && outcome->status == 1;
}

Image ImageRoots::ask(const std::string& name) const {
  const std::string tried = "use the container image " + name;
  Image image;
  if (!find_program(program_)) {
    image.absent = true;
    image.problem = missing(tried, program_ + " is not installed",
                            "install the package podman, or name a root: in the matrix file");
    return image;
  }
  auto id = podman(tried, {"image", "inspect", "--format", "{{.Id}}", name});
  if (id) {
    if (id->starts_with("sha256:")) id->erase(0, 7);
    if (is_id(*id)) {
      image.id = *id;
      image.root = folder_ / id->substr(0, id_length);
      std::error_code bad;
      image.unpacked = fs::is_directory(image.root, bad);
      if (image.unpacked) fs::last_write_time(image.root, fs::file_time_type::clock::now(), bad);
      return image;
    }
    image.problem = missing(tried, "podman printed '" + *id + "', which is no ID", "");
    return image;
  }
  image.problem = id.error();
  // A podman that cannot read its configuration also ends with status 1, for every command.
  image.absent = is_gone(name) && podman(tried, {"image", "list", "--quiet"});
  if (image.absent)
    image.problem =
        missing(tried, "podman has no such image for this user",
                "podman pull " + shell_word(name) +
                    " (or podman build), or let the matrix file do it: fetch: [podman, pull, " + name + "]");
  return image;
}

const Image& ImageRoots::find(const std::string& name) {
  auto found = known_.find(name);
  if (found == known_.end()) found = known_.emplace(name, ask(name)).first;
  return found->second;
}

Status ImageRoots::remove_left_containers() const {
  const std::string tried = "remove containers of an interrupted run";
  TRY_ASSIGN(const auto left, podman(tried, {"ps", "--all", "--quiet", "--no-trunc", "--filter",
                                             "label=" + std::string(label) + "=" + folder_.string()}));
  if (left.empty()) return {};
  std::vector<std::string> words = {"rm", "--force"};
  for (const auto& id : lines_of(left)) words.push_back(id);
  TRY(podman(tried, std::move(words)));
  return {};
}

void ImageRoots::remove_left_folders() const {
  std::error_code bad;
  const auto now = fs::file_time_type::clock::now();
  for (fs::directory_iterator entry(folder_, bad), end; !bad && entry != end; entry.increment(bad)) {
    std::error_code ignored;
    const auto name = entry->path().filename().string();
    if (name == "lock") continue;
    if (is_id(name)) {
      if (now - entry->last_write_time(ignored) < unused_lifetime || ignored) continue;
      if (!is_gone(name)) continue;
    }
    make_folders_writable(entry->path());  // it may be incompletely unpacked
    fs::remove_all(entry->path(), ignored);
  }
}

Status ImageRoots::make_root(const std::string& name, const Image& image) const {
  const std::string tried = "unpack the container image " + name;
  TRY(remove_left_containers());
  remove_left_folders();
  TRY_ASSIGN(auto staged, StagedFolder::beside(image.root));
  const auto root = staged.path() / "root";
  const auto archive = staged.path() / "image.tar";
  std::error_code bad;
  fs::create_directory(root, bad);
  // podman can only export a container. It is never started, but `create` needs a command if the image has none.
  TRY_ASSIGN(const auto container, podman(tried, {"create", "--pull=never", "--network=none", "--label",
                                                  std::string(label) + "=" + folder_.string(), image.id, "true"}));
  const auto exported = podman(tried, {"export", "--output", archive.string(), container});
  const auto removed = podman(tried, {"rm", "--force", container});
  if (!exported) return exported.error();
  if (!removed) return removed.error();
  Command tar;
  // The files belong to the current user and have no set-id bits. Devices are left out, because only root can create
  // them. --anchored: names such as include/linux/dev/x.h do not match.
  tar.argv = {"tar",         "--extract",   "--file",          archive.string(),
              "--directory", root.string(), "--no-same-owner", "--no-same-permissions",
              "--anchored"};
  for (const char* folder : {"dev", "proc", "sys"})
    for (const char* before : {"", "./"}) tar.argv.push_back(std::string("--exclude=") + before + folder + "/*");
  const auto outcome = run(tar);
  if (!outcome) {
    if (Interrupt::caught() != 0) return outcome.error();
    return missing(tried, outcome.error().why, "install the package tar");
  }
  if (!outcome->ok())
    return missing(tried,
                   "tar ended with status " + std::to_string(outcome->status) + ": " + outcome->last_error_line(),
                   "is there enough space in " + folder_.string() + "?");
  fs::remove(archive, bad);
  TRY(add_folders(root));
  // No fsync(): the cache can be made again.
  if (fs::rename(root, image.root, bad); bad)
    return missing(tried, "cannot move it to " + image.root.string() + ": " + bad.message(), "");
  return {};
}

Status ImageRoots::unpack(const std::string& name, const std::function<void(const std::string& text)>& on_step) {
  auto& image = known_[name] = ask(name);
  if (image.problem || image.unpacked) return {};
  std::error_code bad;
  fs::create_directories(folder_, bad);
  fs::permissions(folder_, fs::perms::owner_all, bad);
  const auto lock =
      FileLock::acquire(folder_ / "lock", [&] { on_step("another vgpukit is unpacking an image: waiting for it"); });
  if (!lock) {
    image.problem = lock.error();
    return {};
  }
  if (!fs::is_directory(image.root, bad)) {
    on_step("unpacking the container image " + name);
    if (const auto made = make_root(name, image); !made) {
      if (Interrupt::caught() != 0) return made.error();
      image.problem = made.error();
      return {};
    }
  }
  image.unpacked = true;
  return {};
}

Error image_error(Error error, const fs::path& root, const std::string& name) {
  if (root == "/") return error;  // the folder of the image is gone: there is no path to replace
  const auto say = [&](std::string& text) {
    const std::string words = "the image " + name;
    for (auto at = text.find(root.string()); at != std::string::npos; at = text.find(root.string(), at + words.size()))
      text.replace(at, root.string().size(), words);
  };
  for (auto* text : {&error.tried, &error.why, &error.next}) say(*text);
  if (!error.next.empty()) error.next += ", in a new build of the image";
  return error;
}

}  // namespace vgpukit::matrix
