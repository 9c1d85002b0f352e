// Caches conftest's answers on disk. The files may be deleted at any time; a damaged file is ignored.
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
  std::vector<kernel::CompileError> errors;  // the first few; errors of the snippet itself have no file name
};

// The verdicts for one kernel, compiler, set of flags and conftest/headers.h.
class VerdictCache {
 public:
  VerdictCache(const HostPaths& host, const std::string& key);
  [[nodiscard]] const ConftestVerdict* find(const std::string& source) const;
  void add(const std::string& source, ConftestVerdict verdict);
  // Merges what another process has added in the meantime. Failures are ignored.
  void save() const;

 private:
  void load();
  fs::path file_;
  std::map<std::string, ConftestVerdict> verdicts_;  // by the hash of the source
  bool changed_ = false;
};

// A test that a compiler answered, for the audit.
struct ConftestCheck {
  std::string test, define, code;
  bool inverted = false;  // a "functions" test
  ConftestVerdict verdict;
};

// All answers of one build.
struct ConftestAnswers {
  std::vector<std::pair<std::string, std::string>> files;  // path below conftest/, text; in the order of writing
  std::vector<ConftestCheck> checks;
  unsigned tests = 0;
  std::vector<std::string> left_to_make;  // tests without an answer
};
std::optional<ConftestAnswers> load_answers(const HostPaths& host, const std::string& key);
void save_answers(const HostPaths& host, const std::string& key, const ConftestAnswers& answers);

}  // namespace vgpukit::conftest
