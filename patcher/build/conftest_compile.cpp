#include "build/conftest_compile.hpp"

#include <algorithm>

namespace vgpukit {
namespace {

constexpr std::size_t kept_errors = 4;

// Flags that only write a dependency file, which nobody reads here.
bool writes_dependencies(const std::string& flag) {
  return flag == "-MD" || flag == "-MMD" || flag == "-MG" || flag == "-MP" || flag.starts_with("-Wp,-M");
}

bool killed(const Outcome& outcome) {
  return outcome.timed_out || outcome.status >= 126;
}

// A place in the snippet has no file name: its number means nothing later on. A broken header may have many errors; those of the
// snippet itself decide.
std::vector<CompileError> first_few(std::vector<CompileError> errors) {
  std::vector<CompileError> kept;
  std::size_t own = 0;
  std::size_t others = 0;
  for (auto& error : errors) {
    if (error.file.starts_with("vgpukit-test-")) error.file.clear();
    if (++(error.file.empty() ? own : others) <= kept_errors) kept.push_back(std::move(error));
  }
  return kept;
}

}  // namespace

Command ConftestCompiler::command(const std::vector<std::string>& flags, std::string input) const {
  Command made;
  made.argv = ask_.compiler;
  std::copy_if(ask_.flags.begin(), ask_.flags.end(), std::back_inserter(made.argv),
               [](const std::string& flag) { return !writes_dependencies(flag); });
  made.argv.insert(made.argv.end(), flags.begin(), flags.end());
  made.argv.insert(made.argv.end(), {"-x", "c", "-"});
  made.cwd = tree_;
  made.root = kernel_.host.root;
  made.env = ask_.environment;
  made.env["LC_ALL"] = "C";
  made.input = std::move(input);
  made.deadline = std::chrono::minutes(3);
  return made;
}

Command ConftestCompiler::compile_command(Mode mode, std::string text) const {
  std::vector<std::string> flags = {"-fno-diagnostics-show-caret", "-fdiagnostics-color=never"};
  // An error inside a macro is the error of who used it; and no error may be held back.
  flags.emplace_back(kernel_.compiler.kind == Compiler::Kind::clang ? "-ferror-limit=0" : "-ftrack-macro-expansion=0");
  if (mode == Mode::parse) flags.emplace_back("-fsyntax-only");
  // The assembler has nothing to say about code without assembly of its own.
  if (mode == Mode::generate) flags.insert(flags.end(), {"-S", "-o", "/dev/null"});
  return command(flags, std::move(text));
}

Result<std::vector<Outcome>> ConftestCompiler::run_these(const std::vector<Command>& commands) {
  auto outcomes = run_all(commands, jobs_);
  if (!outcomes) return outcomes.error();
  runs_ += static_cast<unsigned>(commands.size());
  for (const auto& outcome : *outcomes) cpu_seconds_ += outcome.cpu_seconds;
  return outcomes;
}

Result<std::optional<std::vector<bool>>> ConftestCompiler::find_headers(const std::vector<std::string>& headers) {
  const std::optional<std::vector<bool>> unsure;
  std::string text;
  for (std::size_t i = 0; i < headers.size(); ++i)
    text += "#if __has_include(<" + headers[i] + ">)\n\"vgpukit-header-" + std::to_string(i) + "\"\n#endif\n";
  TRY_ASSIGN(const auto found, run_these({command({"-E", "-P"}, text)}));
  if (!found.front().ok()) return unsure;
  std::vector<bool> present;
  std::string all;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    present.push_back(found.front().out.find("\"vgpukit-header-" + std::to_string(i) + "\"") != std::string::npos);
    if (present.back()) all += "#include <" + headers[i] + ">\n";
  }
  // "Absent" is what conftest.sh says when nothing but a file is missing (-MG forgives that), even one that the header includes.
  TRY_ASSIGN(const auto checks,
             run_these({command({"-E", "-M", "-MG"}, "#include <vgpukit/none.h>\n"), command({"-E", "-M"}, all)}));
  if (!checks[0].ok() || killed(checks[1])) return unsure;
  for (const auto& error : compile_errors(checks[1].err))
    if (error.fatal) return unsure;
  return std::optional(std::move(present));
}

