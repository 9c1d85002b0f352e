#pragma once

#include <string_view>

namespace vgpukit::diagnostics {

// How similar two names are, regardless of case: from 0 (nothing in common) to 1 (equal). It compares the words between
// underscores in any order (del_timer_sync and timer_delete_sync) and the letters (strncpy and strscpy).
double nearness(std::string_view a, std::string_view b);

}  // namespace vgpukit::diagnostics
