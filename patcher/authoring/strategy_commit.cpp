// Strategies from what the kernel's developers wrote: the commit's changes in the kernel's own callers, its message,
// and comments in headers.
#include <algorithm>

#include "authoring/commit_draft.hpp"
#include "authoring/draft_text.hpp"
#include "authoring/strategies.hpp"
#include "support/text.hpp"
#include "transform/lexer.hpp"

namespace vgpukit::authoring {
namespace {

using diagnostics::NameKind;

constexpr std::size_t most_forms = 3;

std::string files_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " file" : " files");
}

bool is_callable(const diagnostics::Declaration& one) {
  return one.callable && (one.kind == NameKind::function || one.kind == NameKind::macro);
}

// The commit's message, and the comments of the older kernel's headers that name the function and its replacement,
// each with what it is.
std::vector<std::pair<std::string, std::string>> texts_about(const Evidence& evidence) {
  std::vector<std::pair<std::string, std::string>> all;
  if (evidence.commit) all.emplace_back("commit " + commit_text(*evidence.commit), evidence.commit->message);
  for (auto& each : evidence.older) {
    if (each.release() != evidence.api.before->kernel) continue;
    for (const auto& file : each.files()) {
      if (find_word(file.text, evidence.api.subject.name) == std::string::npos) continue;
      for (const auto& token : transform::lex(file.text)) {
        if (token.kind != transform::Token::Kind::comment) continue;
        const std::string comment(token.text);
        if (find_word(comment, evidence.api.subject.name) == std::string::npos) continue;
        if (contains(comment, "instead") || contains(comment, "Instead") || contains(comment, "eprecated"))
          all.emplace_back("a comment in " + each.release() + "'s <" + included_header(file.name) + ">", comment);
      }
    }
  }
  return all;
}

}  // namespace

std::string commit_text(const KernelCommit& commit) {
  std::string text = commit.release;
  append(text, commit.id.substr(0, 12));
  return text + " (" + printable(commit.subject) + ")";
}

std::vector<Candidate> as_callers(const Evidence& evidence) {
  if (!evidence.commit) return {};
  const auto& subject = evidence.api.subject;
  const auto by = "commit " + commit_text(*evidence.commit) + " changes ";
  std::vector<Candidate> all;
  if (subject.kind == NameKind::header) {
    for (const auto& [header, files] : includes_instead_of(*evidence.commit, subject.name)) {
      if (all.size() == most_forms) break;
      Candidate candidate{"as-callers", by + files_text(files) + " so", false, {}};
      candidate.change.steps.push_back(
          replace_step("#include <" + subject.name + ">", "#include <" + included_header(header) + ">"));
      all.push_back(std::move(candidate));
    }
    return all;
  }
  for (auto& [made, includes] : changes_of_callers(*evidence.commit, subject.name)) {
    if (all.size() == most_forms) break;
    const auto why = by + files_text(made.files.size()) + " so";
    if (subject.kind == NameKind::field) {
      for (const auto& [key, value] : made.parameters)
        if (key == "to" && subject.gone)
          for (auto& candidate : rename_field_to(evidence, "as-callers", value, why)) all.push_back(candidate);
      continue;
    }
    Candidate candidate{"as-callers", why, false, {}};
    candidate.change.steps.push_back(step(made.kind, made.parameters));
    if (const auto files = files_of(evidence.errors); !files.empty())
      for (const auto& header : includes)
        candidate.change.steps.push_back(step("add-include", {{"header", header}}, files));
    all.push_back(std::move(candidate));
  }
  return all;
}

std::vector<Candidate> documented(const Evidence& evidence) {
  const auto* old = evidence.before();
  if (!old || !evidence.api.subject.gone || evidence.api.now || !is_callable(*old)) return {};
  const auto& name = evidence.api.subject.name;
  for (const auto& each : texts_about(evidence)) {
    const std::string& text = each.second;
    std::set<std::string, std::less<>> names;
    for_each_word(text, [&](std::string_view word, std::size_t at) {
      const auto after = at + word.size();
      if (after < text.size() && text[after] == '(' && word != name) names.emplace(word);
    });
    // More than one: which of them is right depends on the call.
    std::vector<diagnostics::HeaderTexts::Found> fitting;
    for (const auto& [word, all] : evidence.kernel.find(names, {})) {
      const auto fits = std::find_if(all.begin(), all.end(), [&](const auto& declared) {
        const auto& one = *declared.declaration;
        const bool macro = one.kind == NameKind::macro || old->kind == NameKind::macro;
        return is_callable(one) &&
               (macro ? one.arguments.size() == old->arguments.size() : one.arguments == old->arguments);
      });
      if (fits != all.end()) fitting.push_back(*fits);
    }
    if (fitting.size() != 1) continue;
    const auto& found = fitting.front();
    Candidate candidate{"documented",
                        each.first + " names it, and <" + included_header(found.file->name) + "> has " +
                            printable(found.declaration->text),
                        false,
                        {}};
    candidate.change.steps.push_back(step("rename-call", {{"from", name}, {"to", found.declaration->name}}));
    return {candidate};
  }
  return {};
}

}  // namespace vgpukit::authoring
