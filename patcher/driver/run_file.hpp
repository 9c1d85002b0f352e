// NVIDIA's self-extracting installers (.run). They are read and never run. A .run has a shell script as its header,
// then sometimes a decompressor for machines without one, then a compressed tar archive. The header's values are
// untrusted data: no shell evaluates them.
//
// The formats are documented in public sources.
// - NVIDIA's layout: makeself.sh 1.6.0-nv2 to -nv4, which NVIDIA puts into its own packages (those of 304.137 and
// 440.xx
//   are on GitHub). CRCsum, MD5, skip, skip_decompress, size_decompress, label, version_string, pkg_version, targetdir,
//   TARGET_OS and TARGET_ARCH are assignments at its start; their order changed over time. The checksums cover the
//   output of `tail -n +4` (+6 up to about 304).
// - makeself's own layout: makeself-header.sh of github.com/megastep/makeself, 2.1 to 2.7, which Debian packages.
//   CRCsum, MD5, filesizes and (since 2.4.1) skip and totalsize. The checksums cover the payload only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "driver/driver.hpp"
#include "support/atomic_file.hpp"
#include "support/result.hpp"

namespace vgpukit::driver {

struct RunHeader {
  enum class Layout { nvidia, makeself } layout = Layout::nvidia;
  std::string label;            // "NVIDIA Accelerated Graphics Driver for Linux-x86_64 535.247.02"; as written
  std::string target_dir;       // the folder that the installer would make
  std::string version;          // the header's; Driver::version comes from the files. May be empty
  std::string arch;             // "x86_64", "aarch64"; empty: not known
  std::string crc;              // decimal, as `cksum` prints it; empty: none
  std::string md5;              // 32 digits; empty: none
  std::string compression;      // of the payload: xz, zstd, gzip, bzip2, none
  std::uint64_t sums_from = 0;  // the checksums cover the file from here to its end
  std::uint64_t payload = 0;    // where the compressed archive begins; it ends with the file
  std::uint64_t bytes = 0;      // of the whole file
};

// Reads only the header: some 100 kB. Error: usage if the file is not such an installer, if the header is damaged (the
// message names the key and its value), or if the file ends before its payload.
Result<RunHeader> read_run_header(const fs::path& file);

// Reads the file once and compares both checksums. Does nothing if the header has none. Error: usage if one differs or
// the file cannot be read; interrupted.
Status check_run_file(const fs::path& file, const RunHeader& header, const OnPackage& on_progress = {});

// Error: usage if the package is for another processor than this machine's. `named` is the path for the message.
Status check_run_arch(const RunHeader& header, const fs::path& named);

// Whether the file begins as a shell script of makeself does.
bool is_run_file(const fs::path& file);

// The value of the first line KEY=VALUE of a header, and its position (to replace it).
struct HeaderValue {
  std::size_t at = 0;
  std::size_t size = 0;  // with the quotes
  std::string text;      // without the quotes
};
std::optional<HeaderValue> header_value(std::string_view header, std::string_view key);

}  // namespace vgpukit::driver
