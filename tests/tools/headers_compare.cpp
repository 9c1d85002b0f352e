// Builds a driver's tree three times (build/precompiled_headers.hpp): with precompiled headers, without, and again with
// them after a header has changed. Compares every object and every module byte by byte, and the dependencies that
// Kbuild recorded.
//
//   headers_compare ROOT RELEASE TREE [MODULE...]
//
// TREE is in ROOT and is changed. Prints one line of JSON with the number of compared files. Exit status 0: identical.
#include <algorithm>
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
  // The first build asks Kbuild how it compiles, and precompiles headers; the second finds conftest's answers in the
  // cache; the third finds objects, too, and a header that is newer than these.
  std::map<std::string, std::map<std::string, std::string>> results;
  for (const std::string how : {"shared", "plain", "again"}) {
    request.has_objects = how == "again";
    request.precompile_headers = how != "plain";
    if (request.has_objects) {
      for (const auto& entry : fs::recursive_directory_iterator(request.tree))
        if (entry.path().extension() == ".h" && !contains(entry.path().string(), "/conftest/"))
          fs::last_write_time(entry.path(), fs::file_time_type::clock::now());
    } else {
      for (const auto& [path, hash] : results_of(request.tree)) fs::remove(request.tree / path);
      fs::remove_all(request.tree / "conftest");  // otherwise make would continue with it
    }
    const auto start = std::chrono::steady_clock::now();
    const auto built = build::build_tree(*kernel, request);
    if (!built) return complain(built.error());
    for (const auto& error : built->errors) std::fprintf(stderr, "%s: %s\n", error.file.c_str(), error.message.c_str());
    if (!built->built) return 3;
    line[how + "_seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    line[how + "_cpu_seconds"] = built->cpu_seconds;
    results[how] = results_of(request.tree);
    const auto log = read_file(request.log);
    if (!log) return complain(log.error());
    const auto said = log->rfind("precompiled headers: ");
    line[how + "_said"] = said == std::string::npos ? "" : log->substr(said, log->find('\n', said) - said);
  }
  const auto& plain = results["plain"];
  unsigned different = 0;
  for (const std::string how : {"shared", "again"}) {
    for (const auto& [path, hash] : plain) {
      const auto found = results[how].find(path);
      if (found != results[how].end() && found->second == hash) continue;
      ++different;
      std::fprintf(stderr, "%s: %s differs\n", how.c_str(), path.c_str());
    }
    if (results[how].size() > plain.size()) ++different;
  }
  const auto number_of = [&](std::string_view extension) {
    return std::count_if(plain.begin(), plain.end(), [&](const auto& each) { return each.first.ends_with(extension); });
  };
  line["different"] = different;
  line["objects"] = number_of(".o");
  line["modules"] = number_of(".ko");
  std::printf("%s\n", line.dump().c_str());
  return 0;
}
