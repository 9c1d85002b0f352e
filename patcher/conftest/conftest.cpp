#include "conftest/conftest.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <set>

#include "conftest/conftest_ask.hpp"
#include "conftest/conftest_compile.hpp"
#include "conftest/conftest_script.hpp"
#include "driver/kbuild_files.hpp"
#include "driver/source_files.hpp"
#include "support/atomic_file.hpp"
#include "support/hash.hpp"
#include "support/interrupt.hpp"
#include "support/sandbox.hpp"

namespace vgpukit::conftest {
namespace {

// A folder in the tree for the files of the questions and answers, and the script that runs there.
class ScratchFolder {
 public:
  explicit ScratchFolder(const fs::path& tree)
      : folder_(tree / ".vgpukit-conftest"), script_(tree / ".vgpukit-answer.sh") {
    remove();
    std::error_code ignored;
    fs::create_directories(folder_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() { remove(); }
  [[nodiscard]] const fs::path& folder() const { return folder_; }

 private:
  void remove() const {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
    fs::remove(script_, ignored);
  }
  fs::path folder_, script_;
};

bool write_plain(const fs::path& file, const std::string& text) {
  std::error_code ignored;
  fs::create_directories(file.parent_path(), ignored);
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream << text;
  return static_cast<bool>(stream.flush());
}

// A hash of the driver's files that decide which questions are asked: the contents of makefiles and scripts, and the
// names of headers (a header of the driver may hide one of the kernel). Build output is left out, so that a tree with
// objects has the same hash.
std::string tree_identity(const fs::path& tree) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(tree, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const auto name = entry->path().filename().string();
    if (name == ".git" || name == "conftest" || name.starts_with(".vgpukit"))
      entry.disable_recursion_pending();
    else if (entry->is_regular_file(error) && !driver::is_build_output(name, false))
      paths.push_back(entry->path());
  }
  std::sort(paths.begin(), paths.end());
  Hasher hasher;
  for (const auto& path : paths) {
    const auto name = path.filename().string();
    const auto ending = path.extension();
    const bool asks = name == "Makefile" || name == "Kbuild" || ending == ".Kbuild" || ending == ".mk" ||
                      ending == ".sh" || (name.starts_with("patch-") && ending == ".h");
    if (!asks && ending != ".h") continue;
    hasher.add(path.lexically_relative(tree).string());
    if (asks && !hasher.add_file(path)) return {};
  }
  return hasher.hex();
}

// Removes the process ID from KBUILD_BASENAME="#conftest1234" in the flags: no answer depends on it.
std::string without_process_id(const std::string& flag) {
  const auto at = flag.find("#conftest");
  if (at == std::string::npos) return flag;
  const auto end = flag.find_first_not_of("0123456789", at + 9);
  return flag.substr(0, at + 9) + (end == std::string::npos ? "" : flag.substr(end));
}

// The headers that conftest.sh may include: "#include <NAME>" anywhere in the script.
std::set<std::string> named_headers(const std::string& script) {
  constexpr std::string_view directive = "#include <";
  std::set<std::string> names;
  for (auto at = script.find(directive); at != std::string::npos; at = script.find(directive, at)) {
    at += directive.size();
    const auto end =
        script.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./", at);
    if (end != std::string::npos && end > at && script[end] == '>') names.insert(script.substr(at, end - at));
  }
  return names;
}

class Engine {
 public:
  Engine(kernel::Facts& facts, const ConftestRequest& request, const Command& make)
      : facts_(facts), kernel_(facts.kernel()), request_(request), make_(make), conftest_(request.tree / "conftest") {}

  Result<ConftestRun> run() {
    const auto start = std::chrono::steady_clock::now();
    auto status = answer();
    if (!status) return status.error();
    run_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return std::move(run_);
  }

 private:
  // If make has to run all tests: run_.answered is false and there is no file.
  Status answer() {
    std::error_code error;
    sandbox_needs(request_.tree);
    if (!fs::exists(request_.tree / "conftest.sh", error) || !fs::exists(request_.tree / "Kbuild", error)) return {};
    // An earlier make has begun: it knows which files are valid.
    if (fs::exists(conftest_, error) && !request_.has_objects) return {};
    const auto fingerprint = facts_.fingerprint();
    const std::string identity = tree_identity(request_.tree);
    if (!fingerprint || identity.empty())
      return give_up(fingerprint ? "the driver's makefiles cannot be read" : fingerprint.error().message());
    key_ = *fingerprint + identity;
    for (const auto& word : make_.argv)
      if (!word.starts_with("-j") && word != kernel_.host.inside(request_.tree).string()) key_ += "\n" + word;
    for (const auto& [name, value] : make_.env) key_ += "\n" + name + "=" + value;

    if (auto known = load_answers(kernel_.host, key_)) {
      run_.cached = known->tests;
      answers_ = std::move(*known);
      return deliver();
    }
    fs::remove_all(conftest_, error);
    const ScratchFolder scratch(request_.tree);
    const auto sources = driver::read_kbuild_summary(request_.tree, request_.modules).sources;
    TRY_ASSIGN(auto ask, ask_kbuild(kernel_, *fingerprint, make_, sources, scratch.folder()));
    if (!ask) return give_up("Kbuild did not say how it calls conftest.sh");
    run_.compile = std::move(ask->compile);
    run_.cpu_seconds += ask->cpu_seconds;
    ConftestCompiler compiler(kernel_, *ask, kernel_.host.inside(request_.tree), scratch.folder(), request_.jobs);
    const auto status = ask_all(*ask, compiler, scratch.folder(), *fingerprint);
    run_.compilers = compiler.runs();
    run_.cpu_seconds += compiler.cpu_seconds();
    if (!status && Interrupt::caught()) return status.error();
    if (!status) return give_up(status.error().message());
    if (answers_.files.empty()) return give_up("conftest.sh finds headers in a way that vgpukit does not know");
    if (answers_.left_to_make.empty() && !compiler.reads_tree()) save_answers(kernel_.host, key_, answers_);
    return deliver();
  }

