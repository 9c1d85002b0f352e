// Files that hold one JSON object.
#pragma once

#include <nlohmann/json.hpp>

#include "support/atomic_file.hpp"

namespace vgpukit {

// Error: as read_file(), or usage when the file holds no JSON object.
inline Result<nlohmann::json> read_json(const fs::path& file) {
  TRY_ASSIGN(const auto text, read_file(file));
  auto document = nlohmann::json::parse(text, nullptr, false);
  if (!document.is_object()) return Error{ErrorKind::usage, "read " + file.string(), "it is damaged", ""};
  return document;
}

// Nothing when the file is absent or damaged.
inline std::optional<nlohmann::json> json_if_readable(const fs::path& file) {
  auto document = read_json(file);
  return document ? std::optional<nlohmann::json>(std::in_place, std::move(*document)) : std::nullopt;
}

}  // namespace vgpukit
