#include "build/build_tree.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <system_error>

#include "build/build_watch.hpp"
#include "build/compiler_cache.hpp"
#include "build/make_command.hpp"
#include "build/precompiled_headers.hpp"
#include "conftest/conftest.hpp"
#include "conftest/conftest_audit.hpp"
#include "kernel/package_hints.hpp"
#include "support/process.hpp"
#include "support/sandbox.hpp"
#include "support/text.hpp"

namespace vgpukit::build {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// Kbuild puts the finished modules into the folder that M= names. Modules older than `since` are from an earlier build.
std::vector<fs::path> modules_in(const fs::path& tree, fs::file_time_type since) {
  std::vector<fs::path> modules;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(tree, error)) {
    std::error_code gone;
    if (entry.path().extension() == ".ko" && fs::is_regular_file(entry.symlink_status(gone)) &&
        entry.last_write_time(gone) >= since)
      modules.push_back(entry.path());
  }
  std::sort(modules.begin(), modules.end());
  return modules;
}

bool has_module(const std::vector<fs::path>& modules, const std::string& name) {
  return std::any_of(modules.begin(), modules.end(), [&](const fs::path& path) { return path.stem() == name; });
}

// The words of strerror() for what a sandbox does not allow, and those of a resolver without a network.
constexpr std::array<std::string_view, 5> refusals = {"Read-only file system", "Permission denied",
                                                      "Network is unreachable", "Could not resolve host",
                                                      "Temporary failure in name resolution"};
// Those of a program that gets no more memory, or cannot start another program.
constexpr std::array<std::string_view, 5> limits_met = {"out of memory", "memory exhausted", "Cannot allocate memory",
                                                        "Resource temporarily unavailable", "Cannot fork"};

template <std::size_t N>
void take_if_any(std::string_view line, const std::array<std::string_view, N>& words, std::vector<std::string>& lines) {
  constexpr std::size_t most = 10;
  if (lines.size() < most && std::any_of(words.begin(), words.end(), [&](auto each) { return contains(line, each); }))
    lines.emplace_back(trimmed(line));
}

diagnostics::Diagnostic make_error(std::string message, std::string hint = {}) {
  diagnostics::Diagnostic diagnostic;
  diagnostic.tool = "make";
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  return diagnostic;
}

std::string with_log(const BuildRequest& request) {
  return request.log.empty() ? std::string() : "read " + request.log.string();
}

// make has succeeded: checks that the requested modules exist, or all modules of which objects were compiled.
void check_modules(const BuildRequest& request, const BuildWatch& watch, BuildResult& result) {
  std::vector<std::string> expected = request.modules;
  if (expected.empty()) {
    const auto known = driver::modules_of_tree(request.tree);
    std::copy_if(known.begin(), known.end(), std::back_inserter(expected),
                 [&](const std::string& name) { return watch.compiled().contains(name); });
  }
  for (const std::string& name : expected) {
    if (has_module(result.modules, name)) continue;
    result.errors.push_back(
        make_error("make ended without an error, but " + name + ".ko does not exist", with_log(request)));
  }
  if (result.modules.empty() && result.errors.empty()) {
    result.errors.push_back(make_error("make ended without an error, but made no module", with_log(request)));
  }
  result.built = result.errors.empty();
}

Result<std::ofstream> open_log(const BuildRequest& request) {
  std::ofstream log;
  if (request.log.empty()) return log;
  std::error_code error;
  fs::create_directories(request.log.parent_path(), error);
  log.open(request.log, std::ios::trunc);
  if (!log) {
    const int number = errno;
    return Error{ErrorKind::missing, "write the build log " + request.log.string(),
                 std::generic_category().message(number), "make the folder writable, or free some space"};
  }
  return log;
}

// The part of a build's request that concerns conftest.
conftest::ConftestRequest conftest_request(const BuildRequest& request) {
  conftest::ConftestRequest conftest{request.tree, request.modules, request.has_objects, request.jobs, {}};
  if (request.on_progress)
    conftest.on_progress = [&request](unsigned done, unsigned total, const std::string& current) {
      request.on_progress({BuildProgress::Phase::conftest, done, total, current});
    };
  return conftest;
}

}  // namespace

Result<BuildResult> build_tree(const kernel::Kernel& kernel, const BuildRequest& request) {
  kernel::Facts facts(kernel);
  return build_tree(facts, request);
}

