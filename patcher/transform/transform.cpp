#include "transform/transform.hpp"

#include <algorithm>
#include <charconv>

#include "transform/kinds.hpp"
#include "transform/source_text.hpp"

namespace vgpukit::transform {

std::size_t Applied::places() const {
  std::size_t sum = 0;
  for (const File& file : files) sum += file.places;
  return sum;
}

const std::vector<TransformKind>& transform_kinds() {
  static const std::vector<TransformKind> kinds = {
      rename_call_kind(), rename_token_kind(), replace_function_body_kind(), remove_initializer_kind(),
      export_gpl_kind(),  add_include_kind(),  conftest_test_kind(),         kbuild_variable_kind(),
      replace_kind(),     patch_kind()};
  return kinds;
}

const TransformKind* find_transform(std::string_view name) {
  for (const TransformKind& kind : transform_kinds())
    if (kind.name == name) return &kind;
  return nullptr;
}

namespace {

constexpr std::size_t most_named_files = 4;
constexpr std::size_t most_named_places = 20;

std::string some_of(const std::vector<std::string>& files) {
  const std::size_t shown = std::min(files.size(), most_named_files);
  const std::vector<std::string> first(files.begin(), files.begin() + static_cast<std::ptrdiff_t>(shown));
  std::string text = join(first, ", ");
  if (files.size() > shown) text += " and " + std::to_string(files.size() - shown) + " more";
  return text;
}

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

bool has(const Parameters& parameters, std::string_view name) {
  return parameters.contains(name);
}

const std::string& text_of(const Parameters& parameters, std::string_view name) {
  return std::get<std::string>(parameters.find(name)->second);
}

std::string text_or(const Parameters& parameters, std::string_view name, std::string fallback) {
  return has(parameters, name) ? text_of(parameters, name) : std::move(fallback);
}

bool flag_or(const Parameters& parameters, std::string_view name, bool fallback) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? fallback : std::get<bool>(found->second);
}

std::vector<std::string> list_of(const Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return {};
  if (const auto* one = std::get_if<std::string>(&found->second)) return {*one};
  return std::get<std::vector<std::string>>(found->second);
}

Result<Places> Places::parse(std::string_view text) {
  const Error bad{ErrorKind::usage, "read the number of places `" + std::string(text) + "`",
                  "expected a number from 1 on (\"2\"), a range (\"1..3\", \"1..\") or \"any\"", ""};
  if (text == "any") return Places{0, std::nullopt};
  const std::size_t dots = text.find("..");
  const auto least = number(text.substr(0, dots));
  if (!least) return bad;
  if (dots == std::string_view::npos) return *least == 0 ? Result<Places>(bad) : Places{*least, least};
  if (text.size() == dots + 2) return Places{*least, std::nullopt};
  const auto most = number(text.substr(dots + 2));
  if (!most || *most < *least || *most == 0) return bad;
  return Places{*least, most};
}

std::string Places::text() const {
  if (!most) return least == 0 ? "any number" : "at least " + std::to_string(least);
  if (*most == least) return "exactly " + std::to_string(least);
  return std::to_string(least) + " to " + std::to_string(*most);
}

Result<Places> places_of(const Parameters& parameters, std::string_view fallback) {
  return Places::parse(text_or(parameters, "places", std::string(fallback)));
}

Error unexpected_places(std::string_view kind, std::string_view what, const Places& wanted,
                        const std::vector<Place>& found, const std::vector<std::string>& searched) {
  Error error{ErrorKind::failed, "apply " + std::string(kind), "", ""};
  const std::string files =
      searched.size() == 1 ? searched.front() : std::to_string(searched.size()) + " files (" + some_of(searched) + ")";
  if (found.empty()) {
    error.why = "found no " + std::string(what) + " in " + files;
    return error;
  }
  std::string list;
  for (std::size_t i = 0; i < found.size() && i < most_named_places; ++i)
    list += (i == 0 ? "" : ", ") + found[i].file + ":" + std::to_string(found[i].line);
  if (found.size() > most_named_places) list += " and " + std::to_string(found.size() - most_named_places) + " more";
  error.why = "found " + std::to_string(found.size()) + " " + std::string(what) + " where " + wanted.text() +
              (wanted.least == 1 && (!wanted.most || *wanted.most == 1) ? " was" : " were") + " expected: " + list;
  error.next = "look at these places; when all of them are meant, the recipe's `places` has to say so";
  return error;
}

Result<std::vector<std::string>> select_files(std::string_view kind, const SourceTree& tree,
                                              const std::vector<std::string>& globs) {
  std::vector<std::string> selected = tree.files();
  std::erase_if(selected, [&](const std::string& path) {
    return std::none_of(globs.begin(), globs.end(), [&](const std::string& glob) { return glob_matches(glob, path); });
  });
  if (!selected.empty()) return selected;
  return Error{ErrorKind::failed, "apply " + std::string(kind), "no file of the driver matches " + join(globs, ", "),
               ""};
}

Result<Applied> conclude(std::string_view kind, const Places& wanted, SearchResult findings, SourceTree& tree) {
  Applied applied;
  if (findings.places.empty()) {
    applied.already = findings.already;
    if (applied.already || wanted.least == 0) return applied;
    Error error = unexpected_places(kind, findings.what, wanted, {}, findings.searched);
    error.next = std::move(findings.hint);
    return error;
  }
  const std::size_t count = findings.places.size();
  if (count < wanted.least || (wanted.most && count > *wanted.most))
    return unexpected_places(kind, findings.what, wanted, findings.places, findings.searched);
  for (SearchResult::Change& change : findings.changes) {
    tree.write(change.path, std::move(change.text));
    applied.files.push_back({change.path, change.places});
  }
  return applied;
}

Error other_shape(std::string_view kind, const Place& place, std::string why, std::string next) {
  return {ErrorKind::failed, "apply " + std::string(kind),
          place.file + ":" + std::to_string(place.line) + ": " + std::move(why), std::move(next)};
}

Error usage_error(std::string_view kind, std::string why, std::string next) {
  return {ErrorKind::usage, "use " + std::string(kind), std::move(why), std::move(next)};
}

}  // namespace vgpukit::transform
