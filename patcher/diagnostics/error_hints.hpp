#pragma once

#include <string>

#include "diagnostics/diagnostics.hpp"

namespace vgpukit::diagnostics {

// What to try, as a sentence: for errors that a kernel change causes, and for faults of the machine (a full disk, too
// little memory). Empty if nothing is known about the message.
std::string hint_for(const Diagnostic& diagnostic);

}  // namespace vgpukit::diagnostics