Result<BuildResult> build_tree(kernel::Facts& facts, const BuildRequest& request) {
  const kernel::Kernel& kernel = facts.kernel();
  const std::string tree = kernel.host.inside(request.tree).string();
  TRY_ASSIGN(std::ofstream log, open_log(request));
  // What the driver's own scripts have put into the tree cannot make this process write elsewhere.
  TRY_ASSIGN(const auto given, BuildFolder::give(request.tree));
  Command command = make_command(kernel, request, tree);
  if (log.is_open()) {
    for (const std::string& word : command.argv) log << word << ' ';
    log << std::endl << explain_make_variables(kernel, request);
  }

  // Headers are not precompiled if ccache is used, because ccache skips whole compiles.
  const auto cache = CompilerCache::of(kernel, request.tree);
  std::optional<kernel::CompilerWrapper> compiler_wrapper;
  std::optional<PrecompiledHeaders> headers;  // must be destroyed before the wrapper
  if (request.precompile_headers && !cache.used()) headers.emplace(kernel, request);
  TRY_ASSIGN(auto conftest, conftest::answer_conftest(facts, conftest_request(request), command));
  if (log.is_open() && conftest.tests > 0)
    log << "vgpukit answered " << conftest.tests << " of the driver's conftest tests: " << conftest.compiled
        << " snippets in " << conftest.compilers << " compiler runs, " << conftest.cached << " cached answers"
        << std::endl;

  // Only after conftest, whose answers have to come from the compiler itself.
  cache.use_in(command);
  if (!cache.used()) {
    const auto fingerprint = facts.fingerprint();
    compiler_wrapper.emplace(kernel, request.tree / ".vgpukit-compiler", fingerprint ? *fingerprint : "");
    compiler_wrapper->use_in(command);
    if (headers && conftest.answered) headers->use(*compiler_wrapper, std::move(conftest.compile), command);
  }
  const auto modules = request.modules.empty() ? driver::modules_of_tree(request.tree).size() : request.modules.size();
  const auto start = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  BuildWatch watch(tree, driver::read_kbuild_summary(request.tree, request.modules), static_cast<unsigned>(modules),
                   seconds, request.on_progress);
  BuildResult result;
  command.collect = false;
  std::string last_tool_line;  // the last line of some other program before make's first "***"
  bool make_failed = false;
  command.on_line = [&](std::string_view line, bool /*is_stderr*/) {
    if (log.is_open()) log << line << std::endl;  // flushed: users follow the log
    watch.line(line);
    take_if_any(line, refusals, result.refused);
    take_if_any(line, limits_met, result.exhausted);
    make_failed = make_failed || (line.starts_with("make") && contains(line, "***"));
    if (!make_failed && !line.starts_with("make")) last_tool_line = line;
  };
  auto outcome = run(command);
  if (!outcome) {
    Error error = outcome.error();
    if (error.kind == ErrorKind::missing && error.next.empty())
      error.next = kernel::install_tool_hint(kernel.host, "make");
    return error;
  }

  for (const auto& line : {cache.summary_line(), headers ? headers->summary_line() : ""})
    if (log.is_open() && !line.empty()) log << line << std::endl;
  const double total = seconds();
  // If make runs conftest, that lasts from its start to the first object.
  const double conftest_by_make = conftest.answered ? 0 : watch.conftest_seconds(total);
  result.conftest_tests = conftest.tests + watch.tests();
  result.conftest_cached = conftest.cached;
  result.conftest_compiled = conftest.compiled;
  result.conftest_seconds = conftest.seconds + conftest_by_make;
  result.compile_seconds = total - conftest_by_make;
  result.cpu_seconds = conftest.cpu_seconds + outcome->cpu_seconds;
  result.warnings = conftest::audit_conftest(facts, conftest.checks);
  if (!conftest.given_up.empty() && watch.tests() > 0) {
    diagnostics::Diagnostic slow;
    slow.kind = diagnostics::Diagnostic::Kind::warning;
    slow.tool = "conftest";
    slow.message = "make ran the driver's conftest tests itself, which takes longer: " + conftest.given_up;
    slow.hint = "the modules are the same; please report it with the log";
    result.warnings.push_back(std::move(slow));
  }
  const auto printed = watch.diagnostics().warnings();
  result.warnings.insert(result.warnings.end(), printed.begin(), printed.end());
  std::vector<diagnostics::Diagnostic> errors = watch.diagnostics().errors();
  if (outcome->ok()) {
    // The modules may be older than this build: make does not touch those that are up to date.
    result.modules = modules_in(request.tree, fs::file_time_type::min());
    check_modules(request, watch, result);
    // In a successful build, errors in the output did not matter.
    for (diagnostics::Diagnostic& one : errors) {
      one.kind = diagnostics::Diagnostic::Kind::warning;
      if (result.built)
        result.warnings.push_back(std::move(one));
      else
        result.errors.push_back(std::move(one));
    }
    return result;
  }
  result.modules = modules_in(
      request.tree, fs::file_time_type::clock::now() -
                        std::chrono::duration_cast<fs::file_time_type::duration>(std::chrono::duration<double>(total)));
  result.errors = std::move(errors);
  // If all errors are make's own, the last line of another tool before them is the cause.
  const bool only_make = std::all_of(result.errors.begin(), result.errors.end(),
                                     [](const diagnostics::Diagnostic& one) { return one.tool == "make"; });
  if (make_failed && only_make && !last_tool_line.empty()) {
    std::string make_message = result.errors.empty() ? "" : "; make says " + result.errors.front().message;
    result.errors = {make_error(last_tool_line + make_message, with_log(request))};
  }
  if (result.errors.empty()) {
    std::string message = "make ended with status " + std::to_string(outcome->status);
    if (!watch.last_line().empty()) message += " after: " + watch.last_line();
    result.errors.push_back(make_error(std::move(message), with_log(request)));
  }
  return result;
}

}  // namespace vgpukit::build
