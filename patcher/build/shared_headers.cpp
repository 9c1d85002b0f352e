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

constexpr const char* folder_name = ".vgpukit-headers";  // the script knows it, too
constexpr std::uintmax_t bytes_each = 100U << 20;
constexpr std::uintmax_t room_for_others = 1U << 30;

bool is_possible(const Kernel& kernel, const BuildRequest& request) {
  const auto& compiler = kernel.compiler.command;
  // The stand-in is found by the name that PATH is searched for.
  return kernel.compiler.kind == Compiler::Kind::gcc && !compiler.empty() && compiler.find('/') == std::string::npos &&
         !request.debug_info && !request.has_objects && kernel.has("CONFIG_X86_64") &&
         fs::exists(request.tree / "conftest/headers.h");
}

std::vector<HeaderPrefix> find_prefixes(const Kernel& kernel, const BuildRequest& request) {
  std::map<std::string, bool> known;
  const auto kernel_repeats = [&](const std::string& name) {
    const auto [entry, fresh] = known.try_emplace(name, false);
    if (!fresh) return entry->second;
    const auto path = find_header(kernel, name);
    const auto here = path ? kernel.host.resolve(*path) : std::nullopt;
    const auto text = here ? read_file(*here) : Result<std::string>(std::string("text"));
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

SharedHeaders SharedHeaders::of(const Kernel& kernel, const BuildRequest& request) {
  SharedHeaders made;
  std::error_code bad;
  const auto folder = request.tree / folder_name;
  fs::remove_all(folder, bad);
  const auto compiler = is_possible(kernel, request) ? find_program(kernel.compiler.command, kernel.host.root) : std::nullopt;
  const auto data = shipped_data();
  if (!compiler || !data) return made;
  const auto prefixes = find_prefixes(kernel, request);
  const auto space = fs::space(request.tree, bad);
  if (prefixes.empty() || bad || space.available < room_for_others + prefixes.size() * bytes_each) return made;

  made.folder_ = folder;  // from here on it is removed again, whatever happens
  const auto put = [&](const fs::path& path, const std::string& text, unsigned mode) {
    fs::create_directories(path.parent_path(), bad);
    return !bad && write_file(path, text, mode);
  };
  const auto script = read_file(*data / "kbuild/compile-with-headers.sh");
  bool complete = script && put(folder / kernel.compiler.command, *script, 0755);
  for (std::size_t i = 0; i < prefixes.size() && complete; ++i) {
    complete = put(folder / (std::to_string(i) + ".txt"), prefixes[i].text, 0644);
    for (const auto& file : prefixes[i].files) {
      std::string text = std::to_string(i) + "\n";
      for (const auto& move : file.moves) text += move.header + " " + move.before + "\n";
      complete = complete && put(folder / "of" / file.path, text, 0644);
    }
  }
  if (!complete) return made;  // inside_ is empty: nothing is used
  made.inside_ = kernel.host.inside(folder).string();
  made.tree_ = kernel.host.inside(request.tree).string();
  made.compiler_ = compiler->string();
  return made;
}

SharedHeaders::SharedHeaders(SharedHeaders&& other) noexcept
    : folder_(std::exchange(other.folder_, {})),
      inside_(std::move(other.inside_)),
      tree_(std::move(other.tree_)),
      compiler_(std::move(other.compiler_)) {}

SharedHeaders::~SharedHeaders() {
  std::error_code ignored;
  if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

void SharedHeaders::use_in(Command& make) const {
  if (inside_.empty()) return;
  make.path_first = inside_;
  make.env["VGPUKIT_COMPILER"] = compiler_;
  make.env["VGPUKIT_HEADERS"] = inside_;
  make.env["VGPUKIT_TREE"] = tree_;
}

std::string SharedHeaders::said() const {
  if (inside_.empty()) return "";
  std::size_t sets = 0;
  std::size_t files = 0;
  std::error_code bad;
  for (const auto& entry : fs::recursive_directory_iterator(folder_, bad)) {
    const auto name = entry.path().filename().string();
    sets += name.ends_with(".h.gch") ? 1 : 0;
    files += name.ends_with(".c.used") ? 1 : 0;
  }
  return "precompiled headers: " + std::to_string(sets) + " for " + std::to_string(files) + " C files";
}

}  // namespace vgpukit
