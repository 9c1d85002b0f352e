#include "authoring/draft_text.hpp"

#include <algorithm>

#include "support/version.hpp"

namespace vgpukit::authoring {

std::string in_yaml_quotes(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n')
      result += "\\n";
    else
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

std::string step_in_yaml(const transform::RecognisedStep& step, const std::string& files) {
  std::string text = "  - " + step.kind + ": {files: " + files;
  for (const auto& [name, value] : step.parameters)
    text += ", " + name + ": " + (name == "symbols" ? "[" + value + "]" : in_yaml_quotes(value));
  return text + "}\n";
}

std::string step_in_words(const transform::RecognisedStep& step) {
  std::string text = step.kind;
  for (const auto& [name, value] : step.parameters) {
    if (name == "places") continue;
    text += (name == "to"               ? " -> "
             : name == "with"           ? " by "
             : name == "arguments"      ? " with "
             : name == "when-arguments" ? " of arguments "
                                        : " ") +
            (value.empty() ? "nothing" : value);
  }
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

std::string subject_of_mail(const std::string& mail) {
  const auto at = mail.rfind("\nSubject: ", mail.find("\n--- "));
  const auto begin = mail.starts_with("Subject: ") ? 9 : at == std::string::npos ? at : at + 10;
  if (begin == std::string::npos) return "";
  auto text = mail.substr(begin, mail.find('\n', begin) - begin);
  if (text.starts_with('[') && text.find("] ") != std::string::npos) text.erase(0, text.find("] ") + 2);
  return text;
}

std::string version_condition(const std::string& release) {
  const auto version = Version::leading(release);
  if (!version || version->parts.size() < 2) return {};
  return "    version: \">=" + std::to_string(version->parts[0]) + "." + std::to_string(version->parts[1]) + "\"\n";
}

std::string draft_id(const std::string& version, const std::string& words) {
  const auto parsed = Version::leading(version);
  std::string id = parsed && parsed->parts.size() > 1
                       ? std::to_string(parsed->parts[0]) + "." + std::to_string(parsed->parts[1])
                       : "new";
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

}  // namespace vgpukit::authoring
