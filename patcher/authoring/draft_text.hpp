// The words that all drafts share. Internal to build/.
#pragma once

#include <string>
#include <string_view>

#include "transform/recognise.hpp"

namespace vgpukit::authoring {

// A driver has no such file: while the line stands in a draft, the draft applies to nothing.
constexpr std::string_view draft_guard = "TODO-finish-this-draft";

std::string in_yaml_quotes(std::string_view text);
// A header as a driver includes it: <linux/types.h> also where it lies in uapi/.
std::string included_header(std::string header);
// "void f(int x)" at file scope once more: an error when the kernel's prototype is another one.
std::string prototype_snippet(const std::string& declaration);
// A step as a recipe has it, indented by two, with its newline; and in words: "rename-call del_timer_sync ->
// timer_delete_sync".
std::string step_in_yaml(const transform::RecognisedStep& step, const std::string& files);
std::string step_in_words(const transform::RecognisedStep& step);
// The subject of a mail, without what git adds to it; empty where there is none.
std::string subject_of_mail(const std::string& mail);
// "6.12-del-timer-sync": small letters, digits and dashes.
std::string draft_id(const std::string& version, const std::string& words);

}  // namespace vgpukit::authoring
