// The subject of an error: the function, field, type, macro, header or symbol of the kernel that the driver uses and
// that was removed or changed. Known are the messages of gcc 10 to 16, clang, modpost and `vgpukit verify`.
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
  std::string of;    // a field's structure or a type's "struct"; empty if the message does not have it
  bool gone = true;  // unknown to the compiler; false: it exists in another form
  std::vector<std::string>
      arguments;  // of a callback field: the argument types in this kernel, if the message has them

  [[nodiscard]] std::string text() const;  // "field vm_flags of struct vm_area_struct"
  bool operator==(const Subject& other) const { return kind == other.kind && name == other.name && of == other.of; }
};

// Nothing if the message names nothing of the kernel: syntax errors, names of the driver (nv_..., NV_...), faults of
// the machine.
std::optional<Subject> subject_of(const Diagnostic& diagnostic);

// The subjects of errors, each once, in the order of the errors.
struct Causes {
  std::vector<Subject> subjects;
  std::vector<std::vector<std::size_t>> errors;  // of subjects[i]: indices of errors
  std::vector<std::size_t> others;               // indices of errors without a subject
};
Causes causes_of(const std::vector<Diagnostic>& errors);

}  // namespace vgpukit::diagnostics
