// Which questions go to the compiler together. Internal to kernel/.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/header_closures.hpp"
#include "kernel/snippets.hpp"

namespace vgpukit::kernel {

// Whether nothing stays at file scope of a snippet that compiles but its own function, vgpukit_probe: no macro, no
// type, no other name. Then others may follow in the same translation unit. In doubt: no.
bool leaves_nothing_behind(std::string_view code);

// Names that a question may leave declared when it ends in this error: a function that was declared by being called, a
// struct by being asked for its size.
std::set<std::string> names_left_declared(const Question& question, const CompileError& error);

// Whether the question uses one of these names.
bool uses_any(const Question& question, const std::set<std::string>& names);

// Declarations with the same headers together, snippets alone.
std::vector<std::vector<Question>> units_by_headers(const std::vector<Question>& questions);

// As few units as is safe. A question comes after one with other headers only if its own headers bring all that the
// other's bring: so each sees the files that it asks for, no more.
std::vector<std::vector<Question>> shared_units(const std::vector<Question>& questions, const HeaderClosures& closures);

}  // namespace vgpukit::kernel
