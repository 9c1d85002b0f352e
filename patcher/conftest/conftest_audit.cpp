#include "conftest/conftest_audit.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "support/text.hpp"

namespace vgpukit::conftest {
namespace {

template <std::size_t n>
bool says(const kernel::CompileError& error, const std::array<std::string_view, n>& parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return error.message.find(part) != std::string::npos; });
}

// The call or the redefinition does not match what a header declares.
bool wrong_arguments(const kernel::CompileError& error) {
  static constexpr std::array<std::string_view, 15> texts = {
      "too few arguments",  // gcc, clang: function call, macro invocation
      "too many arguments",
      "arguments, but only",  // gcc: macro "x" requires 2 arguments, but only 1 given
      "argument, but only",
      "arguments, but takes just",
      "incompatible type for argument",
      "passing argument",
      "passing '",  // clang
      "conflicting types for",
      "void value not ignored",  // it is declared, and returns nothing
      "invalid use of void expression",
      "called object",                          // gcc: it is an object: a constant with a function's name
      "is not a function or function pointer",  // clang
      "argument 'x' was not specified",
      "incompatible return type"};
  return says(error, texts);
}

// Only where the test is written in a way that the flags forbid.
bool about_shape(const kernel::CompileError& error) {
  static constexpr std::array<std::string_view, 9> texts = {"no return statement in function",
                                                            "control reaches end of non-void",
                                                            "does not return a value",
                                                            "strict-prototypes",
                                                            "missing-prototypes",
                                                            "missing-declarations",
                                                            "[-Werror=unused",
                                                            "[-Werror,-Wunused",
                                                            "old-style-definition"};
  return says(error, texts);
}

bool is_missing_file(const kernel::CompileError& error) {
  return error.fatal && (error.message.find("No such file") != std::string::npos ||
                         error.message.find("file not found") != std::string::npos);
}

bool own(const kernel::CompileError& error) {
  return error.file.empty();
}

bool in_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

diagnostics::Diagnostic warning(const ConftestFinding& finding) {
  diagnostics::Diagnostic made;
  made.kind = diagnostics::Diagnostic::Kind::warning;
  made.tool = "conftest";
  made.file = own(finding.error) ? "conftest.sh" : finding.error.file;
  made.line = own(finding.error) ? 0 : finding.error.line;
  return made;
}

std::string answer_of(const ConftestCheck& check) {
  return check.inverted ? "present" : "absent";
}

// What the kernel's headers themselves say about the function: nothing when they cannot be asked.
std::optional<bool> declared(kernel::Facts& facts, const std::string& function, const std::string& code) {
  kernel::Question question;
  question.kind = kernel::Question::Kind::declaration;
  question.name = function;
  for (const auto& header : headers_of(code)) {
    const auto there = facts.ask({kernel::Question::Kind::header, header, {}, {}, {}});
    if (there && there->yes) question.headers.push_back(header);
  }
  if (question.headers.empty()) return false;
  const auto answer = facts.ask(question);
  if (!answer) return std::nullopt;
  return answer->yes;
}

// Nothing when the headers bear the test out.
std::optional<diagnostics::Diagnostic> false_negative_warning(kernel::Facts& facts, const ConftestCheck& check,
                                                              const ConftestFinding& finding) {
  const std::string function = check.inverted ? called_function(check.code) : std::string();
  std::optional<bool> fact;
  if (!function.empty()) fact = declared(facts, function, check.code);
  if (fact == true) return std::nullopt;
  diagnostics::Diagnostic made = warning(finding);
  made.message = "the test " + check.test + " says \"" + answer_of(check) +
                 "\" only because of another error: " + finding.error.message;
  const std::string believes =
      check.inverted
          ? "the driver now believes that this kernel has " +
                (function.empty() ? "what it asked for" : function + "()") + " (" + check.define + " is defined)"
          : "the driver now believes that this kernel lacks it (" + check.define + " is not defined)";
  const std::string set = " a recipe can `replace` its compile_check_conftest line in conftest.sh by `echo \"#" +
                          std::string(check.inverted ? "undef " : "define ") + check.define + "\"`";
  if (fact == false)
    made.hint = believes + ", but its headers declare no " + function + ";" + set;
  else
    made.hint = believes + "; if that is wrong," + set;
  return made;
}

}  // namespace

