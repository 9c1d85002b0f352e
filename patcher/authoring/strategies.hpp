// Strategies of `vgpukit adapt`: each proposes changes of the driver for one change of the kernel, from the headers of
// both kernels and the driver's code around the errors. Nothing is compiled here.
//
// This header declares the strategies of strategy_*.cpp. A strategy that knows nothing returns no candidate.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "authoring/draft.hpp"
#include "authoring/kernel_commit.hpp"
#include "diagnostics/api_changes.hpp"
#include "diagnostics/diagnostics.hpp"
#include "diagnostics/header_texts.hpp"
#include "kernel/kernel_headers.hpp"
#include "transform/code_view.hpp"
#include "transform/source_tree.hpp"

namespace vgpukit::authoring {

struct Candidate {
  std::string strategy;  // "rename"
  std::string why;       // the evidence, a clause: "6.12's <linux/timer.h> defines it as timer_delete(timer)"
  bool proven = false;   // the headers of both kernels show that the old and the new form mean the same
  DraftOrigin::Shown change;
};

// A later point release of the driver. Only names in it are used, and none of its text.
struct LaterRelease {
  std::string version;
  transform::SourceTree sources;
};

struct Evidence {
  const diagnostics::ApiChange& api;
  std::vector<diagnostics::Diagnostic> errors;       // about it
  diagnostics::HeaderTexts& kernel;                  // of the build
  std::deque<diagnostics::HeaderTexts>& older;       // found by their releases
  const transform::SourceTree& driver;               // the files that were compiled
  const KernelCommit* commit = nullptr;              // that removed or changed it; null: not known
  const std::vector<LaterRelease>* later = nullptr;  // of the driver's branch, the next one first

  // The declaration in the older kernel, and that in this one; null if there is none.
  [[nodiscard]] const diagnostics::Declaration* before() const;
  [[nodiscard]] const diagnostics::Declaration* now() const;
};

// strategy_commit.cpp: what the kernel's developers wrote.
std::vector<Candidate> as_callers(const Evidence& evidence);  // the commit's change of the kernel's own callers
std::vector<Candidate> documented(const Evidence& evidence);  // the function that its message or a comment names
std::string commit_text(const KernelCommit& commit);          // "6.8, 0123456789ab (ticker: one argument)"
// strategy_later.cpp: the names that a later point release of the driver has at the same place.
std::vector<Candidate> later_release(const Evidence& evidence);
// strategy_branches.cpp: the driver's code for another answer of conftest.
std::vector<Candidate> other_branch(const Evidence& evidence);
// strategy_names.cpp: functions, macros, constants and types that are gone.
std::vector<Candidate> rename(const Evidence& evidence);          // the headers show another name for the same
std::vector<Candidate> rebuild(const Evidence& evidence);         // a macro or inline function, from its parts
std::vector<Candidate> drop_value(const Evidence& evidence);      // the value of an initializer
std::vector<Candidate> fail_wrapper(const Evidence& evidence);    // a wrapper of the driver that then always fails
std::vector<Candidate> quote_argument(const Evidence& evidence);  // a macro that takes a string now
// strategy_headers.cpp
std::vector<Candidate> move_header(const Evidence& evidence);     // an #include of a header that is gone
std::vector<Candidate> include_header(const Evidence& evidence);  // a name whose header is no longer included
// strategy_calls.cpp: functions and macros with other arguments or another result.
std::vector<Candidate> remove_argument(const Evidence& evidence);
std::vector<Candidate> add_argument(const Evidence& evidence);
std::vector<Candidate> ignore_result(const Evidence& evidence);  // it returns nothing now
// strategy_fields.cpp
std::vector<Candidate> rename_field(const Evidence& evidence);
std::vector<Candidate> move_field(const Evidence& evidence);    // into a structure that is a member
std::vector<Candidate> use_accessor(const Evidence& evidence);  // a function of this kernel that reads or sets it
std::vector<Candidate> drop_field(const Evidence& evidence);    // its initializers and assignments
// strategy_callbacks.cpp: a function pointer with another type.
std::vector<Candidate> change_callback(const Evidence& evidence);

// strategy_makefiles.cpp: changes of the driver's makefiles. They concern all files, so that only a whole build tries
// them.
struct MakefileChange {
  std::string strategy, why;  // as of Candidate
  bool proven = false;
  Draft draft;
};
// Variables that an older kernel's Kbuild adds to another one, and this kernel's does not read.
std::vector<MakefileChange> unread_variables(const transform::SourceTree& driver, const kernel::KernelHeaders& now,
                                             const std::vector<kernel::KernelHeaders>& older);
// For a kernel (its release) on which conftest has doubtful answers.
std::vector<MakefileChange> conftest_options(const transform::SourceTree& driver, const std::string& release);

// The candidates of all strategies, the most certain first.
std::vector<Candidate> candidates_for(const Evidence& evidence);

// --- what the strategies share ------------------------------------------------------------------------------------

// A place of an error: the file in the driver, and the line.
struct ErrorPlace {
  std::string file;
  int line = 0;
};
std::vector<ErrorPlace> places_of(const std::vector<diagnostics::Diagnostic>& errors);
// The files of the places, each once.
std::vector<std::string> files_of(const std::vector<diagnostics::Diagnostic>& errors);

// Renames the field in all lines with errors. Empty if one of its uses cannot be read.
std::vector<Candidate> rename_field_to(const Evidence& evidence, const std::string& strategy, const std::string& name,
                                       const std::string& why);
// The declarations of a structure's fields in this kernel.
std::vector<const diagnostics::Declaration*> fields_of(diagnostics::HeaderTexts& kernel, const std::string& structure);

// The index of the '{' at file scope before the end of this line: of the function's body around it. 0 if there is none.
std::size_t body_around(const transform::CodeView& view, int line);

// The names of the parameters of a function or macro: {"dev", "mask"}. Empty names if there are none.
std::vector<std::string> parameter_names(const diagnostics::Declaration& function);
// The parameters as they are written: {"struct pci_dev *dev", "u64 mask"}.
std::vector<std::string> parameters_of(std::string_view declaration);

// A step with places "1..", so that it changes all of them. `files`: empty means all C files and headers.
transform::RecognisedStep step(std::string kind, std::vector<std::pair<std::string, std::string>> parameters,
                               std::vector<std::string> files = {});
// A `replace` of all places.
transform::RecognisedStep replace_step(const std::string& find, const std::string& with,
                                       std::vector<std::string> files = {});

}  // namespace vgpukit::authoring