Status ConftestCompiler::find_closures(const std::vector<ConftestSnippet>& snippets, const std::vector<SnippetShape>& shapes,
                                       const std::string& preamble, std::map<std::size_t, std::set<int>>& closures) {
  TRY_ASSIGN(const auto probed, run_these({command({"-E", "-P"}, include_probe(preamble, snippets, shapes))}));
  if (!probed.front().ok()) return {};
  auto includes = read_include_probe(probed.front().out);
  std::string all = preamble + "\n";
  std::set<std::string> seen;
  for (const auto& [i, one] : includes) {
    if (one.missing) continue;
    for (const auto& header : one.headers)
      if (seen.insert(header).second) all += "#include <" + header + ">\n";
  }
  TRY_ASSIGN(const auto walked, run_these({command({"-E", "-dI"}, all)}));
  if (killed(walked.front())) return {};
  const auto graph = IncludeGraph::read(walked.front().out);
  const std::string own = tree_.string() + "/";
  for (const auto& file : graph.files())
    if (file.starts_with(own) && file != own + "conftest/headers.h") reads_tree_ = true;
  for (const auto& [i, one] : includes) {
    if (one.missing) continue;
    std::set<int> closure;
    const bool known = std::all_of(one.headers.begin(), one.headers.end(), [&](const std::string& header) {
      const auto files = graph.closure(header);
      closure.insert(files.begin(), files.end());
      return !files.empty();
    });
    if (known) closures[i] = std::move(closure);
  }
  return {};
}

Result<std::vector<std::optional<ConftestVerdict>>> ConftestCompiler::compile(const std::vector<ConftestSnippet>& snippets,
                                                                              const std::string& preamble) {
  std::vector<std::optional<ConftestVerdict>> verdicts(snippets.size());
  std::vector<SnippetShape> shapes;
  for (const auto& snippet : snippets) shapes.push_back(shape_of(snippet));
  std::map<std::size_t, std::set<int>> closures;
  if (snippets.size() > 2) TRY(find_closures(snippets, shapes, preamble, closures));
  const bool warnings_are_errors = std::find(ask_.flags.begin(), ask_.flags.end(), "-Werror") != ask_.flags.end();

  enum class Company { chain, same, none };  // with whom a snippet may share a unit
  std::map<std::size_t, Company> open;
  for (std::size_t i = 0; i < snippets.size(); ++i)
    open[i] = closures.contains(i) && !shapes[i].alone ? Company::chain : Company::none;
  std::vector<std::size_t> late;

  const auto fewer = [](Company company) { return company == Company::chain ? Company::same : Company::none; };
  while (!open.empty()) {
    std::vector<ConftestUnit> units;
    std::vector<std::size_t> chained;
    std::map<std::set<int>, std::vector<std::size_t>> same;
    std::vector<ConftestUnit> alone;
    for (const auto& [i, company] : open) {
      if (company == Company::chain) chained.push_back(i);
      if (company == Company::same) same[closures[i]].push_back(i);
      if (company == Company::none) alone.push_back({i});
    }
    units = plan_units(chained, shapes, closures);
    for (const auto& [closure, which] : same) {
      const auto more = plan_units(which, shapes, closures);
      units.insert(units.end(), more.begin(), more.end());
    }
    const std::size_t shared = units.size();
    units.insert(units.end(), alone.begin(), alone.end());
    std::vector<Command> commands;
    for (std::size_t u = 0; u < units.size(); ++u)
      commands.push_back(compile_command(u < shared ? Mode::parse : Mode::generate, unit_text(units[u], snippets)));
    TRY_ASSIGN(const auto outcomes, run_these(commands));

    for (std::size_t u = 0; u < units.size(); ++u) {
      const auto& unit = units[u];
      const auto& outcome = outcomes[u];
      if (unit.size() == 1 && (u >= shared || (!outcome.ok() && !killed(outcome)))) {
        if (!killed(outcome)) verdicts[unit[0]] = ConftestVerdict{outcome.ok(), first_few(compile_errors(outcome.err))};
        open.erase(unit[0]);
        continue;
      }
      const auto reading = read_unit(unit, outcome.ok(), outcome.err);
      if (killed(outcome) || !reading.trusted) {
        for (const std::size_t i : unit) open[i] = fewer(open[i]);
        continue;
      }
      bool doubtful = false;
      for (const std::size_t i : unit) {
        if (reading.suspects.contains(i)) {
          open[i] = Company::none;
          doubtful = true;
        }
        if (doubtful) continue;  // those that follow are asked again, without any suspect
        open.erase(i);
        const auto errors = reading.errors.find(i);
        if (errors != reading.errors.end())
          verdicts[i] = ConftestVerdict{false, first_few(errors->second)};
        else if (shapes[i].late || (shapes[i].locals && warnings_are_errors))
          late.push_back(i);
        else
          verdicts[i] = ConftestVerdict{true, {}};
      }
    }
    // What the parser let pass is shown to the code generator, once, when all else is known.
    if (!open.empty() || late.empty()) continue;
    std::vector<Command> again;
    const auto late_units = plan_units(late, shapes, closures);
    for (const auto& unit : late_units) again.push_back(compile_command(Mode::generate, unit_text(unit, snippets)));
    TRY_ASSIGN(const auto generated, run_these(again));
    for (std::size_t u = 0; u < late_units.size(); ++u)
      for (const std::size_t i : late_units[u]) {
        if (generated[u].ok())
          verdicts[i] = ConftestVerdict{true, {}};
        else
          open[i] = Company::none;
      }
    late.clear();
  }
  return verdicts;
}

}  // namespace vgpukit
