// Builds a driver's tree twice, with and without precompiled headers (build/precompiled_headers.hpp), and compares
// every object and every module byte by byte, and the dependencies that Kbuild recorded.
//
//   headers_compare ROOT RELEASE TREE [MODULE...]
//
// TREE is in ROOT and is changed. Prints one line of JSON with the number of compared files. Exit status 0: identical.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "build/build_tree.hpp"
#include "support/atomic_file.hpp"
#include "support/hash.hpp"
#include "support/interrupt.hpp"
#include "support/process.hpp"
#include "support/text.hpp"

namespace {

using namespace vgpukit;

int complain(const Error& error) {
  std::fprintf(stderr, "%s\n", error.message().c_str());
  return 2;
}

bool is_result(const fs::path& path) {
  const auto name = path.filename().string();
  return name.ends_with(".o") || name.ends_with(".ko") || name.ends_with(".o.cmd") || name.ends_with(".mod.c");
}

// Hashes of the files that the build made, without NVIDIA's own objects. The lines of a .cmd file are sorted, because
// fixdep lists the headers in any order.
std::map<std::string, std::string> results_of(const fs::path& tree) {
  std::map<std::string, std::string> results;
  for (const auto& entry : fs::recursive_directory_iterator(tree)) {
    if (!entry.is_regular_file() || !is_result(entry.path())) continue;
    const auto text = read_file(entry.path());
    if (!text) continue;
    Hasher hasher;
    if (entry.path().extension() == ".cmd") {
      const auto lines = lines_of(*text);
      for (const auto& line : std::set<std::string>(lines.begin(), lines.end())) hasher.add(line);
    } else {
      hasher.add(*text);
    }
    results[entry.path().lexically_relative(tree)] = hasher.hex();
  }
  return results;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const Interrupt interrupt;
  const auto host = HostPaths::of_this_machine(argv[1]);
  if (!host) return complain(host.error());
  const auto kernel = kernel::open_kernel(*host, argv[2]);
  if (!kernel) return complain(kernel.error());
  build::BuildRequest request;
  request.tree = fs::canonical(argv[3]);
  request.modules.assign(argv + 4, argv + argc);
  request.jobs = default_jobs();
  request.log = request.tree.string() + ".log";

  nlohmann::json line;
  std::map<std::string, std::string> results[2];
  // The first build asks Kbuild how it compiles, and precompiles headers; the second finds conftest's answers in the
  // cache.
  for (const bool share : {true, false}) {
    for (const auto& [path, hash] : results_of(request.tree)) fs::remove(request.tree / path);
    fs::remove_all(request.tree / "conftest");  // otherwise make would continue with it
    request.precompile_headers = share;
    const auto start = std::chrono::steady_clock::now();
    const auto built = build::build_tree(*kernel, request);
    if (!built) return complain(built.error());
    for (const auto& error : built->errors) std::fprintf(stderr, "%s: %s\n", error.file.c_str(), error.message.c_str());
    if (!built->built) return 3;
    const std::string how = share ? "shared" : "plain";
    line[how + "_seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    line[how + "_cpu_seconds"] = built->cpu_seconds;
    results[share ? 1 : 0] = results_of(request.tree);
    if (!share) continue;
    const auto log = read_file(request.log);
    if (!log) return complain(log.error());
    const auto said = log->rfind("precompiled headers: ");
    line["said"] = said == std::string::npos ? "" : log->substr(said, log->find('\n', said) - said);
  }
  unsigned different = 0;
  unsigned objects = 0;
  unsigned modules = 0;
  for (const auto& [path, hash] : results[0]) {
    const auto found = results[1].find(path);
    objects += path.ends_with(".o") ? 1U : 0U;
    modules += path.ends_with(".ko") ? 1U : 0U;
    if (found != results[1].end() && found->second == hash) continue;
    ++different;
    std::fprintf(stderr, "%s differs\n", path.c_str());
  }
  line["different"] = different + static_cast<unsigned>(results[1].size() > results[0].size() ? 1 : 0);
  line["objects"] = objects;
  line["modules"] = modules;
  std::printf("%s\n", line.dump().c_str());
  return 0;
}
