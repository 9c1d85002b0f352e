// Compiles conftest's snippets, many in one compiler run where that cannot change an answer.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "conftest/conftest_ask.hpp"
#include "conftest/conftest_cache.hpp"
#include "conftest/conftest_units.hpp"
#include "kernel/header_closures.hpp"
#include "kernel/kernel.hpp"

namespace vgpukit::conftest {

class ConftestCompiler {
 public:
  // `tree`: as the compiler sees it; it is run there. `folder`: a folder of ours in the tree, as we see it.
  ConftestCompiler(const kernel::Kernel& kernel, const KbuildAnswer& ask, std::filesystem::path tree,
                   std::filesystem::path folder, unsigned jobs)
      : kernel_(kernel), ask_(ask), tree_(std::move(tree)), folder_(std::move(folder)), jobs_(jobs) {}

  // For each snippet whether it compiles, as `$CC $CFLAGS -c` would say; nothing where the compiler was killed or took
  // minutes. Error: the compiler cannot be run; "interrupted".
  Result<std::vector<std::optional<ConftestVerdict>>> compile(const std::vector<ConftestSnippet>& snippets,
                                                              const std::string& preamble);
  // For each header whether the compiler finds it; nothing where that cannot be told.
  Result<std::optional<std::vector<bool>>> find_headers(const std::vector<std::string>& headers);
  // Whether these, all of them found, are what conftest.sh calls present as well (-E -M, and then -E -M -MG). Reads,
  // while at it, what `others` bring: headers that the snippets may include, found or not.
  Result<bool> are_present(const std::vector<std::string>& headers, const std::set<std::string>& others,
                           const std::string& preamble);

  [[nodiscard]] unsigned runs() const { return runs_; }
  [[nodiscard]] double cpu_seconds() const { return cpu_seconds_; }
  [[nodiscard]] bool reads_tree() const { return reads_tree_; }  // a snippet includes a file of the driver's own

 private:
  enum class Mode { parse, generate };
  // Headers that the compiler has read before (a precompiled header).
  struct Prefix {
    std::string file;       // for -include
    std::set<int> closure;  // every file that it brings
  };
  using Closures = std::map<std::size_t, std::set<int>>;
  [[nodiscard]] Command command(const std::vector<std::string>& flags, std::string input) const;
  [[nodiscard]] Command compile_command(Mode mode, std::string text, const Prefix* prefix = nullptr) const;
  Result<std::vector<Outcome>> run_these(const std::vector<Command>& commands);
  [[nodiscard]] bool is_own(const std::string& file) const;
  Status find_closures(const std::vector<ConftestSnippet>& snippets, const std::vector<SnippetShape>& shapes,
                       const std::string& preamble, Closures& closures);
  Status make_prefixes(const Closures& closures, const std::string& preamble);
  [[nodiscard]] const Prefix* prefix_for(std::size_t first, const std::vector<SnippetShape>& shapes,
                                         const Closures& closures) const;

  const kernel::Kernel& kernel_;
  const KbuildAnswer& ask_;
  std::filesystem::path tree_, folder_;
  unsigned jobs_;
  kernel::HeaderClosures closures_;
  std::map<std::size_t, SnippetIncludes> includes_;  // of the snippets that are being compiled
  std::vector<Prefix> prefixes_;                     // large ones first
  bool prefixes_made_ = false;
  unsigned runs_ = 0;
  double cpu_seconds_ = 0;
  bool reads_tree_ = false;
};

}  // namespace vgpukit::conftest
