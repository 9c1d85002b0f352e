// Text that all drafts use.
#pragma once

#include <string>
#include <string_view>

#include "transform/recognise.hpp"

namespace vgpukit::authoring {

// No driver has this file, so that a draft with this condition applies to nothing.
constexpr std::string_view draft_guard = "TODO-finish-this-draft";

// The first lines of a recipe that `vgpukit adapt` proposes, and the line for the kernel's commit if it is not known.
inline constexpr std::string_view proposal_preamble =
    "# Proposed by `vgpukit adapt`. Read it; if its change is right, say in `summary` what it costs the user and\n"
    "# remove the line `adapted`.\n";
inline constexpr std::string_view unknown_upstream =
    "# upstream: [{release: \"TODO\", subject: \"TODO the kernel's commit\"}]";

std::string in_yaml_quotes(std::string_view text);
// A header as a driver includes it: without "uapi/".
std::string included_header(std::string header);
// A snippet with the declaration: it compiles only if the kernel declares the same prototype.
std::string prototype_snippet(const std::string& declaration);
// A step of a recipe as a YAML line, indented by two; and in words: "rename-call del_timer_sync -> timer_delete_sync".
std::string step_in_yaml(const transform::RecognisedStep& step, const std::string& files);
std::string step_in_words(const transform::RecognisedStep& step);
// The subject of a mail without git's "[PATCH]"; empty if there is none.
std::string subject_of_mail(const std::string& mail);
// `when.kernel` for this release and newer ones, as YAML indented by four: "    version: \">=6.12\"\n".
std::string version_condition(const std::string& release);
// "6.12-del-timer-sync": lower-case letters, digits and dashes.
std::string draft_id(const std::string& version, const std::string& words);

}  // namespace vgpukit::authoring
