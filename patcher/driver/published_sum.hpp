// Compares a package with a SHA-256 that its maker has published: whether it is the same file. (The sums in an
// installer's own header only detect a damaged download.)
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "support/result.hpp"

namespace vgpukit::driver {

// The sum for the file of this name in the text of a sums file: lines "SUM  NAME" or "SUM *NAME" (sha256sum), or
// "SHA256 (NAME) = SUM" (sha256sum --tag, BSD). A text that is only a sum is for any name. In small letters; empty:
// there is none.
std::string sum_in(std::string_view sums, std::string_view name);

// `expected`: 64 hexadecimal digits, or the path of a sums file. Gives the sum, in small letters. Errors: failed if the
// file has another sum; usage if the file or the sums file cannot be read, or has no sum for this file; missing without
// sha256sum (coreutils).
Result<std::string> compare_sha256(const std::filesystem::path& file, const std::string& expected);

}  // namespace vgpukit::driver
