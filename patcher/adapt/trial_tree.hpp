// The tree in which proposals are tried: a copy of the driver that is built once as a whole, and in which single C
// files are then compiled with the same commands.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "conftest/conftest_ask.hpp"
#include "diagnostics/diagnostics.hpp"
#include "driver/driver.hpp"
#include "kernel/facts.hpp"
#include "support/process.hpp"
#include "support/result.hpp"
#include "transform/source_tree.hpp"

namespace vgpukit::adapt {

struct TrialChoices {
  std::vector<std::string> modules;  // empty: all
  std::set<std::string> accepted;
  unsigned jobs = 1;
};

class TrialTree {
 public:
  // `folder`: below host.work(). It is removed at the end.
  TrialTree(kernel::Facts& facts, const driver::Driver& driver, std::filesystem::path folder, TrialChoices choices);
  TrialTree(const TrialTree&) = delete;
  TrialTree& operator=(const TrialTree&) = delete;
  ~TrialTree();

  // Brings the folder to the driver's sources with these edits. Objects that stay valid are kept. Error: missing if the
  // folder cannot be written.
  Status write(const transform::SourceTree::Edits& edits);
  // Runs make for all modules and verifies them. Returns the errors, those of the verification with the tool "verify";
  // none: it is green. Error: no_space or failed if an error is none of the code (machine_fault()).
  Result<std::vector<diagnostics::Diagnostic>> build();
  // How many warnings the last build had about answers of conftest.
  [[nodiscard]] std::size_t doubtful_answers() const { return doubtful_answers_; }
  // Runs a program on the modules of the last green build: words, and then a folder with them, the release and the
  // root. Error: missing if it cannot be run.
  Result<Outcome> use_modules(const std::vector<std::string>& program,
                              const std::map<std::string, std::string>& environment);
  // Compiles these C files as Kbuild does, without writing objects. Files that Kbuild does not compile are ignored.
  // Error: as build(); failed if Kbuild did not say how it compiles.
  Result<std::vector<diagnostics::Diagnostic>> compile(const std::vector<std::string>& files);
  // The tokens of the preprocessed file, with one blank between them. Empty if it cannot be preprocessed.
  Result<std::string> preprocessed(const std::string& file);

  // Whether an edit of this file needs the whole build: conftest.sh and makefiles.
  static bool needs_build(const std::filesystem::path& file);

 private:
  Status ask_commands();
  [[nodiscard]] Status check_machine(const std::vector<diagnostics::Diagnostic>& errors) const;
  [[nodiscard]] std::optional<Command> command_for(const std::string& file, const std::vector<std::string>& options);

  kernel::Facts& facts_;
  const driver::Driver& driver_;
  std::filesystem::path folder_;
  TrialChoices choices_;
  transform::SourceTree::Edits edits_;  // in the folder
  bool filled_ = false;
  bool has_objects_ = false;
  bool header_changed_ = false;  // since the last build
  std::size_t doubtful_answers_ = 0;
  std::vector<std::filesystem::path> modules_;  // of the last green build, in the folder
  std::optional<conftest::CompileCommands> commands_;
};

}  // namespace vgpukit::adapt
