// The limits of what is read from files that others wrote. They are far above every driver, kernel and host that is
// known, and low enough that a file made to exhaust memory or time is refused within seconds.
#pragma once

#include <cstddef>

namespace vgpukit::limits {

inline constexpr std::size_t file_bytes = 512ULL << 20;     // any file that is read as a whole
inline constexpr std::size_t document_bytes = 16ULL << 20;  // YAML, XML, boot loader files, kernel commits
inline constexpr std::size_t source_bytes = 8ULL << 20;     // a source file of a driver
inline constexpr std::size_t log_bytes = 256ULL << 20;      // a build log
inline constexpr std::size_t path_depth = 64;               // folders above a file of a package
inline constexpr std::size_t nesting = 100;                 // levels of a document: each takes some of the stack

}  // namespace vgpukit::limits