  Status give_up(const std::string& why) {
    run_.given_up = why;
    std::error_code ignored;
    fs::remove_all(conftest_, ignored);
    answers_ = {};
    return {};
  }

  // Writes the files in make's order: no file is older than those that it depends on. A file that an earlier build
  // wrote with the same text keeps its time, because every object depends on it.
  Status deliver() {
    bool same = request_.has_objects;
    for (const auto& [path, text] : answers_.files) {
      if (same) {
        const auto there = read_file(conftest_ / path);
        same = there && *there == text;
      }
      if (!same && !write_plain(conftest_ / path, text)) return give_up("cannot write " + (conftest_ / path).string());
    }
    run_.answered = answers_.left_to_make.empty();
    run_.tests = answers_.tests;
    run_.checks = std::move(answers_.checks);
    return {};
  }

  void add_file(const std::string& path, std::string text) { answers_.files.emplace_back(path, std::move(text)); }

  Status ask_all(const KbuildAnswer& ask, ConftestCompiler& compiler, const fs::path& folder,
                 const std::string& fingerprint) {
    // ask_kbuild() has run the sanity checks and created these files.
    for (const char* name : {"uts_release", "patches.h"})
      if (auto text = read_file(conftest_ / name)) add_file(name, std::move(*text));
    TRY_ASSIGN(const bool headers, find_headers(ask, compiler, folder));
    if (!headers) {
      answers_.files.clear();
      return {};
    }
    std::string cache_key = fingerprint + tree_identity(request_.tree) + answers_.files.back().second;
    for (const auto& word : ask.compiler) cache_key += "\n" + word;
    for (const auto& flag : ask.flags) cache_key += "\n" + without_process_id(flag);
    VerdictCache cache(kernel_.host, cache_key);
    TRY(answer_tests(ask, compiler, cache, folder));
    if (!compiler.reads_tree()) cache.save();
    return {};
  }

  // conftest/headers.h, and its parts if the driver has such.
  Result<bool> find_headers(const KbuildAnswer& ask, ConftestCompiler& compiler, const fs::path& folder) {
    auto names = ask.lists.at("headers");
    const auto script = read_file(request_.tree / "conftest.sh");
    const auto kbuild = read_file(request_.tree / "Kbuild");
    if (!script || !kbuild) return false;
    if (names.empty()) names = headers_of_script(*script);
    if (names.empty()) return false;
    std::vector<ScriptTest> tests;
    for (const auto& name : names) tests.push_back({name, true, ""});
    std::vector<std::string> found;
    if (script->find("-MG") !=
        std::string::npos) {  // otherwise the script asks in another way: it runs the compiler itself
      TRY_ASSIGN(const auto present, compiler.find_headers(names));
      for (std::size_t i = 0; present && i < tests.size(); ++i) {
        tests[i].answers = (*present)[i] ? "1" : "0";
        if ((*present)[i]) found.push_back(names[i]);
      }
    }
    // If every header depends on uts_release, `cat $^` appends it to each.
    if (kbuild->find("$(NV_CONFTEST_HEADERS): $(obj)/conftest/uts_release") != std::string::npos)
      if (const auto release = read_file(conftest_ / "uts_release")) ending_ = *release;
    ScriptResults results;
    std::string all;
    const auto ask_script = [&]() -> Result<bool> {
      TRY_ASSIGN(results, run_conftest_script(kernel_, ask, request_.tree, folder, tests, request_.jobs));
      run_.cpu_seconds += results.cpu_seconds;
      all.clear();
      for (const auto& result : results.tests) {
        if (!result.done || result.text.empty()) return false;
        all += result.text;
      }
      all += ending_;
      return write_plain(conftest_ / "headers.h", all);
    };
    TRY_ASSIGN(bool done, ask_script());
    if (done && !tests.front().answers.empty()) {
      TRY_ASSIGN(const bool sure, compiler.are_present(found, named_headers(*script), results.preamble));
      if (!sure) {
        for (auto& test : tests) test.answers.clear();
        TRY_ASSIGN(done, ask_script());
      }
    }
    if (!done) return false;
    if (kbuild->find("conftest/header_presence/") != std::string::npos)
      for (std::size_t i = 0; i < tests.size(); ++i)
        add_file("header_presence/" + names[i] + ".part", results.tests[i].text);
    add_file("headers.h", all);
    answers_.tests += static_cast<unsigned>(names.size());
    return true;
  }

