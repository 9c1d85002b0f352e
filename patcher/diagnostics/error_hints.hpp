#pragma once

#include <optional>
#include <string>

#include "diagnostics/diagnostics.hpp"
#include "support/result.hpp"

namespace vgpukit::diagnostics {

// What to try, as a sentence: for errors that a kernel change causes, and for faults of the machine (a full disk, too
// little memory). Empty if nothing is known about the message.
std::string hint_for(const Diagnostic& diagnostic);

// For an error that says nothing about the code: a full disk (no_space), a compiler that crashed, was killed or got no
// memory (failed). Nothing for all others.
std::optional<ErrorKind> machine_fault(const Diagnostic& diagnostic);

}  // namespace vgpukit::diagnostics
