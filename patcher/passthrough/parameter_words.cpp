#include "passthrough/parameter_words.hpp"

#include <algorithm>

#include "support/text.hpp"
#include "system/kernel_parameters.hpp"

namespace vgpukit::passthrough {

std::vector<std::string> missing_words(const std::string& line, const std::vector<std::string>& words) {
  const system::KernelParameters there(line);
  std::vector<std::string> missing;
  for (const auto& word : words) {
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    const auto* found = there.with(name, word.substr(equals + 1));
    const bool several = name == "video" || name == "initcall_blacklist";  // the kernel uses every one of these
    if (found && (several || found == there.find(name))) continue;
    const auto* old = there.find(name);
    // vfio-pci keeps the devices that the old ids name.
    if (name == "vfio-pci.ids" && old && old->value)
      missing.push_back("vfio-pci.ids=" + *old->value + "," + word.substr(equals + 1));
    else
      missing.push_back(word);
  }
  return missing;
}

std::string with_words_in_line(const std::string& text, const std::vector<std::string>& words) {
  std::size_t begin = 0;
  while (begin < text.size() && (text[begin] == '#' || text[begin] == '\n' || text[begin] == '\r'))
    begin = std::min(text.find('\n', begin), text.size() - 1) + 1;
  auto end = std::min(text.find('\n', begin), text.size());
  while (end > begin && (text[end - 1] == '\r' || text[end - 1] == ' ')) --end;
  std::string result = text;
  return result.insert(end, (end > begin ? " " : "") + join(words, " "));
}

std::string reason_for(const std::vector<std::string>& words) {
  return "the kernel's parameters: " + join(words, " ");
}

}  // namespace vgpukit::passthrough
