#include "build/shared_headers.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "build/header_prefixes.hpp"
#include "build/work_list.hpp"
#include "kernel/header_folders.hpp"
#include "support/atomic_file.hpp"

namespace vgpukit {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t bytes_each = 100U << 20;
constexpr std::uintmax_t room_for_others = 1U << 30;

bool is_possible(const Kernel& kernel, const BuildRequest& request) {
  std::error_code bad;
  return kernel.compiler.kind == Compiler::Kind::gcc && !request.debug_info && !request.has_objects &&
         kernel.has("CONFIG_X86_64") && fs::exists(request.tree / "conftest/headers.h", bad);
}

std::vector<HeaderPrefix> find_prefixes(const Kernel& kernel, const BuildRequest& request) {
  std::map<std::string, bool> known;
  const auto kernel_repeats = [&](const std::string& name) {
    const auto [entry, fresh] = known.try_emplace(name, false);
    if (!fresh) return entry->second;
    const auto path = find_header(kernel, name);
    const auto here = path ? kernel.host.resolve(*path) : std::nullopt;
    if (!here) return false;
    const auto text = read_file(*here);
    return entry->second = text && repeats_harmlessly(*text);
  };
  const auto read = [&](const std::string& path) -> std::optional<std::string> {
    std::error_code bad;
    if (!fs::is_regular_file(request.tree / path, bad)) return std::nullopt;
    auto text = read_file(request.tree / path);
    return text ? std::optional(*std::move(text)) : std::nullopt;
  };
  std::map<std::string, std::vector<std::string>> by_folder;
  for (const auto& source : count_work(request.tree, request.modules).sources)
    by_folder[fs::path(source).parent_path().string()].push_back(source);
  std::vector<HeaderPrefix> prefixes;
  for (const auto& [folder, sources] : by_folder) {
    auto more = header_prefixes(sources, {read, kernel_repeats});
    std::move(more.begin(), more.end(), std::back_inserter(prefixes));
  }
  return prefixes;
}

}  // namespace

void share_headers(const Kernel& kernel, const BuildRequest& request, const CompilerStandIn& stand_in, Command& make) {
  if (!stand_in.usable() || !is_possible(kernel, request)) return;
  const auto prefixes = find_prefixes(kernel, request);
  std::error_code bad;
  const auto space = fs::space(request.tree, bad);
  if (prefixes.empty() || bad || space.available < room_for_others + prefixes.size() * bytes_each) return;

  const auto put = [&](const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path(), bad);
    return !bad && write_file(path, text);
  };
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    if (!put(stand_in.folder() / (std::to_string(i) + ".txt"), prefixes[i].text)) return;
    for (const auto& file : prefixes[i].files) {
      std::string text = std::to_string(i) + "\n";
      for (const auto& move : file.moves) text += move.header + " " + move.before + "\n";
      if (!put(stand_in.folder() / "of" / file.path, text)) return;
    }
  }
  make.env["VGPUKIT_TREE"] = kernel.host.inside(request.tree).string();
}

std::string shared_headers_said(const CompilerStandIn& stand_in) {
  std::size_t sets = 0;
  std::size_t files = 0;
  std::error_code bad;
  for (const auto& entry : fs::recursive_directory_iterator(stand_in.folder(), bad)) {
    const auto name = entry.path().filename().string();
    sets += name.ends_with(".h.gch") ? 1 : 0;
    files += name.ends_with(".c.used") ? 1 : 0;
  }
  if (sets == 0) return "";
  return "precompiled headers: " + std::to_string(sets) + " for " + std::to_string(files) + " C files";
}

}  // namespace vgpukit
