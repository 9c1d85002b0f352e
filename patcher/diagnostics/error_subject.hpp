// What an error is about: the function, field, type, macro, header or symbol of the kernel that the driver uses and
// that is gone or has changed. Read from the messages of gcc 10 to 16, clang, modpost and our own verification.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "diagnostics/declarations.hpp"
#include "diagnostics/diagnostics.hpp"

namespace vgpukit::diagnostics {

struct Subject {
  NameKind kind = NameKind::name;
  std::string name;  // "follow_pfn", "vm_flags", "linux/mdev.h"; a type without its "struct "
  std::string of;    // a field's structure, a type's "struct", as a message says it; may be empty
  bool gone = true;  // unknown to the compiler; otherwise it is there in another form
  std::vector<std::string>
      arguments;  // a field that holds a function: what this kernel gives it, where a message says so

  [[nodiscard]] std::string text() const;  // "field vm_flags of struct vm_area_struct"
  bool operator==(const Subject& other) const { return kind == other.kind && name == other.name && of == other.of; }
};

// Nothing where a message names nothing of the kernel's: syntax errors, the driver's own names (nv_..., NV_...), tools
// and disks.
std::optional<Subject> subject_of(const Diagnostic& diagnostic);

// The subjects of errors, each once, in their order, and which errors are about each.
struct Causes {
  std::vector<Subject> subjects;
  std::vector<std::vector<std::size_t>> errors;  // of subjects[i]: indices of errors
  std::vector<std::size_t> others;               // errors that name nothing
};
Causes causes_of(const std::vector<Diagnostic>& errors);

}  // namespace vgpukit::diagnostics
