// Cache files whose first line is the hash of the rest.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace vgpukit {

// The body that write_checksummed() wrote. Nothing when the file is absent or damaged: the cache then counts as empty.
std::optional<std::string> read_checksummed(const std::filesystem::path& file);

// A file that cannot be written (a full disk, a read-only cache) is not an error: the next run is only slower.
void write_checksummed(const std::filesystem::path& file, std::string_view body);

}  // namespace vgpukit
