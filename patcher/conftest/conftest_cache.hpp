// What conftest has been answered before, on disk: deletable at any time, and worth nothing when it is damaged.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernel/snippets.hpp"
#include "support/host_paths.hpp"

namespace vgpukit::conftest {

// Whether a snippet compiles, and why not.
struct ConftestVerdict {
  bool compiled = false;
  std::vector<kernel::CompileError> errors;  // the first few, outside of the snippet with the header's name
};

// The verdicts for one kernel, compiler, set of flags and conftest/headers.h.
class VerdictCache {
 public:
  VerdictCache(const HostPaths& host, const std::string& key);
  [[nodiscard]] const ConftestVerdict* find(const std::string& source) const;
  void add(const std::string& source, ConftestVerdict verdict);
  // With what another process has added in the meantime. One that cannot be written is only slower.
  void save() const;

 private:
  void load();
  fs::path file_;
  std::map<std::string, ConftestVerdict> verdicts_;  // by the hash of the source
  bool changed_ = false;
};

// A question that the audit asks of each test that was answered by a compiler: kept with the answers.
struct ConftestCheck {
  std::string test, define, code;
  bool inverted = false;  // a "functions" test
  ConftestVerdict verdict;
};

// Everything that one build asked: the files of conftest/, in the order in which they have to be written, and what the
// audit needs.
struct ConftestAnswers {
  std::vector<std::pair<std::string, std::string>> files;  // path below conftest/, text
  std::vector<ConftestCheck> checks;
  unsigned tests = 0;
  std::vector<std::string> left_to_make;  // tests that were left to make
};
std::optional<ConftestAnswers> load_answers(const HostPaths& host, const std::string& key);
void save_answers(const HostPaths& host, const std::string& key, const ConftestAnswers& answers);

}  // namespace vgpukit::conftest
