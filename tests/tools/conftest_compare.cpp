// Makes conftest/ of a driver's tree twice, with make alone and with vgpukit's engine, and compares the two byte by
// byte.
//
//   conftest_compare ROOT RELEASE TREE [JOBS [engine]]
//
// TREE is in ROOT and is changed. Exit status 0: the two are identical, and make accepts the engine's conftest/ as
// complete. Prints one line of JSON with the time of each. CACHE is VGPUKIT_CACHE, as for vgpukit.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "build/make_command.hpp"
#include "conftest/conftest.hpp"
#include "conftest/conftest_audit.hpp"
#include "support/atomic_file.hpp"
#include "support/interrupt.hpp"
#include "support/sandbox.hpp"

namespace {

using namespace vgpukit;

std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(folder, error))
    if (entry.is_regular_file()) files[entry.path().lexically_relative(folder)] = read_file(entry.path()).value();
  return files;
}

int complain(const Error& error) {
  std::fprintf(stderr, "%s\n", error.message().c_str());
  return 2;
}

// The work of make up to the first compiled object.
constexpr const char* goal =
    "ifneq ($(and $(obj),$(KBUILD_EXTMOD)),)\n"
    ".PHONY: conftest-only\n"
    "conftest-only: $(addprefix $(obj)/conftest/,patches.h headers.h functions.h generic.h macros.h symbols.h "
    "types.h)\n"
    "\t@touch $(obj)/.conftest-complete; false\n"
    ".DEFAULT_GOAL := conftest-only\n"
    "endif\n";

}  // namespace

int main(int argc, char** argv) {
  vgpukit::turn_sandbox_off();  // it runs make itself, in a folder that it has made
  if (argc < 4) return 2;
  const Interrupt interrupt;
  const auto host = HostPaths::of_this_machine(argv[1]);
  if (!host) return complain(host.error());
  const auto kernel = kernel::open_kernel(*host, argv[2]);
  if (!kernel) return complain(kernel.error());
  kernel::Facts facts(*kernel);
  // As in a build, where the plan has already read the headers and the compiler's options.
  if (const auto probe = facts.probe(); !probe) return complain(probe.error());
  build::BuildRequest request;
  request.tree = fs::canonical(argv[3]);
  request.jobs = argc > 4 ? static_cast<unsigned>(std::atoi(argv[4])) : default_jobs();
  const Command make = build::make_command(*kernel, request, host->inside(request.tree));
  const fs::path conftest = request.tree / "conftest";
  const fs::path complete = request.tree / ".conftest-complete";
  fs::remove_all(conftest);

  const conftest::ConftestRequest conftest_request{
      request.tree, request.modules, request.has_objects, request.jobs, {}};
  const auto engine = conftest::answer_conftest(facts, conftest_request, make);
  if (!engine) return complain(engine.error());
  const auto ours = files_of(conftest);
  const auto again_start = std::chrono::steady_clock::now();
  fs::remove_all(conftest);
  const auto cached = conftest::answer_conftest(facts, conftest_request, make);
  if (!cached) return complain(cached.error());
  const double cached_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - again_start).count();
  const auto ours_again = files_of(conftest);

  for (const auto& one : conftest::audit_conftest(facts, engine->checks))
    std::fprintf(stderr, "%s:%d: %s\n  -> %s\n", one.file.c_str(), one.line, one.message.c_str(), one.hint.c_str());
  if (argc > 5) {  // the engine and the audit alone
    std::printf("%s\n", nlohmann::json{{"tests", engine->tests},
                                       {"compiled", engine->compiled},
                                       {"compilers", engine->compilers},
                                       {"engine_seconds", engine->seconds},
                                       {"engine_cpu", engine->cpu_seconds},
                                       {"cached_seconds", cached_seconds},
                                       {"answered", engine->answered}}
                            .dump()
                            .c_str());
    return 0;
  }

  // make with the engine's files in place: it must not change them.
  Command only = make;
  if (!write_file(request.tree / ".conftest-only.mk", goal)) return 2;
  only.env["MAKEFILES"] = host->inside(request.tree / ".conftest-only.mk");
  fs::remove(complete);
  const auto after = run(only);
  if (!after) return complain(after.error());
  const bool went_through = fs::exists(complete);
  std::size_t redone = 0;
  for (std::size_t at = 0; (at = after->out.find("CONFTEST: ", at)) != std::string::npos; ++at)
    redone += after->out.compare(after->out.find('\n', at) - 6, 6, "_check") != 0 ? 1U : 0U;

  fs::remove_all(conftest);
  fs::remove(complete);
  const auto start = std::chrono::steady_clock::now();
  const auto alone = run(only);
  if (!alone) return complain(alone.error());
  const double make_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const bool make_went_through = fs::exists(complete);
  const auto theirs = files_of(conftest);

  unsigned different = 0;
  const auto differ = [&](const std::string& what) {
    ++different;
    std::fprintf(stderr, "%s\n", what.c_str());
  };
  for (const auto& [path, text] : theirs) {
    const auto mine = ours.find(path);
    if (mine == ours.end())
      differ("only make: " + path);
    else if (mine->second != text)
      differ("differs: " + path + "\n--- make\n" + text + "--- engine\n" + mine->second);
  }
  for (const auto& [path, text] : ours)
    if (!theirs.contains(path)) differ("only engine: " + path);
  if (cached->answered && ours_again != ours) differ("the cached answers are others");
  if (!went_through || !make_went_through) differ("make did not come to its end: " + alone->err.substr(0, 2000));
  if (redone > 0 && engine->answered) differ("make asked " + std::to_string(redone) + " tests again");
  if (!engine->answered) differ("the engine left tests to make");
  const nlohmann::json report = {{"files", theirs.size()},
                                 {"different", different},
                                 {"tests", engine->tests},
                                 {"compiled", engine->compiled},
                                 {"cached", engine->cached},
                                 {"compilers", engine->compilers},
                                 {"engine_seconds", engine->seconds},
                                 {"engine_cpu", engine->cpu_seconds},
                                 {"cached_seconds", cached_seconds},
                                 {"cached_answered", cached->answered},
                                 {"make_seconds", make_seconds},
                                 {"make_cpu", alone->cpu_seconds},
                                 {"rest_cpu", after->cpu_seconds}};
  std::printf("%s\n", report.dump().c_str());
  return different == 0 ? 0 : 1;
}
