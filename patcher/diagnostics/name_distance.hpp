// How near two names of the kernel are. Internal to build/.
#pragma once

#include <string_view>

namespace vgpukit::diagnostics {

// 0: nothing in common; 1: the same but for upper and lower case. The words between underscores count, in any order, so
// that del_timer_sync and timer_delete_sync are near; so do the letters, so that strncpy and strscpy are.
double nearness(std::string_view a, std::string_view b);

}  // namespace vgpukit::diagnostics