std::string called_function(std::string_view code) {
  const auto open = code.find('{');
  for (std::size_t i = open == std::string_view::npos ? code.size() : open; i < code.size();) {
    if (!in_word(code[i])) {
      ++i;
      continue;
    }
    const auto begin = i;
    while (i < code.size() && in_word(code[i])) ++i;
    const auto name = code.substr(begin, i - begin);
    auto next = i;
    while (next < code.size() && (code[next] == ' ' || code[next] == '\n')) ++next;
    const bool word =
        name == "return" || name == "if" || name == "while" || name == "for" || name == "sizeof" || name == "offsetof";
    if (next < code.size() && code[next] == '(' && !word && std::isdigit(static_cast<unsigned char>(name.front())) == 0)
      return std::string(name);
  }
  return {};
}

std::vector<std::string> headers_of(std::string_view code) {
  std::vector<std::string> headers;
  for (std::size_t at = 0; (at = code.find("#include", at)) != std::string_view::npos;) {
    const auto line_end = std::min(code.find('\n', at), code.size());
    const auto line = code.substr(at, line_end - at);
    const auto open = line.find('<');
    const auto close = line.find('>');
    if (open != std::string_view::npos && close != std::string_view::npos && open < close)
      headers.emplace_back(line.substr(open + 1, close - open - 1));
    at = line_end;
  }
  return headers;
}

ConftestFinding classify_failure(const ConftestCheck& check) {
  const auto& errors = check.verdict.errors;
  const auto first = [&](const auto& wanted) { return std::find_if(errors.begin(), errors.end(), wanted); };
  if (errors.empty()) return {};  // the compiler said nothing that could be read
  const bool asks_for_function = check.inverted && !called_function(check.code).empty();
  if (asks_for_function) {
    if (first([](const kernel::CompileError& e) { return own(e) && wrong_arguments(e); }) != errors.end()) return {};
  } else {
    // A name or a member that is not there, a macro that does not take this (a "functions" test that calls nothing), or
    // anything else that the test's own lines could not be compiled for.
    if (first([](const kernel::CompileError& e) { return own(e) && !about_shape(e); }) != errors.end()) return {};
  }
  if (const auto header = first([](const kernel::CompileError& e) { return !own(e); }); header != errors.end())
    return {ConftestFailure::header, *header};
  if (about_shape(errors.front())) return {ConftestFailure::form, errors.front()};
  return {ConftestFailure::other, errors.front()};
}

std::vector<diagnostics::Diagnostic> audit_conftest(kernel::Facts& facts, const std::vector<ConftestCheck>& checks) {
  std::vector<diagnostics::Diagnostic> warnings;
  struct Broken {
    ConftestFinding finding;
    std::vector<std::string> present, absent;
  };
  std::map<std::string, Broken> broken;  // by place and words
  for (const auto& check : checks) {
    const auto finding = classify_failure(check);
    if (finding.failure == ConftestFailure::expected) continue;
    if (finding.failure != ConftestFailure::header) {
      if (auto made = false_negative_warning(facts, check, finding)) warnings.push_back(std::move(*made));
      continue;
    }
    auto& one = broken[finding.error.file + ":" + std::to_string(finding.error.line) + finding.error.message];
    one.finding = finding;
    (check.inverted ? one.present : one.absent).push_back(check.test);
  }
  for (auto& [place, one] : broken) {
    diagnostics::Diagnostic made = warning(one.finding);
    made.message = "this header of the kernel does not compile (" + one.finding.error.message +
                   "), and what conftest says about it is not to be believed: ";
    if (!one.present.empty()) made.message += "\"present\" to " + join(one.present, ", ");
    if (!one.absent.empty())
      made.message += std::string(one.present.empty() ? "" : "; ") + "\"absent\" to " + join(one.absent, ", ");
    made.hint = is_missing_file(one.finding.error) ? "the kernel's headers are not complete: install them again"
                                                   : "install the kernel's headers again; if the header is meant to be "
                                                     "like that, a recipe can `replace` each test's "
                                                     "compile_check_conftest line in conftest.sh by "
                                                     "`echo \"#define NAME\"` or `echo \"#undef NAME\"`";
    warnings.push_back(std::move(made));
  }
  return warnings;
}

}  // namespace vgpukit::conftest
