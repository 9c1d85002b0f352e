#include "authoring/strategies.hpp"

#include <algorithm>
#include <iterator>

#include "support/text.hpp"
#include "transform/code_view.hpp"

namespace vgpukit::authoring {
namespace {

const diagnostics::Declaration* declared_at(diagnostics::HeaderTexts& kernel, const diagnostics::HeaderPlace& place,
                                            const std::string& name) {
  const auto* file = kernel.file(place.header);
  if (!file) return nullptr;
  for (const auto& one : kernel.declarations(*file))
    if (one.name == name && one.line == place.line) return &one;
  return nullptr;
}

void add_place(std::vector<ErrorPlace>& places, std::string file, int line) {
  if (file.empty() || file.starts_with('/') || line <= 0) return;
  const bool known = std::any_of(places.begin(), places.end(),
                                 [&](const ErrorPlace& each) { return each.file == file && each.line == line; });
  if (!known) places.push_back({std::move(file), line});
}

}  // namespace

const diagnostics::Declaration* Evidence::before() const {
  if (!api.before) return nullptr;
  for (auto& each : older)
    if (each.release() == api.before->kernel)
      if (const auto* found = declared_at(each, *api.before, api.subject.name)) return found;
  return nullptr;
}

const diagnostics::Declaration* Evidence::now() const {
  return api.now ? declared_at(kernel, *api.now, api.subject.name) : nullptr;
}

std::vector<ErrorPlace> places_of(const std::vector<diagnostics::Diagnostic>& errors) {
  std::vector<ErrorPlace> places;
  for (const auto& error : errors) {
    add_place(places, error.file, error.line);
    for (const auto& more : error.more) {
      const auto colon = more.rfind(':');
      if (colon != std::string::npos) add_place(places, more.substr(0, colon), std::atoi(more.c_str() + colon + 1));
    }
  }
  return places;
}

std::vector<std::string> files_of(const std::vector<diagnostics::Diagnostic>& errors) {
  std::vector<std::string> files;
  for (auto& place : places_of(errors))
    if (std::find(files.begin(), files.end(), place.file) == files.end()) files.push_back(std::move(place.file));
  return files;
}

std::vector<std::string> parameters_of(std::string_view declaration) {
  const transform::CodeView view(declaration);
  const auto& code = view.code();
  std::vector<std::string> all;
  for (std::size_t open = 0; open < code.size(); ++open) {
    const bool pointer = view.is(open, "(") && view.is(open + 1, "*");
    if (!view.is(open, "(") || pointer) continue;
    const auto close = view.partner(open);
    if (close == transform::CodeView::npos) return all;
    std::size_t from = open + 1;
    for (std::size_t i = open + 1; i <= close; ++i) {
      if (i < close && (view.is(i, "(") || view.is(i, "[") || view.is(i, "{"))) {
        if (view.partner(i) == transform::CodeView::npos) return all;
        i = view.partner(i);
        continue;
      }
      if (i < close && !view.is(i, ",")) continue;
      if (i > from) {
        const auto begin = code[from].offset;
        all.emplace_back(declaration.substr(begin, code[i - 1].offset + code[i - 1].text.size() - begin));
      }
      from = i + 1;
    }
    break;
  }
  if (all.size() == 1 && all[0] == "void") all.clear();
  return all;
}

std::size_t body_around(const transform::CodeView& view, int line) {
  std::size_t open = 0;
  for (std::size_t i = 0; i < view.code().size() && view.code()[i].line <= line; ++i)
    if (view.depth(i) == 0 && view.is(i, "{")) open = i;
  return open;
}

std::vector<std::string> parameter_names(const diagnostics::Declaration& function) {
  if (function.kind == diagnostics::NameKind::macro) return function.arguments;
  std::vector<std::string> names;
  for (const auto& parameter : parameters_of(function.text)) {
    std::size_t end = parameter.size();
    while (end > 0 && !is_identifier_character(parameter[end - 1])) --end;
    std::size_t begin = end;
    while (begin > 0 && is_identifier_character(parameter[begin - 1])) --begin;
    names.push_back(begin == 0 ? std::string() : parameter.substr(begin, end - begin));
  }
  return names;
}

transform::RecognisedStep step(std::string kind, std::vector<std::pair<std::string, std::string>> parameters,
                               std::vector<std::string> files) {
  return {std::move(kind), std::move(files), std::move(parameters), {}};
}

transform::RecognisedStep replace_step(const std::string& find, const std::string& with,
                                       std::vector<std::string> files) {
  return step("replace", {{"find", find}, {"with", with}, {"places", "1.."}}, std::move(files));
}

std::vector<Candidate> candidates_for(const Evidence& evidence) {
  std::vector<Candidate> all;
  for (auto* strategy : {as_callers, later_release, other_branch, rename, rebuild, quote_argument, include_header,
                         move_header, remove_argument, change_callback, use_accessor, move_field, rename_field,
                         add_argument, ignore_result, drop_value, drop_field, documented, fail_wrapper}) {
    auto found = strategy(evidence);
    std::move(found.begin(), found.end(), std::back_inserter(all));
  }
  std::stable_sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) { return a.proven > b.proven; });
  return all;
}

}  // namespace vgpukit::authoring
