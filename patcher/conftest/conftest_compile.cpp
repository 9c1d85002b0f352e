#include "conftest/conftest_compile.hpp"

#include <algorithm>

#include "support/atomic_file.hpp"

namespace vgpukit::conftest {
namespace {

constexpr std::size_t max_errors = 4;

// Flags that only write a dependency file, which is not needed here.
bool writes_dependencies(const std::string& flag) {
  return flag == "-MD" || flag == "-MMD" || flag == "-MG" || flag == "-MP" || flag.starts_with("-Wp,-M");
}

// Removes the -include options and returns their files; nothing if there are other options of this kind. gcc uses a
// precompiled header only before all other text, so it has to contain these files.
std::optional<std::vector<std::string>> take_includes(std::vector<std::string>& argv) {
  std::vector<std::string> files;
  std::vector<std::string> rest;
  for (std::size_t i = 0; i < argv.size(); ++i) {
    if (argv[i].starts_with("-imacros") || (argv[i].starts_with("-include") && argv[i] != "-include"))
      return std::nullopt;
    if (argv[i] != "-include")
      rest.push_back(argv[i]);
    else if (++i < argv.size())
      files.push_back(argv[i]);
  }
  argv = std::move(rest);
  return files;
}

bool killed(const Outcome& outcome) {
  return outcome.timed_out || outcome.status >= 126;
}

// Drops the file name of errors in the snippet itself: the snippet's number is not valid later. A broken header may
// cause many errors, but those of the snippet decide: each kind has its own limit.
std::vector<kernel::CompileError> first_few(std::vector<kernel::CompileError> errors) {
  std::vector<kernel::CompileError> reported;
  std::size_t own = 0;
  std::size_t others = 0;
  for (auto& error : errors) {
    if (error.file.starts_with("vgpukit-test-")) error.file.clear();
    if (++(error.file.empty() ? own : others) <= max_errors) reported.push_back(std::move(error));
  }
  return reported;
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
  made.confined = true;
  made.writable = {tree_};
  made.env = ask_.environment;
  made.env["LC_ALL"] = "C";
  made.input = std::move(input);
  made.deadline = std::chrono::minutes(3);
  return made;
}

Command ConftestCompiler::compile_command(Mode mode, std::string text, const Prefix* prefix) const {
  std::vector<std::string> flags = {kernel::no_caret(kernel_.compiler), "-fdiagnostics-color=never"};
  // An error inside a macro is reported at the use of the macro. All errors are needed.
  flags.emplace_back(kernel_.compiler.kind == kernel::Compiler::Kind::clang ? "-ferror-limit=0"
                                                                            : "-ftrack-macro-expansion=0");
  if (mode == Mode::parse) flags.emplace_back("-fsyntax-only");
  // -S: the assembler finds no error in code without inline assembly.
  if (mode == Mode::generate) flags.insert(flags.end(), {"-S", "-o", "/dev/null"});
  Command made = command(flags, std::move(text));
  if (prefix) {
    static_cast<void>(take_includes(made.argv));
    made.argv.insert(made.argv.end() - 3, {"-include", prefix->file});
  }
  return made;
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
  for (std::size_t i = 0; i < headers.size(); ++i)
    present.push_back(found.front().out.find("\"vgpukit-header-" + std::to_string(i) + "\"") != std::string::npos);
  return std::optional(std::move(present));
}

Result<bool> ConftestCompiler::are_present(const std::vector<std::string>& headers, const std::set<std::string>& others,
                                           const std::string& preamble) {
  // conftest.sh answers "absent" if the only errors are missing files (-MG ignores these), even if another header
  // includes them.
  const auto lacks_a_file = [](const Outcome& outcome) {
    const auto errors = kernel::compile_errors(outcome.err);
    return killed(outcome) || std::any_of(errors.begin(), errors.end(), [](const auto& error) { return error.fatal; });
  };
  std::string these;
  for (const auto& header : headers) these += "#include <" + header + ">\n";
  std::string all = preamble + "\n" + these;
  for (const auto& other : others) all += "#if __has_include(<" + other + ">)\n#include <" + other + ">\n#endif\n";
  TRY_ASSIGN(const auto runs, run_these({command({"-E", "-M", "-MG"}, "#include <vgpukit/none.h>\n"),
                                         command({"-E", "-dI"}, std::move(all))}));
  if (!runs[0].ok()) return false;
  if (lacks_a_file(runs[1])) {  // it may be a file of `others`
    TRY_ASSIGN(const auto alone, run_these({command({"-E", "-M"}, these)}));
    return !lacks_a_file(alone.front());
  }
  kernel::HeaderClosures seen;
  seen.add(runs[1].out);
  const auto& files = seen.files();
  // The closures are not used if a file of the driver is among them: which of these the snippets read has to be known.
  if (std::none_of(files.begin(), files.end(), [&](const auto& file) { return is_own(file); }))
    closures_ = std::move(seen);
  return true;
}

bool ConftestCompiler::is_own(const std::string& file) const {
  return file.starts_with(tree_.string() + "/") && file != tree_.string() + "/conftest/headers.h";
}

Status ConftestCompiler::find_closures(const std::vector<ConftestSnippet>& snippets,
                                       const std::vector<SnippetShape>& shapes, const std::string& preamble,
                                       Closures& closures) {
  includes_.clear();
  TRY_ASSIGN(const auto probed, run_these({command({"-E", "-P"}, include_probe(preamble, snippets, shapes))}));
  if (!probed.front().ok()) return {};
  includes_ = read_include_probe(probed.front().out);
  bool known = true;
  std::string all = preamble + "\n";
  std::set<std::string> seen;
  for (const auto& [i, one] : includes_) {
    if (one.missing) continue;
    for (const auto& header : one.headers) {
      known = known && closures_.knows(header);
      if (seen.insert(header).second) all += "#include <" + header + ">\n";
    }
  }
  if (!known) {
    TRY_ASSIGN(const auto walked, run_these({command({"-E", "-dI"}, all)}));
    if (killed(walked.front())) return {};
    closures_.add(walked.front().out);
    const auto& files = closures_.files();
    reads_tree_ = std::any_of(files.begin(), files.end(), [&](const auto& file) { return is_own(file); });
  }
  const auto always = closures_.of({}).value_or(kernel::HeaderClosures::Files());
  for (const auto& [i, one] : includes_) {
    if (one.missing) continue;
    auto files = closures_.of(one.headers);
    if (!files) continue;
    for (const int file : always) files->erase(file);  // all snippets include these
    closures[i] = *std::move(files);
  }
  return {};
}

Status ConftestCompiler::make_prefixes(const Closures& closures, const std::string& preamble) {
  prefixes_made_ = true;
  if (kernel_.compiler.kind != kernel::Compiler::Kind::gcc) return {};
  Command base = compile_command(Mode::parse, {});
  const auto included = take_includes(base.argv);
  if (!included) return {};
  base.argv.resize(base.argv.size() - 3);  // -x c -
  std::erase(base.argv, "-fsyntax-only");
  std::vector<Prefix> made;
  std::vector<Command> commands;
  auto chosen = choose_prefixes(closures);  // the largest take longest, and are preferred
  std::stable_sort(chosen.begin(), chosen.end(),
                   [&](std::size_t a, std::size_t b) { return closures.at(a).size() > closures.at(b).size(); });
  for (const std::size_t i : chosen) {
    std::string text;
    for (const auto& file : *included) text += "#include \"" + (tree_ / file).string() + "\"\n";
    text += preamble + "\n";
    for (const auto& header : includes_.at(i).headers) text += "#include <" + header + ">\n";
    const fs::path file = folder_ / ("headers-" + std::to_string(made.size()) + ".h");
    if (!write_file(file, text)) return {};
    const std::string inside = kernel_.host.inside(file).string();
    commands.push_back(base);
    commands.back().argv.insert(commands.back().argv.end(), {"-x", "c-header", inside, "-o", inside + ".gch"});
    made.push_back({inside, closures.at(i)});
  }
  TRY_ASSIGN(const auto outcomes, run_these(commands));
  for (std::size_t i = 0; i < made.size(); ++i)
    if (outcomes[i].ok()) prefixes_.push_back(std::move(made[i]));
  return {};
}

// The largest precompiled header whose files the first snippet of a unit all includes.
const ConftestCompiler::Prefix* ConftestCompiler::prefix_for(std::size_t first, const std::vector<SnippetShape>& shapes,
                                                             const Closures& closures) const {
  const auto closure = closures.find(first);
  if (closure == closures.end() || shapes[first].needs_own_unit) return nullptr;
  const auto found = std::find_if(prefixes_.begin(), prefixes_.end(), [&](const Prefix& prefix) {
    return std::includes(closure->second.begin(), closure->second.end(), prefix.closure.begin(), prefix.closure.end());
  });
  return found == prefixes_.end() ? nullptr : &*found;
}

Result<std::vector<std::optional<ConftestVerdict>>> ConftestCompiler::compile(
    const std::vector<ConftestSnippet>& snippets, const std::string& preamble) {
  std::vector<std::optional<ConftestVerdict>> verdicts(snippets.size());
  std::vector<SnippetShape> shapes;
  for (const auto& snippet : snippets) shapes.push_back(shape_of(snippet));
  Closures closures;
  if (snippets.size() > 2 || prefixes_made_) TRY(find_closures(snippets, shapes, preamble, closures));
  const bool warnings_are_errors = std::find(ask_.flags.begin(), ask_.flags.end(), "-Werror") != ask_.flags.end();

  if (!prefixes_made_) TRY(make_prefixes(closures, preamble));

  // Only snippets with the same precompiled header share units.
  const auto share_out = [&](const std::vector<std::size_t>& which) {
    std::map<const Prefix*, std::vector<std::size_t>> by_prefix;
    for (const std::size_t i : which) by_prefix[prefix_for(i, shapes, closures)].push_back(i);
    std::vector<ConftestUnit> units;
    for (const auto& [prefix, these] : by_prefix) {
      const auto more = plan_units(these, shapes, closures);
      units.insert(units.end(), more.begin(), more.end());
    }
    return units;
  };
  enum class Sharing {
    chain,
    same,
    none
  };  // which snippets may share a unit: those of a chain, those with the same files, none
  std::map<std::size_t, Sharing> open;
  for (std::size_t i = 0; i < snippets.size(); ++i)
    open[i] = closures.contains(i) && !shapes[i].needs_own_unit ? Sharing::chain : Sharing::none;
  std::vector<std::size_t> late;

  const auto fewer = [](Sharing sharing) { return sharing == Sharing::chain ? Sharing::same : Sharing::none; };
  while (!open.empty()) {
    std::vector<std::size_t> chained;
    std::map<std::set<int>, std::vector<std::size_t>> same;
    std::vector<ConftestUnit> own_units;
    for (const auto& [i, sharing] : open) {
      if (sharing == Sharing::chain) chained.push_back(i);
      if (sharing == Sharing::same) same[closures[i]].push_back(i);
      if (sharing == Sharing::none) own_units.push_back({i});
    }
    std::vector<ConftestUnit> units = share_out(chained);
    for (const auto& [closure, which] : same) {
      const auto more = share_out(which);
      units.insert(units.end(), more.begin(), more.end());
    }
    const std::size_t shared = units.size();
    units.insert(units.end(), own_units.begin(), own_units.end());
    std::vector<Command> commands;
    for (std::size_t u = 0; u < units.size(); ++u)
      commands.push_back(compile_command(u < shared ? Mode::parse : Mode::generate, unit_text(units[u], snippets),
                                         prefix_for(units[u].front(), shapes, closures)));
    TRY_ASSIGN(const auto outcomes, run_these(commands));

    for (std::size_t u = 0; u < units.size(); ++u) {
      const auto& unit = units[u];
      const auto& outcome = outcomes[u];
      if (unit.size() == 1 && (u >= shared || (!outcome.ok() && !killed(outcome)))) {
        if (!killed(outcome))
          verdicts[unit[0]] = ConftestVerdict{outcome.ok(), first_few(kernel::compile_errors(outcome.err))};
        open.erase(unit[0]);
        continue;
      }
      const auto reading = read_unit(unit, outcome.ok(), outcome.err);
      if (killed(outcome) || !reading.reliable) {
        for (const std::size_t i : unit) open[i] = fewer(open[i]);
        continue;
      }
      bool doubtful = false;
      for (const std::size_t i : unit) {
        if (reading.unreliable.contains(i)) {
          open[i] = Sharing::none;
          doubtful = true;
        }
        if (doubtful) continue;  // those that follow are compiled again, without the unreliable snippet
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
    // Snippets that parse and need code generation are compiled again, once, when all other results are known.
    if (!open.empty() || late.empty()) continue;
    std::vector<Command> again;
    const auto late_units = share_out(late);
    for (const auto& unit : late_units)
      again.push_back(
          compile_command(Mode::generate, unit_text(unit, snippets), prefix_for(unit.front(), shapes, closures)));
    TRY_ASSIGN(const auto generated, run_these(again));
    for (std::size_t u = 0; u < late_units.size(); ++u)
      for (const std::size_t i : late_units[u]) {
        if (generated[u].ok())
          verdicts[i] = ConftestVerdict{true, {}};
        else
          open[i] = Sharing::none;
      }
    late.clear();
  }
  return verdicts;
}

}  // namespace vgpukit::conftest
