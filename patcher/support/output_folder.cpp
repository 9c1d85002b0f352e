#include "support/output_folder.hpp"

#include <system_error>

namespace vgpukit {

namespace fs = std::filesystem;

Status check_output_folder(const fs::path& folder, const std::string& tried, ForeignEntry foreign) {
  // With a slash at its end, a link would be followed.
  const fs::path clean = folder.has_filename() ? folder : folder.parent_path();
  const auto refuse = [&](const std::string& why) {
    return Error{ErrorKind::usage, tried, clean.string() + " is " + why,
                 "name a new folder, or an empty one; nothing was changed"};
  };
  const auto unreadable = [&](const std::error_code& bad) {
    return Error{ErrorKind::missing, tried, "reading " + clean.string() + " failed: " + bad.message(),
                 "make it readable, or name another folder"};
  };
  std::error_code bad;
  const auto status = fs::symlink_status(clean, bad);
  if (status.type() == fs::file_type::not_found) return {};
  if (bad) return unreadable(bad);
  if (fs::is_symlink(status)) return refuse("a symbolic link");
  if (!fs::is_directory(status)) return refuse("there already, and no folder");
  const bool empty = fs::is_empty(clean, bad);
  if (bad) return unreadable(bad);
  if (empty) return {};
  if (!foreign) return refuse("there already, and not empty");
  const auto name = foreign(clean);
  return name.empty() ? Status()
                      : Status(refuse("there already, and has " + name + " in it, which vgpukit did not make"));
}

}  // namespace vgpukit
