#include "driver/run_file_unpack.hpp"

#include <algorithm>
#include <set>

#include "driver/extract.hpp"
#include "driver/manifest.hpp"
#include "driver/source_files.hpp"
#include "support/atomic_file.hpp"
#include "support/output_folder.hpp"
#include "support/text.hpp"

namespace vgpukit::driver {

namespace {

using Take = Unpacking::Take;

// Decides which entries building needs, and when all of them were read.
class KernelPart {
 public:
  KernelPart(const fs::path& folder, bool may_stop) : folder_(folder), may_stop_(may_stop) {}

  Take take(const std::vector<std::string>& words) {
    if (words.empty()) return Take::no;
    const std::string path = join(words, "/");
    if (top_.size() < 6 && (top_.empty() || top_.back() != words.front())) top_.push_back(words.front());
    // Entries of a folder follow each other. A file that .manifest does not name is read before the folder ends.
    if (is_kernel_folder(words)) {
      if (seen_.insert(path).second) open_.erase(path);
      return Take::yes;
    }
    if (path == ".manifest" || path == "is_vgpu_host_package.txt") {
      manifest_seen_ |= path == ".manifest";
      return Take::yes;
    }
    return complete() ? Take::stop : Take::no;
  }

  // The kernel files that .manifest names and that the package lacks.
  std::vector<std::string> missing() {
    std::vector<std::string> names;
    for (const auto& name : named())
      if (is_kernel_folder({name.substr(0, name.find('/'))}) && !seen_.contains(name)) names.push_back(name);
    return names;
  }
  [[nodiscard]] bool nothing() const { return seen_.empty(); }
  [[nodiscard]] const std::vector<std::string>& top() const { return top_; }

 private:
  static bool is_kernel_folder(const std::vector<std::string>& words) {
    return words.front() == "kernel" || words.front() == "kernel-open";
  }

  const std::vector<std::string>& named() {
    if (named_.empty() && manifest_seen_)
      if (auto text = read_file(folder_ / ".manifest")) named_ = Manifest(std::move(*text)).kernel_files();
    return named_;
  }

  // Once .manifest is there, each file costs one search: a package may name 100,000 of them.
  bool complete() {
    if (!may_stop_ || named().empty()) return false;
    if (!std::exchange(open_known_, true))
      for (auto& name : missing()) open_.insert(std::move(name));
    return open_.empty();
  }

  const fs::path& folder_;
  bool may_stop_;
  bool manifest_seen_ = false;
  std::set<std::string, std::less<>> seen_;
  std::vector<std::string> named_;
  std::set<std::string, std::less<>> open_;  // what missing() gives, once open_known_
  bool open_known_ = false;
  std::vector<std::string> top_;  // the first folders and files of the package, for a message
};

Error no_sources(const fs::path& file, const std::vector<std::string>& top) {
  const auto names = join(top, ", ", [](const std::string& name) { return printable(name, 40); });
  return {ErrorKind::usage, "open the driver " + file.string(),
          "it has no kernel module sources (no folder kernel/ or kernel-open/)" +
              (names.empty() ? "" : "; it has " + names),
          "name the installer of a driver: NVIDIA-Linux-...-vgpu-kvm.run"};
}

Error manifest_names_missing_files(const fs::path& file, const std::vector<std::string>& missing) {
  std::string why = "its .manifest names " + printable(missing.front());
  if (missing.size() > 1) why += " and " + std::to_string(missing.size() - 1) + " more";
  return {ErrorKind::usage, "open the driver " + file.string(), why + ", and the package lacks it",
          "nvidia-installer fails on such a package: fetch the original again (vgpukit driver extract unpacks it all "
          "the same)"};
}

}  // namespace

Status unpack_run_file(const fs::path& file, const RunHeader& header, const fs::path& target, RunPart part,
                       const OnPackage& on_progress, const ExtractLimits& limits) {
  const auto may_write = [&] { return check_output_folder(target, "unpack " + file.string()); };
  TRY(may_write());
  TRY_ASSIGN(const auto opened, open_archive(file));
  TRY_ASSIGN(auto staged, StagedFolder::beside(target));
  TRY_ASSIGN(auto unpacked, UnpackTarget::open(staged.path(), file, limits));
  // Without checksums, only the end of the archive shows that it is whole: reading must not stop early.
  KernelPart kernel(staged.path(), !header.crc.empty() || !header.md5.empty());
  Unpacking how{{}, on_progress, limits};
  if (part == RunPart::kernel) how.wanted = [&](const auto& words) { return kernel.take(words); };
  TRY(unpack_from(opened.fd.get(), header.payload, unpacked, file, how));
  if (part == RunPart::kernel && kernel.nothing()) return no_sources(file, kernel.top());
  if (part == RunPart::kernel)
    if (const auto missing = kernel.missing(); !missing.empty()) return manifest_names_missing_files(file, missing);
  return staged.commit(false, may_write);
}

std::vector<std::string> unnamed_sources(const Driver& driver) {
  std::vector<std::string> unnamed;
  if (!driver.package) return unnamed;
  auto text = read_file(driver.sources.parent_path() / ".manifest");
  const auto files = list_sources(driver.sources);
  if (!text || !files) return unnamed;
  const auto names = Manifest(std::move(*text)).kernel_files();
  const std::set<std::string, std::less<>> named(names.begin(), names.end());
  for (const auto& file : *files)
    if (const auto name = driver.package_folder + "/" + file.path; !named.contains(name)) unnamed.push_back(name);
  return unnamed;
}

}  // namespace vgpukit::driver
