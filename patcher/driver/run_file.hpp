// NVIDIA's self-extracting installers (.run), read and never run: a shell script as a header, then maybe a decompressor
// for machines without one, then a compressed tar archive. The header is text that came over the network: its values
// are data, whatever they hold.
//
// The knowledge is from public sources. NVIDIA's layout: makeself.sh 1.6.0-nv2 to -nv4, which NVIDIA puts into its own
// packages (those of 304.137 and 440.xx are on GitHub); CRCsum, MD5, skip, skip_decompress, size_decompress, label,
// version_string, pkg_version, targetdir, TARGET_OS and TARGET_ARCH are assignments at its start whose order changed
// over time, and the sums cover what `tail -n +4` prints (+6 up to about 304). The stock layout: makeself-header.sh of
// github.com/megastep/makeself, 2.1 to 2.7, which Debian ships: CRCsum, MD5, filesizes and (from 2.4.1 on) skip and
// totalsize; the sums cover the payload only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "driver/driver.hpp"
#include "support/atomic_file.hpp"
#include "support/result.hpp"

namespace vgpukit::driver {

struct RunHeader {
  enum class Layout { nvidia, makeself } layout = Layout::nvidia;
  std::string label;            // "NVIDIA Accelerated Graphics Driver for Linux-x86_64 535.247.02"; as written
  std::string target_dir;       // the folder that the installer would make
  std::string version;          // what the header says; the files decide. May be empty
  std::string arch;             // "x86_64", "aarch64"; empty when nothing says it
  std::string crc;              // decimal, as `cksum` prints it; empty: none
  std::string md5;              // 32 digits; empty: none
  std::string compression;      // of the payload: xz, zstd, gzip, bzip2, none
  std::uint64_t sums_from = 0;  // the sums cover everything from here on
  std::uint64_t payload = 0;    // where the compressed archive begins; it ends with the file
  std::uint64_t bytes = 0;      // of the whole file
};

// Reads the header alone: some 100 kB. Error: usage when it is no such installer, when the header is damaged (which
// key, and what it holds), or when the file ends before its payload.
Result<RunHeader> read_run_header(const fs::path& file);

// Reads the file once and compares both sums. Error: usage, when one differs or the file cannot be read; failed when
// interrupted. A header without sums is taken as it is.
Status check_run_file(const fs::path& file, const RunHeader& header, const OnPackage& on_progress = {});

// Unpacks a .run into `target`, as extract_archive() does, with the same refusals. kernel: only what building needs
// (kernel/, kernel-open/, .manifest), and reading ends where .manifest says that all of it was there; then .manifest
// must not name a kernel file that is missing. check_run_file() comes first; `header` is what read_run_header() gave.
enum class RunPart { all, kernel };
Status unpack_run_file(const fs::path& file, const RunHeader& header, const fs::path& target, RunPart part,
                       const OnPackage& on_progress = {}, const ExtractLimits& limits = {});

// The kernel sources that the installer's .manifest does not name: nvidia-installer would leave them out of the dkms
// tree, and every later build there would lack them. Empty for a driver that is from no installer, or one without
// .manifest.
std::vector<std::string> unnamed_sources(const Driver& driver);

// Refuses a package for another processor than this machine's. `named` is what the user called it.
Status check_run_arch(const RunHeader& header, const fs::path& named);

// The first bytes of a file say that it is a shell script which makeself made.
bool is_run_file(const fs::path& file);

// The value of the first line KEY=VALUE of a header, without its quotes; and where the value stands (for writing
// another one).
struct HeaderValue {
  std::size_t at = 0;
  std::size_t size = 0;  // with the quotes
  std::string text;      // without
};
std::optional<HeaderValue> header_value(std::string_view header, std::string_view key);

}  // namespace vgpukit::driver
