// Compiles conftest's snippets: many in one compiler run if that cannot change an answer.
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
  // `tree`: as the compiler sees it; the working directory of the compiler. `folder`: vgpukit's folder in the tree, as
  // vgpukit sees it.
  ConftestCompiler(const kernel::Kernel& kernel, const KbuildAnswer& ask, std::filesystem::path tree,
                   std::filesystem::path folder, unsigned jobs)
      : kernel_(kernel), ask_(ask), tree_(std::move(tree)), folder_(std::move(folder)), jobs_(jobs) {}

  // Whether `$CC $CFLAGS -c` would compile each snippet; nothing if the compiler was killed or took minutes. Error: the
  // compiler cannot be run; interrupted.
  Result<std::vector<std::optional<ConftestVerdict>>> compile(const std::vector<ConftestSnippet>& snippets,
                                                              const std::string& preamble);
  // Whether the compiler finds each header; nothing if the compiler run failed.
  Result<std::optional<std::vector<bool>>> find_headers(const std::vector<std::string>& headers);
  // Whether conftest.sh would call all of `headers`, which the compiler finds, present (-E -M, and then -E -M -MG).
  // Also reads the closures of `others`: headers that the snippets may include, found or not.
  Result<bool> are_present(const std::vector<std::string>& headers, const std::set<std::string>& others,
                           const std::string& preamble);

  [[nodiscard]] unsigned runs() const { return runs_; }
  [[nodiscard]] double cpu_seconds() const { return cpu_seconds_; }
  [[nodiscard]] bool reads_tree() const { return reads_tree_; }  // a snippet includes a file of the driver

 private:
  enum class Mode { parse, generate };
  // A precompiled header.
  struct Prefix {
    std::string file;       // for -include
    std::set<int> closure;  // every file that it includes
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
  std::vector<Prefix> prefixes_;                     // the largest first
  bool prefixes_made_ = false;
  unsigned runs_ = 0;
  double cpu_seconds_ = 0;
  bool reads_tree_ = false;
};

}  // namespace vgpukit::conftest
