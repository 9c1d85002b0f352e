// Words of the kernel's command line that are added to a text with parameters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vgpukit::passthrough {

// The words that a command line lacks. If a parameter is there with another value, the new word goes after it, because
// the kernel uses the last one.
std::vector<std::string> missing_words(const std::string& line, const std::vector<std::string>& words);

// The text with `words` at the end of its first line that is not a comment.
std::string with_words_in_line(const std::string& text, const std::vector<std::string>& words);

// "the kernel's parameters: intel_iommu=on iommu=pt"
std::string reason_for(const std::vector<std::string>& words);

}  // namespace vgpukit::passthrough
