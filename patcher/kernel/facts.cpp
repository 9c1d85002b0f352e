#include "kernel/facts.hpp"

#include <algorithm>

#include "kernel/behaviour.hpp"
#include "kernel/fact_cache.hpp"
#include "kernel/fingerprint.hpp"
#include "kernel/kernel_headers.hpp"
#include "kernel/probe.hpp"
#include "kernel/snippets.hpp"
#include "support/atomic_file.hpp"
#include "support/text.hpp"

namespace vgpukit::kernel {

using Kind = Question::Kind;

struct Facts::State {
  Kernel kernel;
  std::map<std::string, bool> assumptions;
  std::map<std::string, std::pair<Question, Answer>> asked;
  std::map<std::string, Error> failures;  // of questions that the compiler could not answer
  std::optional<Symvers> symvers;
  std::optional<ProbeBuild> probe;
  std::optional<std::string> fingerprint;
  std::optional<FactCache> cache;  // loaded with the first question that costs a compiler run

  FactCache& disk();
  Answer config(const Question& question) const;
  Answer compiler(const Question& question) const;
  Answer header(const Question& question) const;
  Answer kbuild(const Question& question) const;
  Answer behaviour();
  static Answer symbol(const Question& question, const Symvers& symvers, const fs::path& file);
  const Answer* remembered(const Question& question);
};

namespace {

bool needs_compiler(const Question& question) {
  return question.kind == Kind::declaration || question.kind == Kind::compiles;
}

// Whether the thing exists whose form the question asks for.
Question declaration_of(const Question& question) {
  return {Kind::declaration, question.of, "", question.headers, ""};
}

}  // namespace

Facts::Facts(Kernel kernel, std::map<std::string, bool> assumptions) : state_(std::make_unique<State>()) {
  state_->kernel = std::move(kernel);
  state_->assumptions = std::move(assumptions);
}
Facts::~Facts() = default;
Facts::Facts(Facts&&) noexcept = default;

const Kernel& Facts::kernel() const {
  return state_->kernel;
}

const std::map<std::string, bool>& Facts::assumptions() const {
  return state_->assumptions;
}

FactCache& Facts::State::disk() {
  if (!cache) {
    if (!fingerprint) {
      if (auto computed = fingerprint_of(kernel)) fingerprint = std::move(*computed);
    }
    // Without a fingerprint there is no cache.
    cache = fingerprint ? FactCache::load(kernel.host, *fingerprint) : FactCache();
  }
  return *cache;
}

Answer Facts::State::config(const Question& question) const {
  const std::string file = "include/config/auto.conf: ";
  const auto found = kernel.config.find(question.name);
  const std::string value = found == kernel.config.end() ? "n" : found->second;
  const bool yes = question.value.empty() ? value == "y" || value == "m" : value == question.value;
  return {yes, file + question.name + (found == kernel.config.end() ? " is not set" : "=" + value)};
}

Answer Facts::State::compiler(const Question& question) const {
  const auto operators = question.name.find_first_of("<>=");
  const auto family = std::string_view(question.name).substr(0, operators);
  const bool is_clang = kernel.compiler.kind == Compiler::Kind::clang;
  const std::string evidence = kernel.compiler.identity.empty() ? kernel.compiler.text : kernel.compiler.identity;
  if (family != (is_clang ? "clang" : "gcc")) return {false, evidence};
  if (operators == std::string::npos) return {true, evidence};
  const auto range = VersionRange::parse(std::string_view(question.name).substr(operators));
  return {range && range->contains(kernel.compiler.found), evidence};
}

Answer Facts::State::header(const Question& question) const {
  if (const auto path = find_header(kernel, question.name)) return {true, path->string()};
  return {false, "there is no " + question.name + " in the include paths of " + kernel.build.string()};
}

Answer Facts::State::kbuild(const Question& question) const {
  std::string places;
  for (const char* name : kbuild_makefiles) {
    const auto inside = kernel.source / name;
    const auto path = kernel.host.resolve(inside);
    const auto text = path ? read_file(*path) : Result<std::string>(std::string());
    if (!text) continue;
    if (const auto at = find_word(*text, question.name); at != std::string::npos) {
      const auto line = 1 + std::count(text->begin(), text->begin() + static_cast<std::ptrdiff_t>(at), '\n');
      return {true, inside.string() + ":" + std::to_string(line)};
    }
    append(places, name);
  }
  return {false, "no " + question.name + " in " + places + " of " + kernel.source.string()};
}

Answer Facts::State::symbol(const Question& question, const Symvers& symvers, const fs::path& file) {
  const auto* found = symvers.find(question.name);
  if (!found) return {false, file.string() + " has no " + question.name};
  std::string evidence = file.string() + ":" + std::to_string(found->line) + ": " +
                         (found->gpl_only ? "EXPORT_SYMBOL_GPL" : "EXPORT_SYMBOL") + ", " + std::string(found->module);
  if (!found->name_space.empty()) evidence += ", namespace " + std::string(found->name_space);
  return {question.kind == Kind::symbol || found->gpl_only, std::move(evidence)};
}

Answer Facts::State::behaviour() {
  // The image is not part of the headers' fingerprint, so its identity is part of the key.
  const std::string image = image_identity(kernel);
  if (image.empty()) return symbol_get_is_gpl_only(kernel);
  const std::string key = "behaviour symbol-get-gpl-only " + image;
  if (const auto found = disk().answers.find(key); found != disk().answers.end()) return found->second;
  Answer answer = symbol_get_is_gpl_only(kernel);
  disk().answers[key] = answer;
  disk().save();
  return answer;
}

// The answer from an assumption, from this run, or from the disk.
const Answer* Facts::State::remembered(const Question& question) {
  const std::string key = question.key();
  if (const auto found = asked.find(key); found != asked.end()) return &found->second.second;
  if (const auto assumed = assumptions.find(key); assumed != assumptions.end()) {
    const Answer answer{assumed->second, "assumed (--assume)", false, true};
    return &asked.emplace(key, std::pair(question, answer)).first->second.second;
  }
  if (!needs_compiler(question)) return nullptr;
  const auto cached = disk().answers.find(key);
  if (cached == disk().answers.end()) return nullptr;
  return &asked.emplace(key, std::pair(question, cached->second)).first->second.second;
}

Result<Answer> Facts::ask(const Question& question) {
  TRY_ASSIGN(auto answer, ask_form(question));
  if (question.of.empty() || answer.absent) return answer;
  const auto assumed = state_->assumptions.find("absent " + question.key());
  if (assumed != state_->assumptions.end()) {
    answer.absent = assumed->second;
  } else if (!answer.assumed) {
    // A header that does not compile on its own says nothing about the thing.
    const auto there = ask_form(declaration_of(question));
    answer.absent = there && !there->yes;
  }
  if (!answer.absent) return answer;
  answer.yes = false;  // without prototypes a call of what does not exist may compile
  answer.evidence =
      answer.assumed ? "assumed (--assume)" : join(question.headers, ", ") + " declares no " + question.of;
  answer.doubt.clear();
  state_->asked.insert_or_assign(question.key(), std::pair(question, answer));
  return answer;
}

Result<Answer> Facts::ask_form(const Question& question) {
  TRY(Question::check(question));
  if (const auto* answer = state_->remembered(question)) return *answer;
  const std::string key = question.key();
  Answer answer;
  switch (question.kind) {
    case Kind::symbol:
    case Kind::symbol_is_gpl: {
      TRY_ASSIGN(const auto* loaded, symvers());
      answer = State::symbol(question, *loaded, state_->kernel.build / "Module.symvers");
      break;
    }
    case Kind::config:
      answer = state_->config(question);
      break;
    case Kind::header:
      answer = state_->header(question);
      break;
    case Kind::compiler:
      answer = state_->compiler(question);
      break;
    case Kind::kbuild:
      answer = state_->kbuild(question);
      break;
    case Kind::behaviour:
      answer = state_->behaviour();
      break;
    case Kind::declaration:
    case Kind::compiles: {
      if (!state_->failures.contains(key)) TRY(prefetch({question}));
      if (const auto failed = state_->failures.find(key); failed != state_->failures.end()) return failed->second;
      return state_->asked.at(key).second;
    }
  }
  state_->asked.emplace(key, std::pair(question, answer));
  return answer;
}

Status Facts::prefetch(const std::vector<Question>& questions) {
  std::vector<Question> open;
  const auto add = [&](const Question& question) -> Status {
    TRY(Question::check(question));
    if (!needs_compiler(question) || state_->failures.contains(question.key()) || state_->remembered(question))
      return {};
    const bool twice =
        std::any_of(open.begin(), open.end(), [&](const Question& other) { return other.key() == question.key(); });
    if (!twice) open.push_back(question);
    return {};
  };
  for (const auto& question : questions) {
    TRY(add(question));
    if (!question.of.empty() && !state_->assumptions.contains(question.key())) TRY(add(declaration_of(question)));
  }
  if (open.empty()) return {};
  TRY_ASSIGN(const auto* built, probe());
  TRY_ASSIGN(auto answers, ask_compiler(state_->kernel, *built, open));
  for (auto& [question, answer] : answers) {
    const std::string key = question.key();
    if (!answer) {
      // Not cached on disk: a broken header will be installed again.
      state_->failures.emplace(key, answer.error());
      continue;
    }
    state_->disk().answers[key] = *answer;
    state_->asked.emplace(key, std::pair(question, std::move(*answer)));
  }
  state_->disk().save();
  return {};
}

Result<const Symvers*> Facts::symvers() {
  if (!state_->symvers) {
    const fs::path inside = state_->kernel.build / "Module.symvers";
    TRY_ASSIGN(state_->symvers,
               Symvers::load(state_->kernel.host.resolve(inside).value_or(state_->kernel.symvers_here())));
  }
  return &*state_->symvers;
}

Result<const ProbeBuild*> Facts::probe() {
  if (!state_->probe) {
    auto& disk = state_->disk();
    if (!disk.probe) {
      TRY_ASSIGN(disk.probe, build_probe(state_->kernel, state_->fingerprint.value_or("")));
      disk.save();
    }
    state_->probe = disk.probe;
  }
  return &*state_->probe;
}

Result<std::string> Facts::fingerprint() {
  if (!state_->fingerprint) {
    TRY_ASSIGN(state_->fingerprint, fingerprint_of(state_->kernel));
  }
  return *state_->fingerprint;
}

void Facts::read_ahead() {
  state_->disk();
  static_cast<void>(static_cast<bool>(symvers()));
}

std::vector<std::pair<Question, Answer>> Facts::report() const {
  std::vector<std::pair<Question, Answer>> lines;
  for (const auto& [key, line] : state_->asked) lines.push_back(line);
  return lines;
}

}  // namespace vgpukit::kernel
