#include "transform/dead_code.hpp"

#include <algorithm>
#include <optional>

#include "support/limits.hpp"
#include "support/number.hpp"
#include "support/text.hpp"

namespace vgpukit::transform {
namespace {

using Kind = Token::Kind;
using Value = std::optional<unsigned long>;  // of a part of a condition; nothing if it is not known

// As KERNEL_VERSION() of linux/version.h.
unsigned long version_code(unsigned long major, unsigned long minor, unsigned long patch) {
  return (major << 16U) + (minor << 8U) + std::min(patch, 255UL);
}

Value code_of(const Version& kernel) {
  const auto part = [&](std::size_t i) { return i < kernel.parts.size() ? kernel.parts[i] : 0UL; };
  return kernel.parts.empty() ? Value() : Value(version_code(part(0), part(1), part(2)));
}

// The condition of an #if or #elif: the tokens from `at` to `end`.
class Condition {
 public:
  Condition(const std::vector<Token>& row, std::size_t at, std::size_t end, Value kernel)
      : row_(row), at_(at), end_(end), kernel_(kernel) {}

  // Nothing if it is not known, or has an operator that is not handled here.
  std::optional<bool> holds() {
    const Value value = any();
    return value && at_ == end_ ? std::optional(*value != 0) : std::nullopt;
  }

 private:
  [[nodiscard]] std::string_view text() const { return at_ < end_ ? row_[at_].text : std::string_view(); }
  bool take(std::string_view wanted) {
    if (text() != wanted) return false;
    ++at_;
    return true;
  }

  Value any() {
    Value left = all();
    while (take("||")) {
      const Value right = all();
      if ((left && *left != 0) || (right && *right != 0))
        left = 1;
      else if (!right)
        left = right;
    }
    return left;
  }

  Value all() {
    Value left = comparison();
    while (take("&&")) {
      const Value right = comparison();
      if ((left && *left == 0) || (right && *right == 0))
        left = 0;
      else
        left = left && right ? Value(1) : Value();
    }
    return left;
  }

  Value comparison() {
    const Value left = operand();
    for (const std::string_view op : {"==", "!=", ">=", "<=", ">", "<"}) {
      if (!take(op)) continue;
      const Value right = operand();
      if (!left || !right) return std::nullopt;
      if (op == "==") return *left == *right;
      if (op == "!=") return *left != *right;
      if (op == ">=") return *left >= *right;
      if (op == "<=") return *left <= *right;
      return op == ">" ? *left > *right : *left < *right;
    }
    return left;
  }

  // Each '!' and '(' takes some of the stack.
  Value operand() {
    if (depth_ == limits::nesting) return unknown();
    ++depth_;
    const Value value = nested_operand();
    --depth_;
    return value;
  }

  Value nested_operand() {
    if (take("!")) {
      const Value value = operand();
      return value ? Value(*value == 0 ? 1 : 0) : value;
    }
    if (take("(")) {
      const Value value = any();
      return take(")") ? value : unknown();
    }
    if (at_ >= end_) return std::nullopt;
    const Token& token = row_[at_++];
    if (token.kind == Kind::number) return number_in<unsigned long>(token.text, token.text.starts_with('0') ? 8 : 10);
    if (token.text == "KERNEL_VERSION") return kernel_version();
    if (token.text == "LINUX_VERSION_CODE") return kernel_;
    if (token.text == "defined" && text() != "(") ++at_;
    if (text() == "(") skip_arguments();
    return std::nullopt;
  }

  Value kernel_version() {
    Value parts[3];
    for (std::size_t i = 0; i < 3; ++i)
      if (!take(i == 0 ? "(" : ",") || !(parts[i] = operand())) return unknown();
    return take(")") ? Value(version_code(*parts[0], *parts[1], *parts[2])) : unknown();
  }

  void skip_arguments() {
    std::size_t depth = 0;
    do {
      depth += text() == "(" ? 1 : 0;
      depth -= text() == ")" ? 1 : 0;
    } while (++at_ < end_ && depth > 0);
  }

  // For what is not a condition of the forms above: the whole is not known.
  Value unknown() {
    at_ = end_ + 1;
    return std::nullopt;
  }

  const std::vector<Token>& row_;
  std::size_t at_, end_;
  std::size_t depth_ = 0;  // of the operand that is read
  Value kernel_;
};

// An #if without its #endif so far.
struct OpenConditional {
  bool outside;        // whether the #if itself is in dead code
  bool taken = false;  // whether one of its branches so far is certainly compiled
};

}  // namespace

std::vector<Span> dead_code(const std::vector<Token>& row, const Version& kernel) {
  std::vector<Span> spans;
  std::vector<OpenConditional> open;
  bool dead = false;
  for (std::size_t i = 0; i + 1 < row.size(); ++i) {
    if (row[i].kind != Kind::directive || row[i].text.empty()) continue;
    const std::string_view name = row[i + 1].text;
    std::size_t end = i + 1;
    while (end < row.size() && row[end].kind != Kind::directive) ++end;
    const bool begins = name == "if" || name == "ifdef" || name == "ifndef";
    if (begins)
      open.push_back({dead});
    else if (open.empty() || (name != "endif" && name != "else" && !name.starts_with("elif")))
      continue;
    OpenConditional& top = open.back();
    const bool was_dead = dead;
    if (name == "endif") {
      dead = top.outside;
    } else {
      std::optional<bool> holds;
      if (name == "if" || name == "elif") holds = Condition(row, i + 2, end, code_of(kernel)).holds();
      dead = top.outside || top.taken || holds == false;
      top.taken = top.taken || holds == true;
    }
    if (!top.outside && was_dead) spans.back().end = row[i].offset;
    if (!top.outside && dead) spans.push_back({row[end].offset, std::string_view::npos});
    if (name == "endif") open.pop_back();
  }
  return spans;
}

bool may_have_dead_code(std::string_view source) {
  return contains(source, "LINUX_VERSION_CODE") || contains(source, "if 0") || contains(source, "if 1");
}

}  // namespace vgpukit::transform
