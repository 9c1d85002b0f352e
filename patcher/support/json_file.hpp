// JSON from files, programs and earlier versions of vgpukit. None of it need have the form that is expected.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "support/atomic_file.hpp"

namespace vgpukit {

// The document, or a discarded one (is_discarded()) when the text is not JSON, or is nested deeper than
// limits::nesting: what reads, copies or prints a document takes some of the stack for each level.
inline nlohmann::json parse_json(std::string_view text) {
  bool deep = false;
  auto document = nlohmann::json::parse(
      text,
      [&](int depth, nlohmann::json::parse_event_t /*event*/, nlohmann::json& /*value*/) {
        deep = deep || depth > static_cast<int>(limits::nesting);
        return !deep;
      },
      false);
  return deep ? nlohmann::json(nlohmann::json::value_t::discarded) : document;
}

// A document as text. A text that is not UTF-8 (a file's name, a compiler's output) gets U+FFFD for what is wrong in
// it.
inline std::string json_text(const nlohmann::json& document, int indent = -1) {
  return document.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

// The text of a key; `otherwise` when there is none, or it is not a text.
inline std::string text_in(const nlohmann::json& object, const char* key, const std::string& otherwise = "") {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

// Whether each of the keys is absent or a text.
inline bool has_texts(const nlohmann::json& object, std::initializer_list<const char*> keys) {
  return object.is_object() && std::all_of(keys.begin(), keys.end(), [&](const char* key) {
           const auto found = object.find(key);
           return found == object.end() || found->is_string();
         });
}

// Whether the key is absent or a list whose entries `fits` accepts.
template <class Fits>
bool has_list(const nlohmann::json& object, const char* key, Fits fits) {
  const auto found = object.find(key);
  return found == object.end() || (found->is_array() && std::all_of(found->begin(), found->end(), fits));
}

// Whether the key is absent or an object whose values `fits` accepts.
template <class Fits>
bool has_map(const nlohmann::json& object, const char* key, Fits fits) {
  const auto found = object.find(key);
  return found == object.end() || (found->is_object() && std::all_of(found->begin(), found->end(), fits));
}

// Error: as read_file(), or usage when the file holds no JSON object.
inline Result<nlohmann::json> read_json(const fs::path& file) {
  TRY_ASSIGN(const auto text, read_file(file));
  auto document = parse_json(text);
  if (!document.is_object()) return Error{ErrorKind::usage, "read " + file.string(), "it is damaged", ""};
  return document;
}

// Nothing when the file is absent or damaged.
inline std::optional<nlohmann::json> json_if_readable(const fs::path& file) {
  auto document = read_json(file);
  return document ? std::optional<nlohmann::json>(std::in_place, std::move(*document)) : std::nullopt;
}

}  // namespace vgpukit
