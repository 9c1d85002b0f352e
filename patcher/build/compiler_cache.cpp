#include "build/compiler_cache.hpp"

#include <algorithm>

#include "support/atomic_file.hpp"
#include "support/sandbox.hpp"
#include "support/text.hpp"

namespace vgpukit::build {
namespace {

constexpr const char* folder_name = ".vgpukit-ccache";

}  // namespace

CompilerCache CompilerCache::of(const kernel::Kernel& kernel, const std::filesystem::path& tree) {
  CompilerCache cache;
  const auto& compiler = kernel.compiler.command;
  const auto program = find_program("ccache", kernel.host.root);
  // ccache can only replace a compiler that make looks up in PATH.
  if (!program || compiler.empty() || contains(compiler, "/")) return cache;
  const auto folder = tree / folder_name;
  if (build_user()) {
    const AsSelf files;
    const auto objects =
        kernel.host.is_host() ? kernel.host.cache / "ccache" : kernel.host.in_root("/var/cache/vgpukit/ccache");
    std::error_code bad;
    const bool fresh = fs::create_directories(objects, bad);
    if (bad || (fresh && !give_to_build_user(objects))) {
      cache.problem_ = "nothing can be written to " + objects.string();
      return cache;
    }
    sandbox_needs(objects);
    cache.objects_ = kernel.host.inside(objects).string();
  }
  std::error_code bad;
  fs::remove_all(folder, bad);
  fs::create_directories(folder, bad);
  if (!bad) fs::create_symlink(*program, folder / compiler, bad);
  if (bad || !write_file(folder / "probe.c", "int vgpukit_probe;\n")) {
    cache.problem_ = "nothing can be written to " + folder.string();
    return cache;
  }
  const auto inside = kernel.host.inside(folder);
  Command probe;
  probe.root = kernel.host.root;
  probe.argv = {(inside / compiler).string(), "-c", (inside / "probe.c").string(), "-o", (inside / "probe.o").string()};
  probe.confined = true;
  probe.writable = {kernel.host.inside(tree)};
  cache.keep_in(probe);
  probe.deadline = std::chrono::seconds(60);
  const auto outcome = run(probe);
  if (!outcome || !outcome->ok()) {
    cache.problem_ = outcome ? outcome->last_error_line() : outcome.error().why;
    return cache;
  }
  cache.inside_ = inside.string();
  cache.statistics_ = folder / "tallies";
  return cache;
}

void CompilerCache::keep_in(Command& command) const {
  if (objects_.empty()) return;
  command.env["CCACHE_DIR"] = objects_;
  command.writable.emplace_back(objects_);
}

void CompilerCache::use_in(Command& make) const {
  if (inside_.empty()) return;
  keep_in(make);
  make.path_first = inside_;
  make.env["CCACHE_STATSLOG"] = (fs::path(inside_) / statistics_.filename()).string();
}

std::string CompilerCache::summary_line() const {
  if (!problem_.empty()) return "ccache is installed, but not used: " + problem_;
  if (inside_.empty()) return "";
  const auto text = read_file(statistics_);  // versions before 4.5 write none
  if (!text) return "ccache was used";
  unsigned hits = 0, misses = 0;
  for (const auto& line : lines_of(*text)) {
    if (line == "direct_cache_hit" || line == "preprocessed_cache_hit") ++hits;
    if (line == "cache_miss") ++misses;
  }
  return "ccache: " + std::to_string(hits) + " of " + std::to_string(hits + misses) + " objects were there";
}

}  // namespace vgpukit::build
