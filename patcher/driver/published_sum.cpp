#include "driver/published_sum.hpp"

#include <algorithm>
#include <cctype>

#include "driver/extract.hpp"
#include "support/atomic_file.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace vgpukit::driver {

namespace {

// The sum in small letters; empty if the word is none.
std::string sum_of(std::string_view word) {
  if (word.size() != 64 || !std::all_of(word.begin(), word.end(), [](unsigned char c) { return std::isxdigit(c); }))
    return {};
  std::string sum(word);
  std::transform(sum.begin(), sum.end(), sum.begin(), [](unsigned char c) { return std::tolower(c); });
  return sum;
}

}  // namespace

std::string sum_in(std::string_view sums, std::string_view name) {
  if (auto alone = sum_of(trimmed(sums)); !alone.empty()) return alone;
  std::string found;
  each_line(sums, [&](std::string_view line) {
    line = trimmed(line);
    std::string_view word, of;
    if (line.starts_with("SHA256 (")) {
      const auto end = line.rfind(") = ");
      if (end == std::string_view::npos) return;
      of = line.substr(8, end - 8);
      word = line.substr(end + 4);
    } else {
      word = line.substr(0, line.find_first_of(" \t"));
      of = trimmed(line.substr(word.size()));
      if (of.starts_with('*')) of.remove_prefix(1);
    }
    of = of.substr(of.find_last_of('/') + 1);
    if (found.empty() && of == name) found = sum_of(word);
  });
  return found;
}

Result<std::string> compare_sha256(const std::filesystem::path& file, const std::string& expected) {
  const auto tried = "verify " + file.string();
  const auto name = file.filename().string();
  std::string wanted = sum_of(expected);
  if (wanted.empty()) {
    std::error_code bad;
    if (!std::filesystem::exists(expected, bad))
      return Error{ErrorKind::usage, tried,
                   "'" + printable(expected) + "' is no SHA-256 (64 hexadecimal digits), and no such file exists",
                   "give the sum that NVIDIA has published for this file, or a file of sums"};
    TRY_ASSIGN(const auto sums, read_file(expected));
    wanted = sum_in(sums, name);
    if (wanted.empty())
      return Error{ErrorKind::usage, tried, expected + " has no SHA-256 for a file with the name " + name,
                   "its lines are SUM  NAME, as sha256sum writes them"};
  }
  TRY(open_regular_file(file, tried));
  Command command;
  command.argv = {"sha256sum", "--binary", "--", file.string()};
  TRY_ASSIGN(const auto outcome, run(command));
  // A name with a newline puts a backslash in front.
  const auto sum = sum_of(outcome.out.substr(outcome.out.starts_with('\\') ? 1 : 0).substr(0, 64));
  if (!outcome.ok() || sum.empty()) return Error{ErrorKind::usage, tried, outcome.last_error_line(), ""};
  if (sum == wanted) return sum;
  return Error{
      ErrorKind::failed, tried, "its SHA-256 is " + sum + ", and " + wanted + " was expected",
      "do not install it: it is damaged, or not the file that the sum is of. Download it again from NVIDIA, and "
      "compare its version with that of the sum"};
}

}  // namespace vgpukit::driver
