// Compiles conftest's snippets, many in one compiler run where that cannot change an answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "build/conftest_ask.hpp"
#include "build/conftest_cache.hpp"
#include "build/conftest_units.hpp"
#include "kernel/kernel.hpp"

namespace vgpukit {

class ConftestCompiler {
 public:
  // `tree`: as the compiler sees it; it is run there.
  ConftestCompiler(const Kernel& kernel, const ConftestAsk& ask, std::filesystem::path tree, unsigned jobs)
      : kernel_(kernel), ask_(ask), tree_(std::move(tree)), jobs_(jobs) {}

  // For each snippet whether it compiles, as `$CC $CFLAGS -c` would say; nothing where the compiler was killed or took minutes.
  // Error: the compiler cannot be run; "interrupted".
  Result<std::vector<std::optional<ConftestVerdict>>> compile(const std::vector<ConftestSnippet>& snippets,
                                                              const std::string& preamble);
  // For each header whether the kernel has it, as -E -M and then -E -M -MG would say. Nothing where that is not sure.
  Result<std::optional<std::vector<bool>>> find_headers(const std::vector<std::string>& headers);

  [[nodiscard]] unsigned runs() const { return runs_; }
  [[nodiscard]] double cpu_seconds() const { return cpu_seconds_; }
  [[nodiscard]] bool reads_tree() const { return reads_tree_; }  // a snippet includes a file of the driver's own

 private:
  enum class Mode { parse, generate };
  [[nodiscard]] Command command(const std::vector<std::string>& flags, std::string input) const;
  [[nodiscard]] Command compile_command(Mode mode, std::string text) const;
  Result<std::vector<Outcome>> run_these(const std::vector<Command>& commands);
  Status find_closures(const std::vector<ConftestSnippet>& snippets, const std::vector<SnippetShape>& shapes,
                       const std::string& preamble, std::map<std::size_t, std::set<int>>& closures);

  const Kernel& kernel_;
  const ConftestAsk& ask_;
  std::filesystem::path tree_;
  unsigned jobs_;
  unsigned runs_ = 0;
  double cpu_seconds_ = 0;
  bool reads_tree_ = false;
};

}  // namespace vgpukit
