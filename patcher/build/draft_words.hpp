// The words that all drafts share. Internal to build/.
#pragma once

#include <string>
#include <string_view>

namespace vgpukit {

// A driver has no such file: while the line stands in a draft, the draft applies to nothing.
constexpr std::string_view draft_guard = "TODO-finish-this-draft";

std::string in_yaml_quotes(std::string_view text);
// A header as a driver includes it: <linux/types.h> also where it lies in uapi/.
std::string included_header(std::string header);
// "void f(int x)" at file scope once more: an error when the kernel's prototype is another one.
std::string prototype_snippet(const std::string& declaration);
// "6.12-del-timer-sync": small letters, digits and dashes.
std::string draft_id(const std::string& version, const std::string& words);

}  // namespace vgpukit
