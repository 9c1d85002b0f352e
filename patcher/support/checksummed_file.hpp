// Files of a cache that are read whole or not at all: the first line is the hash of the rest.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace vgpukit {

// What write_sealed() was given. Nothing where there is no such file, or one that was cut off, written over in part, or
// is not ours: a cache then is as if it were empty.
std::optional<std::string> read_checksummed(const std::filesystem::path& file);

// A file that cannot be written (a full disk, a read-only cache) is left out: the next run is slower, and not wrong.
void write_checksummed(const std::filesystem::path& file, std::string_view body);

}  // namespace vgpukit