  Status answer_tests(const KbuildAnswer& ask, ConftestCompiler& compiler, VerdictCache& cache,
                      const fs::path& folder) {
    struct Open {
      std::string name, answers, text;
      bool done = false;
    };
    std::vector<Open> tests;
    std::set<std::string> names;
    for (const char* kind : {"functions", "generic", "macros", "symbols", "types"})
      for (const auto& name : ask.lists.at(kind))
        if (names.insert(name).second) tests.push_back({name, {}, {}});

    std::vector<std::size_t> open(tests.size());
    for (std::size_t i = 0; i < open.size(); ++i) open[i] = i;
    while (!open.empty()) {
      progress(tests.size() - open.size(), tests.size(), tests[open.front()].name);
      std::vector<ScriptTest> script;
      for (const std::size_t i : open) script.push_back({tests[i].name, false, tests[i].answers});
      TRY_ASSIGN(auto results, run_conftest_script(kernel_, ask, request_.tree, folder, script, request_.jobs));
      run_.cpu_seconds += results.cpu_seconds;
      TRY(compile_new(results, compiler, cache));

      std::vector<std::size_t> still;
      for (std::size_t k = 0; k < open.size(); ++k) {
        auto& test = tests[open[k]];
        auto& result = results.tests[k];
        if (result.questions.empty()) {
          test.done = result.done;  // otherwise its script failed: make shows the error
          test.text = std::move(result.text);
          continue;
        }
        bool known = true;
        for (const auto& question : result.questions) {
          const auto* verdict = cache.find(question.snippet.source);
          if (!verdict) known = &question != &result.questions.front();
          if (!verdict) break;
          note(test.name, question, *verdict);
          test.answers += verdict->compiled ? '1' : '0';
          if (verdict->compiled) break;  // the questions that follow assume the answer "no"
        }
        if (known) still.push_back(open[k]);
      }
      open = std::move(still);
    }

    std::map<std::string, const Open*> by_name;
    for (const auto& test : tests) {
      by_name[test.name] = &test;
      if (test.done)
        add_file("compile-tests/" + test.name + ".h", test.text);
      else
        answers_.left_to_make.push_back(test.name);
    }
    answers_.tests += static_cast<unsigned>(tests.size() - answers_.left_to_make.size());
    for (const char* kind : {"functions", "generic", "macros", "symbols", "types"}) {
      std::string all;
      bool complete = true;
      for (const auto& name : ask.lists.at(kind)) {
        complete = complete && by_name[name]->done;
        all += by_name[name]->text;
      }
      if (complete) add_file(std::string(kind) + ".h", all + ending_);
    }
    return {};
  }

  // Compiles the snippets whose verdict is not in the cache, and adds the verdicts.
  Status compile_new(const ScriptResults& results, ConftestCompiler& compiler, VerdictCache& cache) {
    std::vector<ConftestSnippet> snippets;
    std::set<std::string> seen;
    for (const auto& result : results.tests)
      for (const auto& question : result.questions) {
        if (!seen.insert(question.snippet.source).second) continue;
        if (!cache.find(question.snippet.source))
          snippets.push_back(question.snippet);
        else if (asked_.insert(question.snippet.source).second)
          ++run_.cached;
      }
    if (snippets.empty()) return {};
    run_.compiled += static_cast<unsigned>(snippets.size());
    for (const auto& snippet : snippets) asked_.insert(snippet.source);
    TRY_ASSIGN(auto verdicts, compiler.compile(snippets, results.preamble));
    for (std::size_t i = 0; i < snippets.size(); ++i)
      if (verdicts[i]) cache.add(snippets[i].source, std::move(*verdicts[i]));
    return {};
  }

  void note(const std::string& test, const ScriptQuestion& question, const ConftestVerdict& verdict) {
    if (question.define.empty() || verdict.compiled) return;  // only compile errors can be misread
    answers_.checks.push_back({test, question.define, question.snippet.code, question.snippet.inverted, verdict});
  }

  void progress(std::size_t done, std::size_t total, const std::string& current) const {
    if (!request_.on_progress) return;
    request_.on_progress(static_cast<unsigned>(done), static_cast<unsigned>(total), current);
  }

  kernel::Facts& facts_;
  const kernel::Kernel& kernel_;
  const ConftestRequest& request_;
  const Command& make_;
  fs::path conftest_;
  std::string key_;
  std::string ending_;  // of the headers that are made of parts
  ConftestAnswers answers_;
  std::set<std::string> asked_;  // every snippet so far
  ConftestRun run_;
};

}  // namespace

Result<ConftestRun> answer_conftest(kernel::Facts& facts, const ConftestRequest& request, const Command& make) {
  return Engine(facts, request, make).run();
}

}  // namespace vgpukit::conftest
