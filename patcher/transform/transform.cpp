#include "transform/transform.hpp"

#include <algorithm>
#include <span>

#include "support/number.hpp"
#include "support/text.hpp"
#include "transform/kinds.hpp"

namespace vgpukit::transform {

std::size_t Applied::places() const {
  std::size_t sum = 0;
  for (const File& file : files) sum += file.places;
  return sum;
}

const std::vector<TransformKind>& transform_kinds() {
  static const std::vector<TransformKind> kinds = {
      rename_call_kind(),        rename_token_kind(), replace_function_body_kind(),
      remove_initializer_kind(), export_gpl_kind(),   add_include_kind(),
      kbuild_variable_kind(),    replace_kind(),      patch_kind()};
  return kinds;
}

const TransformKind* find_transform(std::string_view name) {
  for (const TransformKind& kind : transform_kinds())
    if (kind.name == name) return &kind;
  return nullptr;
}

namespace {

// The first `most` of a list, and the number of the others.
template <class Part, class Text>
std::string first_of(const std::vector<Part>& parts, std::size_t most, Text text) {
  const std::size_t shown = std::min(parts.size(), most);
  std::string list = join(std::span(parts).first(shown), ", ", text);
  if (parts.size() > shown) list += " and " + std::to_string(parts.size() - shown) + " more";
  return list;
}

}  // namespace

const std::string& text_of(const Parameters& parameters, std::string_view name) {
  return std::get<std::string>(parameters.find(name)->second);
}

std::string text_or(const Parameters& parameters, std::string_view name, std::string fallback) {
  if (parameters.contains(name)) return text_of(parameters, name);
  return fallback;
}

std::vector<std::string> list_of(const Parameters& parameters, std::string_view name) {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return {};
  if (const auto* one = std::get_if<std::string>(&found->second)) return {*one};
  return std::get<std::vector<std::string>>(found->second);
}

Result<Places> Places::parse(std::string_view text) {
  const Error bad{ErrorKind::usage, "read the number of places `" + std::string(text) + "`",
                  "expected a number (\"2\"), a range (\"1..3\", \"1..\") or \"any\"", ""};
  if (text == "any") return Places{0, std::nullopt};
  const std::size_t dots = text.find("..");
  const auto least = number_in<std::size_t>(text.substr(0, dots));
  if (!least) return bad;
  if (dots == std::string_view::npos) return *least == 0 ? Result<Places>(bad) : Places{*least, least};
  if (text.size() == dots + 2) return Places{*least, std::nullopt};
  const auto most = number_in<std::size_t>(text.substr(dots + 2));
  if (!most || *most < *least || *most == 0) return bad;
  return Places{*least, most};
}

std::string Places::text() const {
  if (!most) return least == 0 ? "any number" : "at least " + std::to_string(least);
  if (*most == least) return "exactly " + std::to_string(least);
  return std::to_string(least) + " to " + std::to_string(*most);
}

Error unexpected_places(std::string_view kind, std::string_view what, const Places& wanted,
                        const std::vector<Place>& found, const std::vector<std::string>& searched) {
  Error error{ErrorKind::failed, "apply " + std::string(kind), "", ""};
  const std::string files = searched.size() == 1
                                ? searched.front()
                                : std::to_string(searched.size()) + " files (" +
                                      first_of(searched, 4, [](const std::string& file) { return file; }) + ")";
  if (found.empty()) {
    error.why = "found no " + std::string(what) + " in " + files;
    return error;
  }
  error.why = "found " + std::to_string(found.size()) + " " + std::string(what) + ", expected " + wanted.text() + ": " +
              first_of(found, 20, [](const Place& place) { return place.file + ":" + std::to_string(place.line); });
  error.next = "check these places; if all of them are to be edited, set `places` in the recipe";
  return error;
}

}  // namespace vgpukit::transform
