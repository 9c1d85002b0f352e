#include "diagnostics/build_log.hpp"

#include "diagnostics/log_line.hpp"
#include "support/atomic_file.hpp"
#include "support/text.hpp"

namespace vgpukit::diagnostics {
namespace {

constexpr std::string_view expected =
    "give the log of a build: STATE/logs/*.log of vgpukit, or the output of make or dkms (make.log)";

// The longest release in the log: "6.1.0-5-amd64" also contains "6.1.0-5".
std::string release_in(std::string_view text, const std::vector<std::string>& releases) {
  std::string best;
  for (const auto& release : releases)
    if (release.size() > best.size() && contains(text, release)) best = release;
  return best;
}

// The folder of the driver's tree: make's M=..., or the folder above that of the first object.
std::string tree_in(std::string_view text) {
  for (const std::string_view word : {" M=/", " KBUILD_EXTMOD=/", " SUBDIRS=/"}) {
    const auto at = text.find(word);
    if (at == std::string_view::npos) continue;
    const auto begin = at + word.size() - 1;
    return std::string(text.substr(begin, text.find_first_of(" \n", begin) - begin));
  }
  std::string tree;
  each_line(text, [&](std::string_view line) {
    if (!tree.empty() || !line.starts_with("  CC [M]  /")) return;
    const std::filesystem::path object(line.substr(10));
    tree = object.parent_path().parent_path().string();
  });
  return tree;
}

}  // namespace

Result<BuildLog> read_build_log(const std::filesystem::path& file, const std::vector<std::string>& releases) {
  const std::string tried = "read the build log " + file.string();
  std::error_code bad;
  if (fs::is_directory(file, bad)) return Error{ErrorKind::usage, tried, "it is a folder", std::string(expected)};
  auto text = read_file(file, limits::log_bytes);
  if (!text) return Error{ErrorKind::usage, tried, text.error().why, std::string(expected)};
  BuildLog log;
  log.release = release_in(*text, releases);
  DiagnosticCollector collector(tree_in(*text));
  bool is_log = false;
  each_line(*text, [&](std::string_view line) {
    collector.line(line);
    if (is_log) return;
    const auto kind = read_log_line(line).kind;
    is_log = kind == LogLine::Kind::step || kind == LogLine::Kind::diagnostic || line.starts_with("make");
  });
  if (!is_log || text->find('\0') != std::string::npos)
    return Error{ErrorKind::usage, tried, "it contains no output of make or a compiler", std::string(expected)};
  log.errors = collector.errors();
  return log;
}

}  // namespace vgpukit::diagnostics
