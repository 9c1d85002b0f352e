// Which questions share a translation unit. Internal to kernel/.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/header_closures.hpp"
#include "kernel/snippets.hpp"

namespace vgpukit::kernel {

// Whether a snippet that compiles declares only its own function, vgpukit_probe, at file scope: no macro, no type, no
// other name. Other questions may then follow in the same translation unit. In doubt: no.
bool leaves_nothing_behind(std::string_view code);

// Names that may be declared after a question that had this error: a function that it called, a struct whose size it
// asked for.
std::set<std::string> names_left_declared(const Question& question, const CompileError& error);

// Whether the question uses one of these names.
bool uses_any(const Question& question, const std::set<std::string>& names);

// A unit for each set of headers with all declarations that need it, and a unit for each snippet.
std::vector<std::vector<Question>> units_by_headers(const std::vector<Question>& questions);

// As few units as is safe. A question follows one with other headers only if its own headers include all files that the
// other's include: each question sees only the files of its own headers.
std::vector<std::vector<Question>> shared_units(const std::vector<Question>& questions, const HeaderClosures& closures);

}  // namespace vgpukit::kernel
