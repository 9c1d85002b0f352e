#include "build/draft_words.hpp"

#include "support/version.hpp"

namespace vgpukit {

std::string in_yaml_quotes(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

std::string included_header(std::string header) {
  if (header.starts_with("uapi/")) header.erase(0, 5);
  return header;
}

std::string prototype_snippet(const std::string& declaration) {
  return "      compiles: |\n        " + declaration + ";\n";
}

std::string draft_id(const std::string& version, const std::string& words) {
  const auto parsed = Version::leading(version);
  std::string id =
      parsed && parsed->parts.size() > 1 ? std::to_string(parsed->parts[0]) + "." + std::to_string(parsed->parts[1]) : "new";
  id += '-';
  for (const char c : words) {
    const char low = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool fine = (low >= 'a' && low <= 'z') || (low >= '0' && low <= '9');
    if (fine)
      id += low;
    else if (id.back() != '-')
      id += '-';
  }
  while (id.back() == '-') id.pop_back();
  return id;
}

}  // namespace vgpukit
