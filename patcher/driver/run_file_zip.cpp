#include "driver/run_file_zip.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <system_error>

#include "driver/extract.hpp"
#include "driver/run_file.hpp"
#include "driver/run_file_unpack.hpp"
#include "support/text.hpp"

namespace vgpukit::driver {

namespace {

std::string file_name(const std::string& member) {
  return member.substr(member.rfind('/') + 1);
}

// Whether the package is for this processor, by its name. True for a name without a platform.
bool fits_machine(const std::string& member) {
  constexpr std::string_view key = "Linux-";
  const auto name = file_name(member);
  const auto at = name.find(key);
  utsname machine{};
  if (at == std::string::npos || ::uname(&machine) != 0) return true;
  return std::string_view(name).substr(at + key.size()).starts_with(std::string(machine.machine) + "-");
}

Error ambiguous(const fs::path& zip, const std::vector<std::string>& members, const std::string& why) {
  std::string list;
  for (const auto& member : members) list += "\n    " + zip.string() + "/" + printable(member);
  return {ErrorKind::usage, "choose an installer in " + zip.string(), why, "name one of them:" + list};
}

}  // namespace

PackageFile split_zip_path(const fs::path& path) {
  std::error_code ignored;
  const auto normal = path.lexically_normal();
  for (auto above = normal; above.has_relative_path() && above != above.parent_path(); above = above.parent_path()) {
    if (!fs::is_regular_file(above, ignored)) continue;
    if (above == normal || !is_zip(above)) break;
    return {above, normal.lexically_relative(above).generic_string()};
  }
  return {path, {}};
}

Result<std::vector<std::string>> list_run_members(const fs::path& zip) {
  TRY_ASSIGN(const auto opened, open_archive(zip));
  // No entry is wanted, so nothing is written to the folder.
  TRY_ASSIGN(auto nowhere, UnpackTarget::open("/", zip, {}));
  std::vector<std::string> members;
  Unpacking how;
  how.wanted = [&](const std::vector<std::string>& words) {
    if (!words.empty() && words.back().ends_with(".run")) members.push_back(join(words, "/"));
    return Unpacking::Take::no;
  };
  TRY(unpack_from(opened.fd.get(), 0, nowhere, zip, how));
  std::sort(members.begin(), members.end());
  return members;
}

Result<std::string> choose_run_member(const fs::path& zip, const std::vector<std::string>& members,
                                      const std::string& wanted) {
  if (!wanted.empty()) {
    std::vector<std::string> found;
    for (const auto& member : members)
      if (member == wanted || member.ends_with("/" + wanted)) found.push_back(member);
    if (found.size() == 1) return found.front();
    return ambiguous(zip, found.empty() ? members : found,
                     (found.empty() ? "it has no " : "it has more than one ") + printable(wanted));
  }
  std::vector<std::string> fitting;
  for (const auto& member : members)
    if (fits_machine(member)) fitting.push_back(member);
  if (fitting.empty()) return ambiguous(zip, members, "none of its installers is for this processor");
  if (fitting.size() == 1) return fitting.front();
  std::vector<std::string> hosts;
  for (const auto& member : fitting)
    if (contains(file_name(member), "vgpu-kvm")) hosts.push_back(member);
  if (hosts.size() == 1) return hosts.front();
  return ambiguous(
      zip, hosts.empty() ? fitting : hosts,
      hosts.empty() ? "it has several, and none is for vGPU hosts (vgpu-kvm)" : "it has several for vGPU hosts");
}

Result<PackageFile> find_package(const fs::path& path) {
  const auto named = split_zip_path(path);
  if (is_run_file(named.file)) return named;
  if (!is_zip(named.file)) return PackageFile{};
  TRY_ASSIGN(const auto members, list_run_members(named.file));
  if (members.empty() && named.member.empty()) return PackageFile{};
  TRY_ASSIGN(auto member, choose_run_member(named.file, members, named.member));
  return PackageFile{named.file, std::move(member)};
}

Status copy_package(const PackageFile& package, const fs::path& to, const OnPackage& on_progress) {
  if (package.member.empty()) return clone_file(package.file, to);
  TRY_ASSIGN(const auto opened, open_archive(package.file));
  TRY_ASSIGN(auto staged, StagedFolder::beside(to));
  TRY_ASSIGN(auto target, UnpackTarget::open(staged.path(), package.file, {}));
  bool found = false;
  Unpacking how;
  how.on_progress = on_progress;
  how.wanted = [&](const std::vector<std::string>& words) {
    if (found) return Unpacking::Take::stop;
    found = join(words, "/") == package.member;
    return found ? Unpacking::Take::yes : Unpacking::Take::no;
  };
  TRY(unpack_from(opened.fd.get(), 0, target, package.file, how));
  std::error_code error;
  if (found) fs::rename(staged.path() / package.member, to, error);
  if (found && !error) return {};
  return Error{found ? ErrorKind::missing : ErrorKind::usage,
               "take " + printable(package.member) + " out of " + package.file.string(),
               found ? error.message() : "the zip does not have it", ""};
}

Status with_run_file(const PackageFile& package, const fs::path& folder, const OnPackage& on_progress,
                     const std::function<Status(const fs::path& file)>& use) {
  if (package.member.empty()) return use(package.file);
  const fs::path file = folder / "package.run";
  TRY(copy_package(package, file, on_progress));
  auto done = use(file);
  std::error_code ignored;
  fs::remove(file, ignored);
  if (done) return done;
  auto& tried = done.error().tried;
  if (const auto at = tried.find(file.string()); at != std::string::npos)
    tried.replace(at, file.string().size(), (package.file / package.member).string());
  return done;
}

Status unpack_package(const PackageFile& package, const fs::path& target, const OnPackage& on_progress) {
  TRY_ASSIGN(const auto scratch, StagedFolder::beside(target));
  return with_run_file(package, scratch.path(), on_progress, [&](const fs::path& file) -> Status {
    TRY_ASSIGN(const auto header, read_run_header(file));
    TRY(check_run_file(file, header, on_progress));
    return unpack_run_file(file, header, target, RunPart::all, on_progress);
  });
}

}  // namespace vgpukit::driver
