// The strategy from a later point release of the driver: names that it has in the same function, and that this kernel
// declares. Nothing else of its text is used.
#include <algorithm>
#include <optional>

#include "authoring/strategies.hpp"
#include "support/text.hpp"
#include "transform/call_sites.hpp"
#include "transform/code_view.hpp"

namespace vgpukit::authoring {
namespace {

using diagnostics::NameKind;
using transform::CodeView;
using transform::Token;
using Words = std::set<std::string, std::less<>>;

// The name of the function around a line; empty if there is none.
std::string function_around(const CodeView& view, int line) {
  const auto open = body_around(view, line);
  if (open < 2 || !view.is(open - 1, ")")) return {};
  const auto list = view.partner(open - 1);
  return list == CodeView::npos || list == 0 ? std::string() : std::string(view.code()[list - 1].text);
}

// The text of the definitions of a function, with those in other branches of an #if.
std::string text_of_function(const CodeView& view, const std::string& name) {
  std::string text;
  for (const auto& one : view.functions(name)) {
    const auto begin = view.code()[one.first].offset;
    text += std::string(view.source().substr(begin, view.code()[one.close].offset + 1 - begin)) + "\n";
  }
  return text;
}

Words words_of(std::string_view text) {
  Words words;
  const CodeView view(text);
  for (const auto& token : view.code())
    if (token.kind == Token::Kind::identifier) words.emplace(token.text);
  return words;
}

// A place of an error: the function in this driver and in the later one.
struct Place {
  std::string file, mine, later;
};

std::optional<std::vector<Place>> places_with_errors(const Evidence& evidence, const LaterRelease& release) {
  std::vector<Place> places;
  for (const auto& [file, line] : places_of(evidence.errors)) {
    const auto mine = evidence.driver.read(file);
    const auto later = release.sources.read(file);
    if (!mine || !later) return std::nullopt;
    const CodeView view(*mine);
    const auto name = function_around(view, line);
    Place place{file, text_of_function(view, name), text_of_function(CodeView(*later), name)};
    if (place.mine.empty() || place.later.empty()) return std::nullopt;
    if (std::none_of(places.begin(), places.end(),
                     [&](const Place& each) { return each.file == place.file && each.mine == place.mine; }))
      places.push_back(std::move(place));
  }
  return places.empty() ? std::nullopt : std::optional(places);
}

// Names that only the later one has, in every place; and the names of conftest among them.
Words new_names(const std::vector<Place>& places, Words& tests) {
  Words common;
  for (const auto& place : places) {
    const auto mine = words_of(place.mine);
    Words fresh;
    for (const auto& word : words_of(place.later))
      if (!mine.contains(word)) fresh.insert(word);
    for_each_word(place.later, [&](std::string_view word, std::size_t) {
      if (word.starts_with("NV_") && find_word(place.mine, word) == std::string::npos) tests.emplace(word);
    });
    if (&place == &places.front()) {
      common = std::move(fresh);
      continue;
    }
    std::erase_if(common, [&](const std::string& word) { return !fresh.contains(word); });
  }
  return common;
}

std::vector<std::string> argument_texts(const std::string& text, const transform::CallSite& call) {
  std::vector<std::string> all;
  for (const auto& span : call.arguments) all.push_back(text.substr(span.begin, span.end - span.begin));
  return all;
}

// How the arguments of `now` in the later release come from those of `old` in this driver: "$1, NULL, $2". Nothing if
// one is neither an argument of the old call nor a name, or if two places differ.
std::optional<std::pair<std::size_t, std::string>> arguments_of(const std::vector<Place>& places,
                                                                const std::string& old, const std::string& now) {
  std::optional<std::pair<std::size_t, std::string>> result;
  for (const auto& place : places) {
    const CodeView mine(place.mine);
    const CodeView later(place.later);
    const auto before = transform::find_calls(mine, old);
    const auto after = transform::find_calls(later, now);
    if (before.empty() || !before.front().complete) return std::nullopt;
    const auto given = argument_texts(place.mine, before.front());
    std::optional<std::string> here;
    for (const auto& call : after) {
      if (!call.complete || (old == now && call.arguments.size() == given.size())) continue;
      std::string list;
      bool known = true;
      for (const auto& argument : argument_texts(place.later, call)) {
        const auto at = std::find(given.begin(), given.end(), argument);
        const bool number = !argument.empty() && argument.find_first_not_of("0123456789") == std::string::npos;
        known = known && (at != given.end() || number || is_identifier(argument));
        append(list, at != given.end() ? "$" + std::to_string(at - given.begin() + 1) : argument);
      }
      known = known && (given.empty() || contains(list, "$"));  // otherwise it may replace another call
      if (!known || (here && *here != list)) return std::nullopt;
      here = list;
    }
    if (!here || (result && *result != std::pair(given.size(), *here))) return std::nullopt;
    result = {given.size(), *here};
  }
  return result;
}

std::vector<std::string> files_in(const std::vector<Place>& places) {
  std::vector<std::string> files;
  for (const auto& place : places)
    if (std::find(files.begin(), files.end(), place.file) == files.end()) files.push_back(place.file);
  return files;
}

std::vector<Candidate> from_release(const Evidence& evidence, const LaterRelease& release) {
  const auto& subject = evidence.api.subject;
  const auto places = places_with_errors(evidence, release);
  if (!places) return {};
  Words tests;
  auto names = new_names(*places, tests);
  const auto why = release.version + " has that name there" + (tests.empty() ? "" : ", with " + join(tests, ", "));
  std::vector<Candidate> all;
  if (subject.kind == NameKind::field) {
    if (!subject.gone || subject.of.empty()) return {};
    Words seen;
    for (const auto* field : fields_of(evidence.kernel, subject.of))
      if (names.contains(field->name) && seen.insert(field->name).second)
        for (auto& candidate : rename_field_to(evidence, "later-release", field->name, why))
          all.push_back(std::move(candidate));
    return all;
  }
  if (subject.kind == NameKind::header || subject.kind == NameKind::symbol) return {};
  // A function that is still there has other arguments now; another name would be for something else.
  if (!subject.gone) names = {subject.name};
  for (const auto& [name, found] : evidence.kernel.find(names, {})) {
    const auto& one = *found.front().declaration;
    const bool callable = one.callable && (one.kind == NameKind::function || one.kind == NameKind::macro);
    Candidate candidate{"later-release", name + ": " + why, false, {}};
    if (callable) {
      const auto arguments = arguments_of(*places, subject.name, name);
      if (!arguments) continue;
      candidate.change.steps.push_back(step("rename-call",
                                            {{"from", subject.name},
                                             {"to", name},
                                             {"when-arguments", std::to_string(arguments->first)},
                                             {"arguments", arguments->second}},
                                            files_in(*places)));
    } else if (subject.gone && one.kind == subject.kind) {
      candidate.change.steps.push_back(step("rename-token", {{"from", subject.name}, {"to", name}}, files_in(*places)));
    } else {
      continue;
    }
    all.push_back(std::move(candidate));
  }
  return all;
}

}  // namespace

std::vector<Candidate> later_release(const Evidence& evidence) {
  if (!evidence.later) return {};
  for (const auto& release : *evidence.later)
    if (auto found = from_release(evidence, release); found.size() == 1) return found;  // of more, which one is unknown
  return {};
}

}  // namespace vgpukit::authoring
