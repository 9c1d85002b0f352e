// A source's tokens with their brackets matched, and the functions that it defines.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "transform/lexer.hpp"

namespace vgpukit::transform {

// The tokens that the compiler sees (no comments and no space), with the brackets matched.
class CodeView {
 public:
  explicit CodeView(std::string_view source);
  [[nodiscard]] std::string_view source() const { return source_; }
  [[nodiscard]] const std::vector<Token>& code() const { return code_; }  // directives included
  // For a bracket at index i, the index of its partner; npos if it has none. Directives in between (#if in a function
  // body) are skipped. If both branches of an #if/#else open a brace, only the first branch counts.
  [[nodiscard]] std::size_t partner(std::size_t i) const { return partner_[i]; }
  // The number of open braces around token i (`extern "C" {` does not count): 0 is file scope.
  [[nodiscard]] std::size_t depth(std::size_t i) const { return depth_[i]; }
  [[nodiscard]] bool is(std::size_t i, std::string_view text) const {
    return i < code_.size() && code_[i].text == text;
  }
  // The definitions of that function at file scope (name, parameter list, attributes, '{'), as indices of tokens: its
  // first one (where `static inline int` begins), its name, and its braces. They do not overlap: of two signatures with
  // one body the first counts.
  struct Function {
    std::size_t first;
    std::size_t name;
    std::size_t open;
    std::size_t close;
  };
  [[nodiscard]] std::vector<Function> functions(std::string_view name) const;
  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

 private:
  std::string_view source_;
  std::vector<Token> code_;
  std::vector<std::size_t> partner_;
  std::vector<std::size_t> depth_;
};

}  // namespace vgpukit::transform
