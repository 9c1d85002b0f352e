// Just enough of the shell's grammar to find the branches of the `case` blocks in conftest.sh: quotes, comments,
// substitutions, here-documents and nesting.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace vgpukit::transform {

struct CaseBranch {
  std::size_t begin = 0;  // of the pattern
  std::size_t pattern_end = 0;
  std::size_t body = 0;               // behind the pattern's ')'
  std::size_t body_end = 0;           // where ";;" is (or esac)
  std::size_t end = 0;                // behind ";;"
  std::vector<std::string> patterns;  // "a|b)" has two
};

struct CaseBlock {
  std::string subject;   // as written: "$1" with its quotes
  std::string function;  // in which it stands; empty at the top level
  std::vector<CaseBranch> branches;
  std::size_t esac = 0;
};

// Blocks that are not closed are left out. Nested blocks come before the ones around them.
std::vector<CaseBlock> find_case_blocks(std::string_view script);

// Whether the name matches the shell pattern; only '*' is special.
bool shell_pattern_matches(std::string_view pattern, std::string_view name);

// Text as it has to stand between double quotes.
std::string in_double_quotes(std::string_view text);

}  // namespace vgpukit::transform
